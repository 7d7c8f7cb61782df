"""``python -m lictor.runtime``: the broker and Elasticsearch in the foreground, until SIGINT or SIGTERM.

One line of JSON on standard output says where they are once both are ready; changes go to standard error.
Exit code 3, with a sentence on what to do, when they cannot be started or have failed for good.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints
import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lictor.runtime.errors import LocalRuntimeError
from lictor.runtime.interrupt import until_interrupted
from lictor.runtime.servers import find_servers
from lictor.runtime.state import LocalState
from lictor.runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from lictor.runtime.child import Change

SERVERS = ("kafka", "elasticsearch")


def show(change: Change) -> None:
    """One line a change."""
    print(f"{change.name}: {change.state.value} {change.detail}".rstrip(), file=sys.stderr, flush=True)


async def serve(state: LocalState, wanted: list[str], *, secured: bool) -> None:
    """Run the wanted servers until one has failed for good."""
    servers = find_servers(
        state, kafka="kafka" in wanted, elasticsearch="elasticsearch" in wanted, secured=secured
    )
    async with Supervisor(show, state.guardians) as supervisor:
        await servers.start(supervisor, state)
        addresses = {
            "bootstrap": servers.bootstrap,
            "elasticsearch": servers.url,
            "pids": supervisor.pids(),
        }
        print(json.dumps(addresses), flush=True)
        await supervisor.failed()


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m lictor.runtime", description=__doc__)
    parser.add_argument("servers", nargs="*", choices=[*SERVERS, []], help="which (default: both)")
    parser.add_argument("--state", type=Path, help="state folder (default: LICTOR_STATE, or the system's)")
    parser.add_argument("--plain", action="store_true", help="let everybody in who reaches loopback")
    arguments = parser.parse_args()
    try:
        with LocalState.at(arguments.state) as state:
            wanted = arguments.servers or list(SERVERS)
            asyncio.run(until_interrupted(serve(state, wanted, secured=not arguments.plain)))
    except (LocalRuntimeError, OSError) as error:
        print(f"runtime: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
