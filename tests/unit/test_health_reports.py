"""Health records of services: intervals without gaps, and nothing that could end the service."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from confluent_kafka import KafkaError, KafkaException
from msgspec.structs import replace
from prometheus_client import REGISTRY

from tests.fixtures.records import HEALTH, HEALTH_OF_INTERVAL, SERVICE_HEALTH
from wire.codec import read_health
from wire.health import incarnation_of, instance_of, is_complete, node_of, service_of, summed
from wire.health_reports import HealthReports
from wire.records import PolicyPosition, RingBalance, ServiceHealth
from wire.topics import Topics


class Producer:
    """Takes records, or raises what it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes, bytes]] = []
        self.callbacks: list[Callable[[Any, Any], None]] = []
        self.raising: Exception | None = None
        self.left = 0

    def produce(
        self, topic: str, value: bytes, key: bytes, *, on_delivery: Callable[[Any, Any], None]
    ) -> None:
        if self.raising is not None:
            raise self.raising
        self.taken.append((topic, key, value))
        self.callbacks.append(on_delivery)

    def flush(self, timeout: float) -> int:
        assert timeout == 1.5
        return self.left

    def records(self) -> list[ServiceHealth]:
        found = [read_health(value) for _, _, value in self.taken]
        assert all(isinstance(record, ServiceHealth) for record in found)
        return [record for record in found if isinstance(record, ServiceHealth)]


def reports(producer: Producer, *times: int) -> HealthReports:
    ticking = iter(times)
    return HealthReports(
        producer,
        Topics(prefix="p"),
        service="sink",
        node="node-1",
        instance="sink",
        clock=lambda: next(ticking),
    )


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("lictor_health_records_total", {"result": result}) or 0.0


def test_intervals_follow_each_other_and_carry_what_was_counted() -> None:
    producer = Producer()
    service = reports(producer, 10, 20, 35)
    position = PolicyPosition(offset=3, hash="aa")
    assert service.publish({"stored": 4}, lag={"t": 2}, policies=position)
    assert service.publish({"stored": 0}, lag={}, namespaces=SERVICE_HEALTH.namespaces)
    first, second = producer.records()
    assert (first.from_ns, first.until_ns, second.from_ns, second.until_ns) == (10, 20, 20, 35)
    assert (first.counts, first.lag, first.policies) == ({"stored": 4}, {"t": 2}, position)
    assert (second.counts, second.lag, second.policies) == ({"stored": 0}, {}, None)
    assert second.namespaces == SERVICE_HEALTH.namespaces
    assert first.incarnation == second.incarnation
    assert len(bytes.fromhex(first.incarnation)) == 8
    assert {(topic, key) for topic, key, _ in producer.taken} == {("p.health.v1", b"node-1")}


def test_every_start_has_an_incarnation_of_its_own() -> None:
    producer = Producer()
    for _ in range(2):
        assert reports(producer, 0, 1).publish({}, lag={})
    assert len({record.incarnation for record in producer.records()}) == 2


@pytest.mark.parametrize(
    "error", [BufferError("full"), KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE))]
)
def test_a_record_that_is_not_taken_is_counted_and_its_interval_goes_on(error: Exception) -> None:
    producer = Producer()
    service = reports(producer, 10, 20, 30)
    before = counted("failed")
    producer.raising = error
    assert not service.publish({"stored": 1}, lag={})
    assert counted("failed") == before + 1
    producer.raising = None
    assert service.publish({"stored": 3}, lag={})
    (record,) = producer.records()
    assert (record.from_ns, record.until_ns, record.counts) == (10, 30, {"stored": 3})


def test_what_became_of_records_is_counted() -> None:
    producer = Producer()
    service = reports(producer, 10, 20, 30)
    before = counted("published"), counted("failed")
    service.publish({}, lag={})
    service.publish({}, lag={})
    producer.callbacks[0](None, None)
    producer.callbacks[1](KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED), None)
    assert (counted("published"), counted("failed")) == (before[0] + 1, before[1] + 1)


@pytest.mark.parametrize("left", [0, 1])
def test_the_last_record_gets_a_bounded_time(left: int) -> None:
    producer = Producer()
    producer.left = left
    reports(producer, 10).flush(1.5)


def test_who_a_record_is_of() -> None:
    of_sensor = (service_of(HEALTH), node_of(HEALTH), instance_of(HEALTH), incarnation_of(HEALTH))
    assert of_sensor == ("sensor", "node-1", "sensor", "00112233445566aa")
    one = SERVICE_HEALTH
    of_service = (service_of(one), node_of(one), instance_of(one), incarnation_of(one))
    assert of_service == ("streams", "node-1", "judge-0", "aa66554433221100")


def test_rings_are_summed_by_every_count() -> None:
    one = RingBalance(seen=1, filtered=2, coalesced=3, lost=4, received=5, unpublished=6, published=7)
    assert msgspec.structs.astuple(summed([one, one, one])) == (3, 6, 9, 12, 15, 18, 21)
    assert msgspec.structs.astuple(summed([])) == (0,) * 7


def test_complete_is_what_lost_nothing() -> None:
    assert not is_complete(HEALTH)
    assert is_complete(HEALTH_OF_INTERVAL)
    assert is_complete(SERVICE_HEALTH)
    assert is_complete(replace(SERVICE_HEALTH, counts={"rejected": 0, "denied": 9}))
    assert not is_complete(replace(SERVICE_HEALTH, counts={"dead_letters": 1}))
