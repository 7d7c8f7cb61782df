"""How a service says every few seconds what it did: a `ServiceHealth` an interval, to the health topic.

To say it must never be what ends a service: whatever goes wrong is counted and logged, and the service
goes on.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Literal, Protocol

import prometheus_client
import structlog
from confluent_kafka import KafkaError, KafkaException, Message

from wire.codec import encode
from wire.records import NamespaceStanding, PolicyPosition, ServiceHealth
from wire.topics import Topics

log = structlog.get_logger(__name__)

records = prometheus_client.Counter(
    "lictor_health_records_total",
    "Health records that this service made, by result: published, or failed.",
    ["result"],
)

OnDelivery = Callable[[KafkaError | None, Message], None]


class ProducerClient(Protocol):
    """What is used of `confluent_kafka.Producer`. Whose it is sees to it that it is polled."""

    def produce(self, topic: str, value: bytes, key: bytes, *, on_delivery: OnDelivery) -> None:
        """Queue a record. BufferError: the queue is full. KafkaException: it will not be taken."""

    def flush(self, timeout: float) -> int:
        """Wait until the queue is empty; how many records are left."""


class HealthReports:
    """One run of one service. Its intervals follow each other without a gap.

    `publish` belongs to one thread.
    """

    def __init__(
        self,
        producer: ProducerClient,
        topics: Topics,
        *,
        service: Literal["streams", "enforcer", "sink"],
        node: str,
        instance: str,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """The first interval begins now. `clock` is the wall clock in ns."""
        self._producer = producer
        self._topic = topics.health.name
        self._service = service
        self._node = node
        self._instance = instance
        self._clock = clock
        self._incarnation = secrets.token_hex(8)
        self._from_ns = clock()

    def publish(
        self,
        counts: Mapping[str, int],
        *,
        lag: Mapping[str, int],
        policies: PolicyPosition | None = None,
        namespaces: tuple[NamespaceStanding, ...] = (),
    ) -> bool:
        """Say how the interval was, and begin the next one.

        `lag` has records that wait, by topic name, where that is known. False where the producer does not
        take the record: the interval then goes on, and its `counts` belong into the next record. What is
        taken and then not delivered is counted and lost.
        """
        until_ns = self._clock()
        record = ServiceHealth(
            service=self._service,
            node=self._node,
            instance=self._instance,
            incarnation=self._incarnation,
            from_ns=self._from_ns,
            until_ns=until_ns,
            counts=dict(counts),
            lag=dict(lag),
            policies=policies,
            namespaces=namespaces,
        )
        try:
            self._producer.produce(
                self._topic, encode(record), self._node.encode(), on_delivery=count_delivered
            )
        except (BufferError, KafkaException) as error:
            _count_failed(str(error))
            return False
        self._from_ns = until_ns
        return True

    def flush(self, timeout_s: float) -> None:
        """At the end: give the last record a bounded time."""
        if self._producer.flush(timeout_s):
            log.warning("the last health record may not have been stored", topic=self._topic)


def count_delivered(error: KafkaError | None, _: object) -> None:
    """Count a health record that was delivered, or never will be: what a producer calls."""
    if error is None:
        records.labels("published").inc()
    else:
        _count_failed(error.str())


def _count_failed(reason: str) -> None:
    records.labels("failed").inc()
    log.warning("a health record was not published", error=reason)
