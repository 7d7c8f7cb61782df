"""Runs something until it ends or somebody wants this process to end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_interrupted(work: Coroutine[object, object, None]) -> signal.Signals | None:
    """Run `work`; at the first SIGINT, SIGTERM or SIGHUP cancel it, let it clean up, and return the signal.

    Returns None when the work ends by itself, and raises what it raises. A second signal has its ordinary
    effect, so that whoever is in a hurry need not wait for the clean-up: guardians then end the children.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work)
    received: list[signal.Signals] = []
    previous = {number: signal.getsignal(number) for number in SIGNALS}

    def restore() -> None:
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)

    def receive(number: signal.Signals) -> None:
        received.append(number)
        restore()
        task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, receive, number)
    try:
        await task
    except asyncio.CancelledError:
        if not received:
            raise
        return received[0]
    finally:
        if not received:
            restore()
    return None
