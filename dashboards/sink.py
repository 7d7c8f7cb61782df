"""The sink: topics to data stream. Reads, hands batches to writers, commits what is done.

A record is done once its document is stored, or found stored, or the record is among the dead
letters. Batches are written side by side; while as many wait as may, reading stands still, so memory
is bounded however long Elasticsearch is away, and the sink stays a member of its group.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from dashboards import documents, metrics
from dashboards.bulk import Entry, Origin, Rejection
from dashboards.dead_letters import DeadLetters
from dashboards.documents import DocumentError
from dashboards.source import Received, Source
from dashboards.writer import Writer
from wire.codec import RecordError, read_outcome, read_verdict
from wire.topics import Topics

log = structlog.get_logger(__name__)

NO_DOCUMENT = "no-document"
"""Dead letter code: the record is readable, and says what no document can hold."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much at once. Sizes are of Kafka records; their documents are up to three times as large."""

    batch_documents: int = 1000
    batch_bytes: int = 4 * 1_048_576
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


@dataclass(kw_only=True)
class _Batch:
    entries: list[Entry] = field(default_factory=list)
    unreadable: list[Rejection] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)


def _verdict(value: bytes | None) -> tuple[str, bytes]:
    record = read_verdict(value)
    return documents.verdict_document_id(record), documents.encode(documents.verdict_document(record))


def _outcome(value: bytes | None) -> tuple[str, bytes]:
    outcome = read_outcome(value)
    return documents.outcome_document_id(outcome), documents.encode(documents.outcome_document(outcome))


class Sink:
    """One run of the sink, on one event loop."""

    def __init__(
        self, source: Source, writer: Writer, dead_letters: DeadLetters, topics: Topics, limits: Limits
    ) -> None:
        self._source = source
        self._writer = writer
        self._dead_letters = dead_letters
        self._limits = limits
        self._convert: dict[str, Callable[[bytes | None], tuple[str, bytes]]] = {
            topics.verdicts.name: _verdict,
            topics.outcomes.name: _outcome,
        }
        self._waiting: asyncio.Queue[_Batch] = asyncio.Queue()
        self._undone = 0
        self._done = asyncio.Event()

    async def run(self, stop: Switch, on_ready: Callable[[], None]) -> None:
        """Until `stop`; `on_ready` is called once partitions are assigned.

        Raises an ExceptionGroup of what a reader or writer cannot go on from. Nothing is committed
        that is not done, so a new run goes on where this one stopped.
        """
        await self._source.subscribe(self._convert)
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
                self._waiting.put_nowait(self._batch(received))
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

    def _batch(self, received: list[Received]) -> _Batch:
        batch = _Batch(received=received)
        for record in received:
            progress = record.progress
            origin = Origin(
                progress=progress, offset=record.offset, key=record.key, value=record.value or b""
            )
            try:
                identifier, document = self._convert[progress.topic](record.value)
            except RecordError as error:
                batch.unreadable.append(Rejection(origin=origin, code=error.code, sentence=error.sentence))
            except DocumentError as error:
                batch.unreadable.append(Rejection(origin=origin, code=NO_DOCUMENT, sentence=str(error)))
            else:
                suspect = record.offset < progress.suspect_until
                batch.entries.append(Entry(id=identifier, document=document, origin=origin, suspect=suspect))
        return batch

    async def _write(self) -> None:
        while True:
            batch = await self._waiting.get()
            await self._dead_letters.put(batch.unreadable)
            await self._dead_letters.put(await self._writer.write(batch.entries))
            self._source.finished(batch.received)
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
