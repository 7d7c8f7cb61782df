"""Waits for whoever wants this process to end."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lictor.runtime.supervisor import Supervisor

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_interrupted(supervisor: Supervisor) -> signal.Signals:
    """Return the first SIGINT, SIGTERM or SIGHUP; raise ChildFailedError if a child gives up before it.

    Until this is awaited, SIGINT cancels the main task of asyncio.run, and the others end the process,
    whereupon the guardians end the children. Afterwards these signals are as they were.
    """
    loop = asyncio.get_running_loop()
    received: asyncio.Queue[signal.Signals] = asyncio.Queue()
    previous = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        loop.add_signal_handler(number, received.put_nowait, number)
    arriving = asyncio.create_task(received.get())
    failing = asyncio.create_task(supervisor.failed())
    try:
        await asyncio.wait([arriving, failing], return_when=asyncio.FIRST_COMPLETED)
        if failing.done():
            failing.result()
        return arriving.result()
    finally:
        arriving.cancel()
        failing.cancel()
        await asyncio.gather(arriving, failing, return_exceptions=True)
        for number, handler in previous.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
