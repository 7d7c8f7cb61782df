from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import KafkaError

from sensors.assembly import EventAssembler
from sensors.batches import BatchAssembler
from sensors.boot_clock import BootClock
from sensors.health import HealthReport, is_balanced
from sensors.in_memory import MemoryKernel, MemoryProducer
from sensors.pipeline import DRAIN_LIMIT, Pipeline
from sensors.process_table import ProcessTable
from sensors.publisher import Publisher, PublishError
from tests.fixtures.ring import RecordBook, raw_exec, raw_exit
from wire.codec import read_batch
from wire.records import RingBalance, Source
from workloads.cgroup_paths import CgroupPaths
from workloads.identity_map import NoIdentities
from workloads.resolver import Resolver

SOURCE = Source(node="n1", boot_id="b", incarnation="0" * 16)


class Sensor:
    """A pipeline between twins."""

    def __init__(self, mount: Path, *, ring: int = 100_000, queue: int = 1000, max_events: int = 500) -> None:
        self.book = RecordBook()
        self.kernel = MemoryKernel(ring)
        self.producer = MemoryProducer(queue)
        self.publisher = Publisher(self.producer, "events", "health")
        self.root = mount.stat().st_ino
        self.count = 0
        self.pipeline = Pipeline(
            "process",
            kernel=self.kernel,
            assembler=EventAssembler("process", BootClock(), ProcessTable(), "redacted"),
            resolver=Resolver("n1", {}, CgroupPaths(mount), NoIdentities()),
            batches=BatchAssembler(SOURCE, None, max_events=max_events),
            publisher=self.publisher,
            decode=self.book.decode,
        )

    def happen(self, count: int, *, cgroup_id: int | None = None) -> None:
        for _ in range(count):
            raw = raw_exec(sequence=self.count, pid=self.count, cgroup_id=cgroup_id or self.root)
            self.count += 1
            self.kernel.put(self.book.encode(raw))

    def sequences(self) -> list[int]:
        return [
            event.sequence for record in self.producer.delivered for event in read_batch(record.value).events
        ]


