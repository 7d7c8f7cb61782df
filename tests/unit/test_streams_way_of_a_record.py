"""One record through a worker: what is sent, and when it is acknowledged. A list stands for the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from msgspec import Raw
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from policy.changes import PolicyApplied, SettingsChanged
from policy.policy_set import PolicySet
from streams.outgoing import LARGEST_ORIGINAL_BYTES, Outgoing
from streams.worker import StreamWorker
from tests.fixtures.stream_workers import DENIED, NAMESPACE, batch, blocking, process_event, workload
from wire import codec
from wire.topics import Topics

TOPICS = Topics()
NOW_NS = 1_800_000_000_000_000_000


@dataclass
class Consumed:
    """A record as a consumer hands it out, and whether it was acknowledged."""

    value: bytes | None
    offset: int = 0
    partition: int = 0
    key: bytes | None = b"node-1/key"
    topic: str = TOPICS.events.name
    acknowledged: bool = False

    def acknowledge(self) -> None:
        self.acknowledged = True


@dataclass
class Shelf:
    """An outbox that keeps what it is given until it is told to deliver."""

    sent: list[Outgoing] = field(default_factory=list)
    waiting: list[Callable[[], None]] = field(default_factory=list)

    async def send(self, records: Sequence[Outgoing], done: Callable[[], None]) -> None:
        self.sent += records
        self.waiting.append(done)

    def deliver(self) -> None:
        for done in self.waiting:
            done()
        self.waiting.clear()

    def kinds(self) -> list[str]:
        return [record.kind for record in self.sent]


@dataclass
class Book:
    """The policies in force."""

    current: PolicySet


@pytest.fixture
def book() -> Book:
    return Book(PolicySet.empty().apply(blocking("no-denied", DENIED), 3))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@dataclass
class Clock:
    """The wall clock, which tests move."""

    now_ns: int = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(book: Book, shelf: Shelf, clock: Clock) -> StreamWorker:
    return StreamWorker(topics=TOPICS, policies=book, outbox=shelf, name="worker-0", clock=clock, limit=4)


def take(worker: StreamWorker, *records: Consumed, stale: bool = False) -> None:
    async def scenario() -> None:
        for record in records:
            await asyncio.wait_for(worker.take(record, record.acknowledge, lambda: stale), 10)

    asyncio.run(scenario())


def denied(sequence: int = 1, **place: int) -> Consumed:
    return Consumed(codec.encode(batch([process_event(sequence, DENIED)])), **place)


def passing(sequence: int = 1, **place: int) -> Consumed:
    return Consumed(codec.encode(batch([process_event(sequence)])), **place)


def throttled(book: Book, **settings: int) -> None:
    """From now on at most so many alerts; the tests' denials become audits."""
    denying = blocking("no-denied", DENIED)
    document = Raw(bytes(denying.document).replace(b'"Block"', b'"Audit"'))
    for change in (
        SettingsChanged(alert_throttling=True, **settings),
        PolicyApplied(document=document),
    ):
        book.current = book.current.apply(change, book.current.offset + 1)


def suppressed(policy: str) -> float:
    labels = {"policy_namespace": NAMESPACE, "policy": policy, "place": "spec.process.matchPaths[0]"}
    return REGISTRY.get_sample_value("lictor_streams_alerts_suppressed_total", labels) or 0


def alerts(shelf: Shelf) -> list[int]:
    read = [codec.read_verdict(one.value) for one in shelf.sent if one.kind == "verdict"]
    return [record.event.sequence for record in read]


def test_alerts_beyond_the_limit_are_counted_and_said_and_not_told(
    worker: StreamWorker, book: Book, shelf: Shelf, clock: Clock
) -> None:
    throttled(book, max_alert_per_sec=3, throttle_sec=60)
    before = suppressed("no-denied")
    record = Consumed(codec.encode(batch([process_event(n, DENIED) for n in range(8)])))
    with capture_logs() as logs:
        take(worker, record)
        worker.say_suppressed()
        assert alerts(shelf) == [0, 1, 2]
        assert suppressed("no-denied") - before == 5
        assert not [one for one in logs if one["event"] == "alerts suppressed"]
        clock.now_ns += 60 * 10**9
        worker.say_suppressed()
        worker.say_suppressed()
    shelf.deliver()
    assert record.acknowledged
    (said,) = [one for one in logs if one["event"] == "alerts suppressed"]
    assert (said["alerts"], said["kind"]) == (5, "process")
    assert said["workload"] == workload().id
    assert said["rule"] == f"spec.process.matchPaths[0] of KubeArmorPolicy {NAMESPACE}/no-denied"
    assert said["first_ns"] == said["last_ns"] == NOW_NS


def test_a_batch_of_which_nothing_is_told_is_acknowledged(
    worker: StreamWorker, book: Book, shelf: Shelf
) -> None:
    throttled(book, max_alert_per_sec=1)
    first, second = denied(1, offset=0), denied(2, offset=1)
    take(worker, first, second)
    shelf.deliver()
    assert alerts(shelf) == [1]
    assert first.acknowledged
    assert second.acknowledged


def test_denials_are_told_and_ordered_however_many(worker: StreamWorker, book: Book, shelf: Shelf) -> None:
    book.current = book.current.apply(SettingsChanged(alert_throttling=True, max_alert_per_sec=1), 4)
    take(worker, Consumed(codec.encode(batch([process_event(n, DENIED) for n in range(8)]))))
    assert alerts(shelf) == list(range(8))
    assert shelf.kinds().count("order") == 8


