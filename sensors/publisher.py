"""Batches to Kafka: nothing is dropped in silence, and every event's fate is counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException

from sensors.batches import Batch
from wire.errors import OperatorError
from wire.health_reports import records as health_records

log = structlog.get_logger(__name__)

OnDelivery = Callable[[KafkaError | None, Any], None]

_NO_SUCH_TOPIC = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC})  # noqa: SLF001  public in confluent_kafka
_QUIET_S = 10.0
_PURGE_S = 1.0


class ProducerClient(Protocol):
    """What is used of `confluent_kafka.Producer`; its twin is `sensors.in_memory.MemoryProducer`."""

    def produce(self, topic: str, *, value: bytes, key: bytes, on_delivery: OnDelivery) -> None:
        """Queue a record. BufferError: the queue is full."""

    def poll(self, timeout: float) -> int:
        """Run the callbacks that are due."""

    def flush(self, timeout: float) -> int:
        """Wait until the queue is empty; how many records are left."""

    def purge(self) -> None:
        """Give up what is in the queue and in flight; their callbacks get an error."""


class PublishError(OperatorError):
    """Events cannot be published, and waiting will not help; the message says what to do."""


class Publisher:
    """Counts by delivery: `published` events were acknowledged, `unpublished` ones are lost."""

    def __init__(self, producer: ProducerClient, events_topic: str, health_topic: str) -> None:
        """The topics must exist."""
        self._producer = producer
        self._events_topic = events_topic
        self._health_topic = health_topic
        self._failure: str | None = None
        self._quiet_until = 0.0
        self.published = 0
        self.unpublished = 0
        self.reached = False
        """Whether the broker has acknowledged anything yet."""

    def publish(self, batch: Batch) -> bool:
        """Hand a batch over; False while the queue is full: keep the batch and come again.

        Raises:
            PublishError: as `poll` does.
        """
        return self._produce(
            self._events_topic, batch.key, batch.value, partial(self._on_events, batch.events)
        )

    def publish_health(self, key: bytes, value: bytes) -> bool:
        """Hand a health record over; False, and counted as failed, while the queue is full."""
        taken = self._produce(self._health_topic, key, value, self._on_health)
        if not taken:
            health_records.labels("failed").inc()
        return taken

    def poll(self) -> None:
        """Take in what became of records.

        Raises:
            PublishError: the topic is not there, or the producer is broken for good.
        """
        self._producer.poll(0)
        if self._failure is not None:
            raise PublishError(self._failure)

    def flush(self, timeout_s: float) -> bool:
        """Wait for all that was handed over; whether the broker has answered for all of it."""
        return self._producer.flush(timeout_s) == 0

    def give_up(self, waiting: Iterable[Batch]) -> None:
        """Give up what was not acknowledged, and what was never handed over: counted as unpublished."""
        self.unpublished += sum(batch.events for batch in waiting)
        self._producer.purge()
        self._producer.flush(_PURGE_S)

    def _produce(self, topic: str, key: bytes, value: bytes, on_delivery: OnDelivery) -> bool:
        try:
            self._producer.produce(topic, value=value, key=key, on_delivery=on_delivery)
        except BufferError:
            return False
        except KafkaException as error:
            raise PublishError(f"the producer does not take records for {topic}: {error}") from error
        return True

    def _on_events(self, events: int, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self.published += events
            self.reached = True
        else:
            self.unpublished += events
            self._take_error(self._events_topic, error, events)

    def _on_health(self, error: KafkaError | None, _message: object) -> None:
        health_records.labels("published" if error is None else "failed").inc()
        if error is None:
            self.reached = True
        else:
            self._take_error(self._health_topic, error, 0)

    def _take_error(self, topic: str, error: KafkaError, events: int) -> None:
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + _QUIET_S
            log.error("not published", topic=topic, events=events, reason=error.name(), error=error.str())
        if error.code() in _NO_SUCH_TOPIC:
            self._failure = f"topic {topic} does not exist: `lictor topics create` makes it"
        elif error.fatal():
            self._failure = f"the producer is broken for good: {error.str()}"
