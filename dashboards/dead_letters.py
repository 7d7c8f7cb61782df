"""Records that cannot be stored, into the topic of dead letters, with the reason.

Of a batch of events whose other events are stored, only the event that is refused is put aside: as a
batch of one, which can be sent to the events topic again as it is.
"""

import asyncio
import time
from collections.abc import Sequence

import msgspec
import structlog
from confluent_kafka import KafkaError, Message

from dashboards import metrics
from dashboards.bulk import Rejection
from wire.codec import encode, read_batch
from wire.errors import OperatorError
from wire.kafka import Kafka
from wire.records import DeadLetter
from wire.topics import Topics

log = structlog.get_logger(__name__)

_POLL_S = 0.01
_SENTENCE_LIMIT = 2000
"""Characters. Elasticsearch may quote a part of the document, which is as long as an attacker likes."""


class DeadLetterError(OperatorError):
    """The broker refuses a dead letter for good: the record is neither stored nor put aside."""


class DeadLetters:
    """Used from one event loop."""

    def __init__(self, kafka: Kafka, topics: Topics) -> None:
        """Connects when the first record is put."""
        self._topic = topics.dead_letters.name
        limit = topics.dead_letters.max_message_bytes
        self.producer = kafka.producer(**{"message.max.bytes": limit})

    async def put(self, rejections: Sequence[Rejection]) -> None:
        """Return once all replicas have every one of them; waits while the broker is away.

        Raises:
            DeadLetterError: the broker refuses one.
        """
        waiting = len(rejections)
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            nonlocal waiting
            waiting -= 1
            if error is not None:
                failures.append(error)

        for rejection in rejections:
            value = encode(_letter(rejection))
            while True:
                try:
                    self.producer.produce(self._topic, value, key=rejection.origin.key, on_delivery=delivered)
                    break
                except BufferError:
                    self.producer.poll(0)
                    await asyncio.sleep(_POLL_S)
            metrics.dead_letters.labels(rejection.code).inc()
            log.warning(
                "record put aside",
                reason=rejection.code,
                error=rejection.sentence[:_SENTENCE_LIMIT],
                topic=rejection.origin.progress.topic,
                partition=rejection.origin.progress.partition,
                offset=rejection.origin.offset,
            )
        while waiting:
            self.producer.poll(0)
            if waiting:
                await asyncio.sleep(_POLL_S)
        if failures:
            raise DeadLetterError(f"{self._topic} does not take a dead letter: {failures[0].str()}")


def _letter(rejection: Rejection) -> DeadLetter:
    origin = rejection.origin
    return DeadLetter(
        topic=origin.progress.topic,
        partition=origin.progress.partition,
        offset=origin.offset,
        reason=rejection.code,
        sentence=rejection.sentence[:_SENTENCE_LIMIT],
        value=origin.value if rejection.part is None else _one_event(origin.value, rejection.part),
        at_ns=time.time_ns(),
    )


def _one_event(value: bytes, part: int) -> bytes:
    batch = read_batch(value)
    return encode(msgspec.structs.replace(batch, events=(batch.events[part],)))
