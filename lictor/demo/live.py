"""The demonstration on a live stack: brings up what it needs, tells the story, shows the table."""

import asyncio
from collections.abc import Awaitable, Callable

from rich.console import Console

from lictor.demo.report import table
from lictor.demo.scenario import Result, Scenario
from lictor.demo.terminal import Terminal
from lictor.exit_codes import FINDINGS, INFRASTRUCTURE, OK
from lictor.pipeline.stack import Stack
from lictor.runtime.child import Change
from lictor.sample.container import SampleContainer
from lictor.sample.documents import workload_map
from lictor.sample.rootfs import build_rootfs
from lictor.settings import Settings
from wire.text import printable


async def demonstrate(
    settings: Settings,
    console: Console,
    on_change: Callable[[Change], None],
    afterwards: Callable[[Stack], Awaitable[None]] | None = None,
) -> int:
    """Run the story once on a stack of its own; 0 if every part of it was seen to be true, else 1.

    With `afterwards` the stack and the container stay up until that returns or is cancelled.
    """

    def progress(line: str) -> None:
        console.print(printable(line), style="dim")

    console.print("Starting Kafka, Elasticsearch, the services and a container. The first time takes longer.")
    rootfs = asyncio.create_task(asyncio.to_thread(build_rootfs, progress))
    try:
        async with Stack(settings, live=True, identities=workload_map(), on_change=on_change) as stack:
            await rootfs
            async with SampleContainer(log=progress) as container:
                result = await Scenario(stack, container, Terminal(console)).run()
                show(console, stack, result)
                if afterwards is not None:
                    await afterwards(stack)
                    return INFRASTRUCTURE
    finally:
        rootfs.cancel()
    return FINDINGS if result.failures else OK


def show(console: Console, stack: Stack, result: Result) -> None:
    """The table, the query and how it went."""
    console.print()
    console.print(table(result.seen))
    console.print()
    console.print("The shell's denial in Elasticsearch:", style="bold")
    console.print(f"  {printable(result.query)}")
    console.print()
    if result.failures:
        for failure in result.failures:
            console.print(printable(failure), style="bold red")
        console.print(
            f"Not as told: {len(result.failures)} part(s). Logs in {stack.state.logs}", style="bold red"
        )
    else:
        console.print("As told: audited, stopped, and on record.", style="bold green")
