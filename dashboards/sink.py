"""The sink: topics to data streams. Reads, hands batches to writers, commits what is done.

A record is done once each of its documents is stored, or found stored, or among the dead letters.
Batches are written side by side; while as many wait as may, reading stands still, so memory is bounded
however long Elasticsearch is away, and the sink stays a member of its group.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from dashboards import metrics
from dashboards.bulk import Entry
from dashboards.conversion import Conversion, Converted, convert
from dashboards.dead_letters import DeadLetters
from dashboards.source import Received, Source
from dashboards.writer import Writer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much at once. A batch's sizes are of records; their documents are up to three times as large."""

    batch_documents: int = 1000
    batch_bytes: int = 4 * 1_048_576
    request_documents: int = 1000
    """In one bulk request: a record of the events topic gives hundreds."""
    request_bytes: int = 16 * 1_048_576
    wait_s: float = 0.1
    """A batch that is not full goes after this long."""
    requests: int = 3
    """Bulk requests under way at once."""
    batches: int = 6
    """Batches read and not done, those under way included; reading pauses beyond."""
    commit_s: float = 1.0
    drain_s: float = 5.0
    """At the end, or when a partition is taken away: how long to wait for what is under way."""


_ROOM_WAIT_S = 0.5


class Switch(Protocol):
    """What tells the sink to stop: an event of threading or asyncio."""

    def is_set(self) -> bool:
        """Whether to stop."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Batch:
    received: list[Received]
    converted: Converted


def requests(entries: list[Entry], limits: Limits) -> Iterator[list[Entry]]:
    """The entries in their order, as many at a time as one request may have."""
    some: list[Entry] = []
    size = 0
    for entry in entries:
        if some and (
            len(some) >= limits.request_documents or size + len(entry.document) > limits.request_bytes
        ):
            yield some
            some, size = [], 0
        some.append(entry)
        size += len(entry.document)
    if some:
        yield some


class Sink:
    """One run of the sink, on one event loop."""

    def __init__(
        self,
        source: Source,
        writers: Mapping[str, Writer],
        dead_letters: DeadLetters,
        conversions: dict[str, Conversion],
        limits: Limits,
    ) -> None:
        """`writers`: one for every data stream that the conversions of the topics name."""
        self._source = source
        self._writers = writers
        self._dead_letters = dead_letters
        self._limits = limits
        self._conversions = conversions
        self._waiting: asyncio.Queue[_Batch] = asyncio.Queue()
        self._undone = 0
        self._done = asyncio.Event()

    async def run(self, stop: Switch, on_ready: Callable[[], None]) -> None:
        """Until `stop`; `on_ready` is called once partitions are assigned.

        Raises an ExceptionGroup of what a reader or writer cannot go on from. Nothing is committed
        that is not done, so a new run goes on where this one stopped.
        """
        await self._source.subscribe(self._conversions)
        async with asyncio.TaskGroup() as group:
            writers = [group.create_task(self._write()) for _ in range(self._limits.requests)]
            await self._read(stop, on_ready)
            await self._drain()
            for writer in writers:
                writer.cancel()

    async def _read(self, stop: Switch, on_ready: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        limits = self._limits
        ready = paused = False
        commit_at = loop.time() + limits.commit_s
        while not stop.is_set():
            full = not await self._has_room()
            if full != paused:
                await (self._source.pause() if full else self._source.resume())
                paused = full
                metrics.paused.set(full)
            received = await self._source.read(limits.batch_documents, limits.batch_bytes, limits.wait_s)
            if received:
                self._undone += 1
                metrics.batches_waiting.set(self._undone)
                self._waiting.put_nowait(
                    _Batch(received=received, converted=convert(received, self._conversions))
                )
            if self._source.assigned.is_set() and not ready:
                ready = True
                on_ready()
            if loop.time() >= commit_at:
                await self._source.commit()
                commit_at = loop.time() + limits.commit_s

    async def _has_room(self) -> bool:
        """Whether another batch may be read. A short wait is cheaper than a pause, which drops fetches."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ROOM_WAIT_S):
                while self._undone >= self._limits.batches:
                    self._done.clear()
                    await self._done.wait()
        return self._undone < self._limits.batches

    async def _write(self) -> None:
        while True:
            batch = await self._waiting.get()
            await self._dead_letters.put(batch.converted.rejections)
            for stream, entries in batch.converted.entries.items():
                for some in requests(entries, self._limits):
                    await self._dead_letters.put(await self._writers[stream].write(some))
            self._source.finished(batch.received)
            _observe(batch.received)
            self._undone -= 1
            self._done.set()
            metrics.batches_waiting.set(self._undone)
            self._waiting.task_done()

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._limits.drain_s):
                await self._waiting.join()
        except TimeoutError:
            log.warning("stopping with batches not done; they will be read again", batches=self._undone)


def _observe(received: list[Received]) -> None:
    written_ms = min((record.written_ms for record in received if record.written_ms), default=0)
    if written_ms:
        metrics.written_to_stored_seconds.observe(max(0.0, time.time() - written_ms / 1000))