def test_one_event_one_record(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    sensor.happen(1)
    assert sensor.pipeline.step() is False
    (record,) = sensor.producer.delivered
    assert (record.topic, record.key) == ("events", b"n1/host")
    assert sensor.pipeline.balance() == RingBalance(
        seen=1, filtered=0, coalesced=0, lost=0, received=1, published=1
    )


def test_workloads_go_apart(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    sensor = Sensor(tmp_path)
    sensor.happen(2)
    sensor.happen(3, cgroup_id=(tmp_path / "web").stat().st_ino)
    sensor.pipeline.step()
    batches = {record.key: read_batch(record.value) for record in sensor.producer.delivered}
    assert {key: len(batch.events) for key, batch in batches.items()} == {b"n1/host": 2, b"n1/web": 3}
    assert batches[b"n1/host"].workload.complete
    assert not batches[b"n1/web"].workload.complete


def test_a_burst_takes_several_steps_and_balances(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    sensor.happen(DRAIN_LIMIT * 2 + 7)
    assert sensor.pipeline.step() is True
    assert sensor.pipeline.step() is True
    assert sensor.pipeline.step() is False
    assert sensor.sequences() == list(range(sensor.count))
    assert is_balanced(sensor.pipeline.balance())


def test_exits_travel_too(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    sensor.happen(1)
    exit_record = raw_exit(sequence=1, pid=0, cgroup_id=sensor.root, code_raw=9)
    sensor.kernel.put(sensor.book.encode(exit_record))
    sensor.pipeline.step()
    kinds = [type(event).__name__ for event in read_batch(sensor.producer.delivered[0].value).events]
    assert kinds == ["ProcessEvent", "ExitEvent"]


def test_back_pressure_leaves_events_in_the_ring_and_loss_is_the_kernels_to_count(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path, ring=200, queue=2, max_events=10)
    sensor.producer.available = False
    for _ in range(30):
        sensor.happen(50)
        sensor.pipeline.step()
    balance = sensor.pipeline.balance()
    assert balance.seen == 1500
    assert balance.received == 50, "nothing more is taken while batches wait"
    assert balance.lost == 1250
    assert balance.published == 0
    sensor.producer.available = True
    for _ in range(30):
        sensor.pipeline.step()
    balance = sensor.pipeline.finish(1.0)
    assert is_balanced(balance)
    assert balance.published == 250
    assert balance.unpublished == 0
    assert sensor.sequences() == list(range(250)), "in order, none twice"


def test_finish_with_the_broker_away_counts_what_is_given_up(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path, queue=2, max_events=10)
    sensor.producer.available = False
    sensor.happen(100)
    sensor.pipeline.step()
    balance = sensor.pipeline.finish(0.05)
    assert balance.received == 100
    assert balance.unpublished == 100
    assert is_balanced(balance)


def test_a_record_that_cannot_be_read_is_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    sensor.happen(1)
    sensor.kernel.put(b"garbage")
    sensor.happen(1)
    sensor.pipeline.step()
    balance = sensor.pipeline.balance()
    assert sensor.sequences() == [0, 1]
    assert (balance.received, balance.published, balance.unpublished) == (3, 2, 1)
    assert is_balanced(balance)


def test_refused_records_are_unpublished(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    sensor.producer.error = KafkaError.MSG_SIZE_TOO_LARGE
    sensor.happen(3)
    sensor.pipeline.step()
    assert sensor.pipeline.balance().unpublished == 3


def test_absent_topic_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    sensor = Sensor(tmp_path)
    sensor.producer.error = KafkaError.UNKNOWN_TOPIC_OR_PART
    sensor.happen(1)
    with pytest.raises(PublishError, match="topic events does not exist: `lictor topics create`"):
        sensor.pipeline.step()
    assert sensor.pipeline.balance().unpublished == 1


def test_health_intervals_follow_each_other() -> None:
    times = iter([10, 20, 35])
    report = HealthReport(SOURCE, ("process.exec",), lambda: next(times))
    balance = RingBalance(seen=1, filtered=0, coalesced=0, lost=0, received=1)
    first = report.record({"process": balance})
    more = RingBalance(seen=5, filtered=1, coalesced=0, lost=2, received=2, published=2)
    second = report.record({"process": more})
    assert (first.from_ns, first.until_ns, second.from_ns, second.until_ns) == (10, 20, 20, 35)
    assert first.coverage == ("process.exec",)
    assert first.rings == first.interval == {"process": balance}
    assert second.rings == {"process": more}
    assert second.interval == {
        "process": RingBalance(seen=4, filtered=1, coalesced=0, lost=2, received=1, published=2)
    }


def test_an_interval_that_could_not_be_told_is_told_with_the_next() -> None:
    times = iter([10, 20, 30, 40])
    report = HealthReport(SOURCE, ("process.exec",), lambda: next(times))
    balances = [
        RingBalance(seen=number, filtered=0, coalesced=0, lost=lost, received=number - lost)
        for number, lost in ((5, 0), (9, 4), (12, 4))
    ]
    report.record({"process": balances[0]})
    report.record({"process": balances[1]})
    report.reopen()
    record = report.record({"process": balances[2]})
    assert (record.from_ns, record.until_ns) == (20, 40)
    assert record.interval["process"] == RingBalance(seen=7, filtered=0, coalesced=0, lost=4, received=3)


def test_health_reaches_its_topic() -> None:
    producer = MemoryProducer()
    publisher = Publisher(producer, "events", "health")
    assert not publisher.reached
    publisher.publish_health(b"n1", b"{}")
    publisher.poll()
    assert publisher.reached
    assert producer.delivered[0].topic == "health"
    assert publisher.published == 0
