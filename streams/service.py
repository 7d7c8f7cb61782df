"""A stream worker as a process: starts, runs until a signal or a failure, and says how it ended."""

import asyncio
import gc
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from mode.loop import use

from streams.config import StreamsConfig
from wire.access import grant_of
from wire.access_check import see_rights
from wire.errors import OperatorError

if TYPE_CHECKING:
    from streams.app import StreamsApp

log = structlog.get_logger(__name__)

__all__ = ["StreamsConfig", "run_streams"]

EXIT_OK = 0
EXIT_FAILED = 3

_STOP_TIMEOUT_S = 15.0
_GC_THRESHOLD = 50_000
"""Allocations between collections: a batch makes hundreds of objects and no cycles."""


def run_streams(config: StreamsConfig, ready: Callable[[], None] = lambda: None) -> int:
    """Run one worker in this process until SIGTERM or SIGINT; blocks.

    `ready` is called when the worker has its policies and has asked for its partitions. Returns the
    exit code: 0 after a signal, 3 after a failure, whose reason is logged. What was not acknowledged
    is judged again by whoever reads it next.
    """
    use("uvloop")  # Faust's own setting for it crashes (faust-streaming 0.15.3)
    with asyncio.Runner() as runner:
        return runner.run(_run(config, ready))


async def _run(config: StreamsConfig, ready: Callable[[], None]) -> int:
    config.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        await asyncio.to_thread(see_rights, config.kafka, grant_of("streams", config.topics))
    except OperatorError as error:
        log.error("the stream worker failed", worker=config.worker, error=str(error))
        return EXIT_FAILED
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled.set)

    from streams.app import create_app  # noqa: PLC0415  # Faust must not be imported before the loop is chosen

    app = create_app(config)
    app.in_worker = True
    ended = asyncio.create_task(_until_ended(app, ready))
    asked = asyncio.create_task(signalled.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    if asked.done():
        log.info("stopping: asked by a signal", worker=config.worker)
    await _stop(app)
    ended.cancel()
    asked.cancel()
    failure = app.crash_reason or (await asyncio.gather(ended, return_exceptions=True))[0]
    if isinstance(failure, Exception):
        log.error("the stream worker failed", worker=config.worker, error=str(failure))
        return EXIT_FAILED
    return EXIT_OK


async def _until_ended(app: "StreamsApp", ready: Callable[[], None]) -> None:
    await app.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    if not app.should_stop:
        ready()
    await app.wait_until_stopped()


async def _stop(app: "StreamsApp") -> None:
    try:
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await app.stop()
    except TimeoutError:
        log.warning("the worker did not stop in time and is left as it is", seconds=_STOP_TIMEOUT_S)
