"""The way of one record through a worker: decoded, judged, sent on, and then acknowledged."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import structlog

from policy.policy_set import PolicySet
from policy.throttling import Summary
from streams import metrics
from streams.epochs import Epochs
from streams.health import Tally
from streams.in_flight import InFlight, Ticket
from streams.judging import Judged, judge_batch
from streams.outgoing import Outgoing, Record, dead_letter, epoch_begun, fits, told
from streams.reading import read_for_judging
from streams.throttles import Throttles
from wire.codec import RecordError
from wire.records import EventBatch
from wire.topics import Topics

log = structlog.get_logger(__name__)

LIMIT = 64
"""Batches in flight: enough to keep a broker busy, few enough to judge again after a crash."""


class Policies(Protocol):
    """Where the policies in force come from, such as `wire.policy_log.PolicyFollower`."""

    @property
    def current(self) -> PolicySet:
        """The latest known set."""
        ...


class Outbox(Protocol):
    """Where records go, such as `streams.delivery.Delivery`."""

    async def send(self, records: Sequence[Outgoing], done: Callable[[], None]) -> None:
        """Queue `records` in order; `done` is called when all are stored."""
        ...


class _Queued(NamedTuple):
    """What came of a batch, on its way to the broker."""

    ticket: Ticket
    outgoing: Sequence[Outgoing]
    happened_ns: int | None
    since_s: float


class StreamWorker:
    """Judges batches, and acknowledges each when all that came of it is stored.

    A batch is judged wholly by the policy set at its start. Several batches are in flight at once, so
    that the time of a delivery bounds latency and not throughput.
    """

    def __init__(
        self,
        *,
        topics: Topics,
        policies: Policies,
        outbox: Outbox,
        name: str,
        clock: Callable[[], int] = time.time_ns,
        limit: int = LIMIT,
    ) -> None:
        """`clock` is the wall clock in ns; `limit` bounds the batches in flight."""
        self._topics = topics
        self._limits = {topic.name: topic.max_message_bytes for topic in topics.all()}
        self._policies = policies
        self._outbox = outbox
        self._clock = clock
        self._epochs = Epochs(name)
        self._throttles = Throttles()
        self._next: dict[int, int] = {}
        self.tally = Tally()
        """Of this interval; whoever reports it puts an empty one in its place."""
        self.in_flight = InFlight(limit)

    async def take(
        self, record: Record, acknowledge: Callable[[], object], is_stale: Callable[[], bool]
    ) -> None:
        """Take one record in. Returns when all that came of it is queued, which is before its delivery.

        `is_stale` is asked after waiting for room: whether the record's partition was given away since
        it was fetched. Such a record is left to its new owner.
        """
        await self.in_flight.room()
        if is_stale():
            return
        ticket = self.in_flight.begin(record.partition, acknowledge)
        self._next[record.partition] = record.offset + 1
        outgoing, happened_ns = self._handle(record)
        metrics.in_flight.set(len(self.in_flight))
        if outgoing:
            queued = _Queued(ticket, outgoing, happened_ns, time.monotonic())
            await self._outbox.send(outgoing, partial(self._stored, queued))
        else:
            self.in_flight.confirm(ticket)

    def release(self, partitions: set[int]) -> None:
        """Partitions were taken away, or come anew: what is in flight of them is never acknowledged."""
        left = self.in_flight.forget(partitions)
        self._epochs.forget(partitions)
        for partition in partitions:
            self._next.pop(partition, None)
        _say_suppressed(self._throttles.forget(partitions))
        metrics.in_flight.set(len(self.in_flight))
        if left:
            log.info(
                "batches left to the partitions' next owner", batches=left, partitions=sorted(partitions)
            )

    def position(self, partition: int) -> int | None:
        """The offset of the next record of a partition; None where none was taken since it came."""
        return self._next.get(partition)

    def say_suppressed(self, *, finally_: bool = False) -> None:
        """Say what throttling kept back where nothing has come since that would say it.

        To be asked now and then; `finally_` for the last time, when silences that last are said as well.
        """
        _say_suppressed(self._throttles.forget() if finally_ else self._throttles.ended(self._clock()))

    def _stored(self, queued: _Queued) -> None:
        metrics.delivery_seconds.observe(time.monotonic() - queued.since_s)
        if queued.happened_ns is not None:
            metrics.event_to_delivery_seconds.observe(_seconds_since(queued.happened_ns, self._clock()))
        for record in queued.outgoing:
            metrics.count_delivered(record.kind)
        self.in_flight.confirm(queued.ticket)
        metrics.in_flight.set(len(self.in_flight))

    def _handle(self, record: Record) -> tuple[list[Outgoing], int | None]:
        """What comes of a record, and when the oldest event happened of which it tells, if it does."""
        metrics.received.inc()
        self.tally.receive()
        now_ns = self._clock()
        started_s = time.perf_counter()
        try:
            batch = read_for_judging(record.value)
            policy_set = self._policies.current
            judged = judge_batch(batch, policy_set, now_ns)
        except RecordError as error:
            return [self._put_aside(record, error.code, error.sentence, now_ns)], None
        metrics.judge_seconds.observe(time.perf_counter() - started_s)
        metrics.count_judged(judged)
        judged, summaries = self._throttles.apply(
            record.partition, judged, policy_set.settings.alert_limits, now_ns
        )
        metrics.count_suppressed(judged)
        self.tally.judge(batch.workload, judged)
        _say_suppressed(summaries)

        epoch = self._epochs.advance(record.partition, record.offset, policy_set, now_ns)
        outgoing = [] if epoch is None else [epoch_begun(self._topics, epoch)]
        if judged.verdicts:
            outgoing += self._say(record, batch, judged, now_ns)
        # A recording's events happened long ago: of the pipeline they say nothing.
        if not batch.events or batch.source.recorded:
            return outgoing, None
        happened_ns = batch.events[0].time_ns
        metrics.event_to_judge_seconds.observe(_seconds_since(happened_ns, now_ns))
        return outgoing, happened_ns if judged.verdicts else None

    def _say(self, record: Record, batch: EventBatch, judged: Judged, now_ns: int) -> list[Outgoing]:
        all_told = told(self._topics, batch, judged)
        fitting = [one for one in all_told if fits(one, self._limits[one.topic])]
        too_large = sorted({one.kind for one in all_told if not fits(one, self._limits[one.topic])})
        return fitting + [
            self._put_aside(
                record,
                f"{kind}-too-large",
                f"a {kind} that came of the batch is larger than its topic takes",
                now_ns,
            )
            for kind in too_large
        ]

    def _put_aside(self, record: Record, reason: str, sentence: str, now_ns: int) -> Outgoing:
        metrics.dead_letters.labels(reason).inc()
        self.tally.put_aside()
        log.warning(
            "record put aside",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            why=sentence,
        )
        return dead_letter(self._topics, record, reason, sentence, now_ns)


def _seconds_since(happened_ns: int, now_ns: int) -> float:
    """On two nodes' wall clocks, which may disagree: never below nought."""
    return max(0, now_ns - happened_ns) / 1e9


def _say_suppressed(summaries: Sequence[Summary]) -> None:
    for one in summaries:
        log.warning(
            "alerts suppressed",
            workload=one.key.workload,
            kind=one.key.kind,
            rule=one.rule,
            alerts=one.count,
            first_ns=one.first_ns,
            last_ns=one.last_ns,
            why=one.sentence,
        )
