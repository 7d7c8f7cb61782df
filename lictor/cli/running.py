"""Run an asynchronous command until it ends or a signal asks it to, and clean up either way."""

import asyncio
from collections.abc import Coroutine

from lictor.exit_codes import OK
from lictor.runtime.interrupt import until_interrupted
from wire.errors import OperatorError


def run_until_signal(main: Coroutine[object, object, int], *, when_asked: int = OK) -> int:
    """The command's exit code; `when_asked` when a signal ended it, after its contexts have closed.

    Raises:
        OperatorError: as the command raised it, also out of a group of tasks.
    """
    try:
        return asyncio.run(_code(main, when_asked))
    except BaseExceptionGroup as group:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        if isinstance(first, OperatorError):
            raise first from None
        raise


async def _code(main: Coroutine[object, object, int], when_asked: int) -> int:
    codes: list[int] = []

    async def work() -> None:
        codes.append(await main)

    await until_interrupted(work())
    return codes[0] if codes else when_asked
