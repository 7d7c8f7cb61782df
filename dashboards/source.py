"""The topics that the sink reads: batches by size and time, rebalances, commits.

librdkafka's consumer blocks, so everything that touches it runs in one thread of its own. What it
knows about partitions (`PartitionProgress`) belongs to the event loop; the rebalance callbacks,
which run inside `poll`, step over to the loop for it.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

import msgspec
import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from dashboards import metrics
from dashboards.progress import PartitionProgress
from wire.errors import OperatorError
from wire.kafka import ClientConfig, Kafka, is_transient, offset_of

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

_WATERMARKS_TIMEOUT_S = 5.0
_COMMITTED_TIMEOUT_S = 0.5
_SESSION_TIMEOUT_MS = 6000
"""A killed sink's partitions go to another one after this long; brokers allow no less by default."""

_FETCH_KIB = 16 * 1024
"""Bound of what librdkafka holds beyond what the sink holds."""


class SourceError(OperatorError):
    """The topics cannot be read; the message says what to do."""


class Received(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One record as it came, and the partition that it belongs to."""

    progress: PartitionProgress
    offset: int
    key: bytes | None
    value: bytes | None
    written_ms: int = 0
    """Wall clock: when it was written to its topic; 0 where that is not known."""


class Source:
    """A member of the sink's consumer group. Open it on the loop that uses it."""

    def __init__(self, kafka: Kafka, group: str, *, drain_s: float) -> None:
        """`drain_s`: how long a partition that is taken away waits for what is under way."""
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sink-source")
        self._drain_s = drain_s
        self._progress: dict[tuple[str, int], PartitionProgress] = {}
        self._batch: list[Message] = []
        self._paused = False
        self._finished = asyncio.Event()
        self.assigned = asyncio.Event()
        self.lag: dict[str, int] = {}
        """Records not yet done with by topic, as of the last `commit`, where that is known."""
        self._before: dict[tuple[str, int], int] = {}
        overrides: ClientConfig = {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": _SESSION_TIMEOUT_MS,
            "heartbeat.interval.ms": _SESSION_TIMEOUT_MS // 3,
            "queued.max.messages.kbytes": _FETCH_KIB,
            # A fetch that waits for quiet partitions holds up those that were just resumed.
            "fetch.wait.max.ms": 100,
        }
        self._consumer: Consumer = kafka.consumer(group, **overrides, on_commit=self._commit_answered)  # type: ignore[arg-type]

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group. Partitions arrive while `read` runs."""
        subscribe = partial(
            self._consumer.subscribe, on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )
        await self._call(subscribe, list(topics))

    async def read(self, records: int, size: int, wait_s: float) -> list[Received]:
        """What arrives within `wait_s` seconds, at most `records` of it or about `size` bytes.

        Raises:
            SourceError: an error that the client will not recover from by itself.
        """
        received: list[Received] = []
        counts: dict[str, int] = {}
        for message in await self._call(self._collect, records, size, wait_s):
            progress = self._progress.get(_key(message))
            # A partition that went away in the meantime: its next owner reads the record again.
            if progress is None:
                continue
            offset = offset_of(message)
            progress.received(offset)
            counts[progress.topic] = counts.get(progress.topic, 0) + 1
            received.append(
                Received(
                    progress=progress,
                    offset=offset,
                    key=message.key(),
                    value=message.value(),
                    written_ms=max(0, message.timestamp()[1]),
                )
            )
        for topic, count in counts.items():
            metrics.records.labels(topic).inc(count)
        return received

    def finished(self, received: Iterable[Received]) -> None:
        """These records are where they belong, whatever order they came in."""
        for record in received:
            record.progress.finished(record.offset)
        self._finished.set()

    async def pause(self) -> None:
        """Fetch nothing more. `read` must go on being called: it keeps this member in the group."""
        self._paused = True
        await self._call(self._pause)

    async def resume(self) -> None:
        """Fetch again."""
        self._paused = False
        await self._call(self._resume)

    async def commit(self) -> None:
        """Tell the broker how far each partition is done. A failure shows later, and is made up for."""
        offsets = self._offsets(self._progress.values())
        if offsets:
            await self._call(partial(self._consumer.commit, offsets=offsets, asynchronous=True))
        await self._call(self._observe_lag)

    async def close(self) -> None:
        """Leave the group; what is done is committed first, and nothing more is waited for."""
        self._drain_s = 0.0
        try:
            await self._call(self._consumer.close)
        finally:
            self._thread.shutdown(wait=False)

    async def _call(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._loop.run_in_executor(self._thread, partial(function, *args, **kwargs))

    # In the source's thread.

    def _collect(self, records: int, size: int, wait_s: float) -> list[Message]:
        self._batch = []
        deadline = time.monotonic() + wait_s
        while len(self._batch) < records and size > 0:
            message = self._consumer.poll(max(0.0, deadline - time.monotonic()))
            if message is None:
                break
            error = message.error()
            if error is None:
                self._batch.append(message)
                size -= len(message)
            elif not is_transient(error) and error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise SourceError(f"the topics cannot be read: {error.str()}")
            else:
                log.warning("waiting for the broker", error=error.str())
        return self._batch

    def _pause(self) -> None:
        self._consumer.pause(self._consumer.assignment())

    def _resume(self) -> None:
        self._consumer.resume(self._consumer.assignment())

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        adopted = [PartitionProgress(p.topic, p.partition, suspect_until=self._end(p)) for p in partitions]
        asyncio.run_coroutine_threadsafe(self._adopt(adopted), self._loop).result()
        consumer.incremental_assign(partitions)
        # librdkafka keeps a partition's pause while somebody else has it, so a resume has to be said too.
        (consumer.pause if self._paused else consumer.resume)(partitions)

    def _end(self, partition: TopicPartition) -> int:
        try:
            return int(self._consumer.get_watermark_offsets(partition, timeout=_WATERMARKS_TIMEOUT_S)[1])
        except KafkaException as error:
            log.warning("partition's end unknown: every record is looked up", error=str(error))
            return sys.maxsize

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(p.topic, p.partition) for p in partitions}
        self._batch[:] = [message for message in self._batch if _key(message) not in gone]
        offsets = asyncio.run_coroutine_threadsafe(self._release(gone), self._loop).result()
        if offsets:
            try:
                consumer.commit(offsets=offsets, asynchronous=False)
            except KafkaException as error:
                # The next owner looks up what it reads again, so nothing is stored twice.
                log.warning("last commit of a revoked partition failed", error=str(error))
        consumer.incremental_unassign(partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = {(p.topic, p.partition) for p in partitions}
        self._batch[:] = [message for message in self._batch if _key(message) not in gone]
        asyncio.run_coroutine_threadsafe(self._forget(gone), self._loop).result()
        consumer.incremental_unassign(partitions)

    def _commit_answered(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        if error is None:
            return
        log.warning("commit failed; it is tried again", error=error.str())
        keys = {(p.topic, p.partition) for p in partitions}
        self._loop.call_soon_threadsafe(self._commit_again, keys)

    def _observe_lag(self) -> None:
        lag: dict[str, int] = {}
        for partition in self._consumer.assignment():
            low, end = self._consumer.get_watermark_offsets(partition, cached=True)
            progress = self._progress.get((partition.topic, partition.partition))
            if end < 0 or progress is None:
                continue
            position = progress.position
            if position is None:
                position = self._committed(partition, low)
            if position is not None:
                waiting = max(0, end - position)
                metrics.lag.labels(partition.topic, str(partition.partition)).set(waiting)
                lag[partition.topic] = lag.get(partition.topic, 0) + waiting
        self.lag = lag

    def _committed(self, partition: TopicPartition, low: int) -> int | None:
        """How far an earlier owner was with a partition of which nothing came yet; asked once."""
        key = (partition.topic, partition.partition)
        if key not in self._before:
            try:
                (found,) = self._consumer.committed([partition], timeout=_COMMITTED_TIMEOUT_S)
            except KafkaException as error:
                log.info("lag not known", topic=partition.topic, error=str(error))
                return None
            self._before[key] = found.offset if found.offset >= 0 else max(0, low)
        return self._before[key]

    # On the loop.

    async def _adopt(self, adopted: list[PartitionProgress]) -> None:
        for progress in adopted:
            self._progress[progress.topic, progress.partition] = progress
            self._before.pop((progress.topic, progress.partition), None)
        log.info("partitions assigned", partitions=[f"{p.topic}/{p.partition}" for p in adopted])
        self.assigned.set()

    async def _release(self, gone: set[tuple[str, int]]) -> list[TopicPartition]:
        leaving = [self._progress.pop(key) for key in gone if key in self._progress]
        with contextlib.suppress(TimeoutError):  # what is left is read again by the next owner
            async with asyncio.timeout(self._drain_s):
                while any(progress.outstanding for progress in leaving):
                    self._finished.clear()
                    await self._finished.wait()
        self._clear_lag(gone)
        log.info("partitions revoked", partitions=[f"{p.topic}/{p.partition}" for p in leaving])
        return self._offsets(leaving)

    async def _forget(self, gone: set[tuple[str, int]]) -> None:
        for key in gone:
            self._progress.pop(key, None)
        self._clear_lag(gone)
        log.warning("partitions lost", partitions=[f"{topic}/{number}" for topic, number in gone])

    def _commit_again(self, keys: set[tuple[str, int]]) -> None:
        for key in keys:
            if key in self._progress:
                self._progress[key].committed(None)

    @staticmethod
    def _offsets(progresses: Iterable[PartitionProgress]) -> list[TopicPartition]:
        offsets = []
        for progress in progresses:
            position = progress.to_commit()
            if position is not None:
                progress.committed(position)
                offsets.append(TopicPartition(progress.topic, progress.partition, position))
        return offsets

    @staticmethod
    def _clear_lag(gone: set[tuple[str, int]]) -> None:
        for topic, number in gone:
            metrics.lag.labels(topic, str(number)).set(0)


def _key(message: Message) -> tuple[str, int]:
    topic, partition = message.topic(), message.partition()
    assert topic is not None  # noqa: S101  # a consumed record has both
    assert partition is not None  # noqa: S101
    return topic, partition