@pytest.mark.parametrize("how", ["partition leaves", "worker ends", "switched off"])
def test_a_silence_that_ends_early_is_said(worker: StreamWorker, book: Book, shelf: Shelf, how: str) -> None:
    throttled(book, max_alert_per_sec=1)
    take(worker, Consumed(codec.encode(batch([process_event(n, DENIED) for n in range(3)]))))
    with capture_logs() as logs:
        if how == "partition leaves":
            worker.release({1})
            assert logs == []
            worker.release({0})
        elif how == "worker ends":
            worker.say_suppressed(finally_=True)
        else:
            off = SettingsChanged(alert_throttling=False)
            book.current = book.current.apply(off, book.current.offset + 1)
            take(worker, denied(9, offset=1))
            assert alerts(shelf) == [0, 9]
    assert [one["alerts"] for one in logs if one["event"] == "alerts suppressed"] == [2]


def test_nothing_is_throttled_unless_somebody_asks(worker: StreamWorker, book: Book, shelf: Shelf) -> None:
    throttled(book)
    book.current = book.current.apply(SettingsChanged(alert_throttling=False), 99)
    take(worker, Consumed(codec.encode(batch([process_event(n, DENIED) for n in range(40)]))))
    assert alerts(shelf) == list(range(40))


def test_a_batch_is_acknowledged_when_all_that_came_of_it_is_stored(
    worker: StreamWorker, shelf: Shelf
) -> None:
    record = denied()
    take(worker, record)
    assert shelf.kinds() == ["epoch", "verdict", "order"]
    assert not record.acknowledged
    shelf.deliver()
    assert record.acknowledged


def test_a_batch_that_passes_waits_only_for_those_before_it(worker: StreamWorker, shelf: Shelf) -> None:
    first, second = denied(1, offset=0), passing(2, offset=1)
    take(worker, first, second)
    assert not second.acknowledged
    shelf.deliver()
    assert second.acknowledged
    third = passing(3, offset=2)
    take(worker, third)
    assert third.acknowledged
    assert shelf.kinds() == ["epoch", "verdict", "order"]


def test_keys_are_the_workload_the_node_and_the_partition(worker: StreamWorker, shelf: Shelf) -> None:
    take(worker, denied(partition=2))
    epoch, verdict, order = shelf.sent
    assert (epoch.topic, epoch.key) == (TOPICS.epochs.name, b"2")
    assert verdict.topic == TOPICS.verdicts.name
    assert verdict.key == batch([]).workload.id.encode()
    assert (order.topic, order.key) == (TOPICS.orders.name, b"node-1")


def test_an_epoch_for_each_partition_and_change_and_after_a_partition_came_back(
    worker: StreamWorker, book: Book, shelf: Shelf
) -> None:
    take(worker, passing(offset=10), passing(offset=11), passing(partition=1, offset=5))
    book.current = book.current.apply(blocking("more", "/usr/bin/more"), 4)
    take(worker, passing(offset=12))
    shelf.deliver()
    worker.release({1})
    take(worker, passing(partition=1, offset=5), passing(offset=13))
    epochs = [codec.read_epoch(record.value) for record in shelf.sent]
    assert [(e.partition, e.events_offset, e.policies.offset) for e in epochs] == [
        (0, 10, 3),
        (1, 5, 3),
        (0, 12, 4),
        (1, 5, 4),
    ]
    assert {epoch.worker for epoch in epochs} == {"worker-0"}


def test_a_batch_is_judged_by_the_set_at_its_start_and_the_next_one_by_the_new_one(
    worker: StreamWorker, book: Book, shelf: Shelf
) -> None:
    book.current = PolicySet.empty()
    take(worker, denied(1))
    book.current = PolicySet.empty().apply(blocking("no-denied", DENIED), 0)
    take(worker, denied(2, offset=1))
    verdicts = [codec.read_verdict(one.value) for one in shelf.sent if one.kind == "verdict"]
    assert [record.event.sequence for record in verdicts] == [2]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "not-json"),
        (None, "not-json"),
        (b'{"schema":1}', "not-this-type"),
        (b'{"schema":9}', "unknown-schema"),
        (b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "too-deep"),
    ],
)
def test_what_cannot_be_read_is_put_aside_whole_and_then_acknowledged(
    worker: StreamWorker, shelf: Shelf, value: bytes | None, reason: str
) -> None:
    record = Consumed(value, offset=42, partition=3)
    take(worker, record)
    (sent,) = shelf.sent
    letter = codec.read_dead_letter(sent.value)
    assert (sent.topic, sent.key) == (TOPICS.dead_letters.name, record.key)
    assert (letter.topic, letter.partition, letter.offset) == (record.topic, 3, 42)
    assert (letter.reason, letter.value, letter.at_ns) == (reason, value or b"", NOW_NS)
    assert not record.acknowledged
    shelf.deliver()
    assert record.acknowledged


def test_a_dead_letter_keeps_no_more_than_its_topic_takes(worker: StreamWorker, shelf: Shelf) -> None:
    take(worker, Consumed(b"x" * (3 * LARGEST_ORIGINAL_BYTES)))
    (sent,) = shelf.sent
    letter = codec.read_dead_letter(sent.value)
    assert len(letter.value) == LARGEST_ORIGINAL_BYTES
    assert f"{3 * LARGEST_ORIGINAL_BYTES} bytes" in letter.sentence
    assert len(sent.value) < TOPICS.dead_letters.max_message_bytes


def test_what_is_stale_is_left_alone(worker: StreamWorker, shelf: Shelf) -> None:
    record = denied()
    take(worker, record, stale=True)
    assert shelf.sent == []
    assert not record.acknowledged
    assert len(worker.in_flight) == 0


def test_what_was_taken_away_is_not_acknowledged_by_its_late_delivery(
    worker: StreamWorker, shelf: Shelf
) -> None:
    record = denied()
    take(worker, record)
    worker.release({0})
    shelf.deliver()
    assert not record.acknowledged
