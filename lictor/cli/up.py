"""`lictor up`: the whole way on this machine, watched until Ctrl-C."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from lictor.cli.context import fail, given, out, warn
from lictor.cli.policy_files import read_policies
from lictor.cli.policy_state import asking
from lictor.cli.running import run_until_signal
from lictor.demo.terminal import Terminal
from lictor.exit_codes import INFRASTRUCTURE, USAGE
from lictor.pipeline.feed import Feed
from lictor.pipeline.playback import RecordingError, check, play
from lictor.pipeline.stack import Stack
from lictor.runtime.child import Change as ChildChange
from lictor.runtime.child import ChildState
from lictor.settings import Settings
from policy.changes import PolicyApplied
from policy.documents import Document
from wire.policy_log import append_change

_KNOWN_S = 15.0


def up(
    context: typer.Context,
    demo: Annotated[bool, typer.Option("--demo", help="Run the sample and its attack first.")] = False,
    recording: Annotated[
        Path | None,
        typer.Option("--from", help="Judge recorded events (`lictor events -o json`); no enforcement."),
    ] = None,
    policies: Annotated[
        list[Path] | None, typer.Option("--policy", help="Put these files or folders in force first.")
    ] = None,
    identity_map: Annotated[Path | None, typer.Option(help="YAML map of cgroups to workloads.")] = None,
) -> None:
    """Start everything on this machine and watch it until Ctrl-C.

    Runs Kafka and Elasticsearch as children unless --bootstrap or --elasticsearch name others.
    """
    settings = given(context).settings(identity_map=identity_map)
    if demo and recording is not None:
        fail("--demo attacks a live container and --from judges a recording: give one of them", USAGE)
    documents = read_policies(policies) if policies else []
    if recording is not None:
        code = run_until_signal(_recorded(settings, recording, documents))
    elif os.geteuid() != 0:
        fail(
            "watching this machine needs root, for eBPF: run `sudo lictor up`, or judge recorded events with "
            "`lictor up --from FILE`, which needs no privilege",
            USAGE,
        )
    elif demo:
        from lictor.demo.live import demonstrate  # noqa: PLC0415  # it imports much that others do not need

        code = run_until_signal(demonstrate(settings, out, show_change, afterwards=_go_on))
    else:
        if settings.identity_map is None:
            warn("no --identity-map: containers are seen, and judged `unknown` until somebody names them")
        code = run_until_signal(_live(settings, documents))
    raise typer.Exit(code)


async def _go_on(stack: Stack) -> None:
    _say_where(stack)
    async with Feed(stack.kafka, stack.topics) as feed:
        await watch(stack, feed)


async def _live(settings: Settings, documents: list[Document]) -> int:
    async with Stack(settings, live=True, on_change=show_change) as stack:
        await _put_in_force(stack, documents)
        await _go_on(stack)
    return INFRASTRUCTURE


async def _recorded(settings: Settings, recording: Path, documents: list[Document]) -> int:
    try:
        await asyncio.to_thread(check, recording)
    except RecordingError as error:
        fail(str(error), USAGE)

    async def send(stack: Stack) -> None:
        count = await play(stack.kafka, stack.topics, recording)
        out.print(f"{count} recorded events sent; recordings are judged and never enforced")

    async with Stack(settings, live=False, on_change=show_change) as stack:
        _say_where(stack)
        await _put_in_force(stack, documents)
        # Before anything is sent, so that nothing which comes of it is missed.
        async with Feed(stack.kafka, stack.topics) as feed, asyncio.TaskGroup() as group:
            group.create_task(send(stack))
            group.create_task(watch(stack, feed))
    return INFRASTRUCTURE


async def _put_in_force(stack: Stack, documents: list[Document]) -> None:
    """Policies in force and known to every service that judges, before anything is judged."""
    offset = -1
    for document in documents:
        change = PolicyApplied(document=msgspec.Raw(document.canonical), by=asking())
        offset = await asyncio.to_thread(append_change, stack.kafka, stack.topics, change)
        out.print(f"in force: {document.title}")
    await stack.wait_until_known(offset, _KNOWN_S)


async def watch(stack: Stack, feed: Feed) -> None:
    """Show what comes out until cancelled, or until a part has failed for good."""
    terminal = Terminal(out)

    async def show() -> None:
        while True:
            terminal.happened(await feed.next())

    async with asyncio.TaskGroup() as group:
        group.create_task(show())
        group.create_task(stack.supervisor.failed())


def show_change(change: ChildChange) -> None:
    """Say that a part is up, or down."""
    if change.state in {ChildState.READY, ChildState.FAILED, ChildState.BACKING_OFF}:
        out.print(f"{change.name:<14} {change.state.value}", style="dim")


def _say_where(stack: Stack) -> None:
    out.print(
        f"Kafka at {stack.bootstrap}, Elasticsearch at {stack.elasticsearch}, logs in {stack.state.logs}"
    )
    if stack.netrc is not None:
        out.print(
            f"Elasticsearch asks who one is: curl --netrc-file {stack.netrc} {stack.elasticsearch}/_search"
        )
    out.print("Watching. Ctrl-C ends it. In another terminal: lictor verdicts, lictor policy apply FILE")
