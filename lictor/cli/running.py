"""Run an asynchronous command until it ends or a signal asks it to, and clean up either way."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from lictor.exit_codes import OK
from lictor.runtime.errors import LocalRuntimeError


def run_until_signal(main: Coroutine[Any, Any, int], *, when_asked: int = OK) -> int:
    """The command's exit code; `when_asked` when a signal ended it, after its contexts have closed.

    Raises:
        LocalRuntimeError: as the command raised it, also out of a group of tasks.
    """
    with asyncio.Runner() as runner:
        return runner.run(_guarded(main, when_asked))


async def _guarded(main: Coroutine[Any, Any, int], when_asked: int) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    asked = False

    def ask() -> None:
        nonlocal asked
        # Once is enough: cancelling again would interrupt the cleaning up.
        if not asked:
            asked = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)
    try:
        return await task
    except asyncio.CancelledError:
        if asked:
            return when_asked
        raise
    except BaseExceptionGroup as group:
        first = group.exceptions[0]
        if isinstance(first, LocalRuntimeError):
            raise first from None
        raise
