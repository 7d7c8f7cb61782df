"""Records of topics as they come: from now on or from the beginning, followed or to the end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Generic, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from lictor.cli.context import warn
from lictor.settings import Settings
from wire.codec import RecordError
from wire.kafka import ClientConfig, is_transient, partition_of, take
from wire.topic_admin import TopicError, absent, partition_counts

_AWAY_S = 30
_STEP_S = 0.1


Record = TypeVar("Record")
Readers = Mapping[str, Callable[[bytes | None], Record]]
"""What reads the records of each topic (`wire.codec.Reader`)."""


class Following(Generic[Record]):
    """A consumer of some topics, each with what reads its records; in no group, so that all see all."""

    def __init__(self, consumer: Consumer, readers: Readers[Record], partitions: Mapping[str, int]) -> None:
        """`partitions` says how many each topic has; the consumer is assigned all of them."""
        self._consumer = consumer
        self._readers = readers
        self._partitions = partitions
        self._ended: set[tuple[str, int]] = set()
        self._held: set[str] = set()
        self._heard = time.monotonic()

    def take(self) -> Iterator[Record]:
        """What has come, after waiting a moment for the first; a record that cannot be read is warned of.

        Raises:
            TopicError: no broker has answered for a while.
        """
        for message in take(self._consumer, _STEP_S):
            at = (message.topic() or "", partition_of(message))
            error = message.error()
            if error is None:
                self._heard = time.monotonic()
                self._ended.discard(at)
                record = _readable(message, self._readers[at[0]])
                if record is not None:
                    yield record
            elif error.code() == KafkaError._PARTITION_EOF:
                self._heard = time.monotonic()
                self._ended.add(at)
            elif not is_transient(error):
                raise KafkaException(error)
            elif time.monotonic() - self._heard > _AWAY_S:
                raise TopicError(f"no broker has answered for {_AWAY_S} s: {error.str()}")

    def at_end(self, topic: str | None = None) -> bool:
        """Whether all that was there has been read, of one topic or of all."""
        topics = self._partitions if topic is None else [topic]
        ended = (((one, number) in self._ended) for one in topics for number in range(self._partitions[one]))
        return all(ended)

    def hold(self, topic: str, *, held: bool) -> None:
        """Read no more of a topic for now, or go on."""
        if held == (topic in self._held):
            return
        partitions = [TopicPartition(topic, number) for number in range(self._partitions[topic])]
        if held:
            self._consumer.pause(partitions)
            self._held.add(topic)
        else:
            self._consumer.resume(partitions)
            self._held.discard(topic)


@contextmanager
def following(
    settings: Settings, readers: Readers[Record], *, from_beginning: bool
) -> Iterator[Following[Record]]:
    """Follow topics, from the oldest record that is kept or from the end.

    Raises:
        TopicError: no broker answers, or a topic is not there.
    """
    kafka = settings.kafka("lictor-cli")
    overrides: ClientConfig = {"fetch.wait.max.ms": 100, "enable.partition.eof": True}
    consumer = kafka.consumer("lictor-cli-follow", **overrides)
    start = OFFSET_BEGINNING if from_beginning else OFFSET_END
    try:
        there = partition_counts(kafka, consumer)
        for topic in readers:
            if topic not in there:
                raise absent(kafka, topic)
        partitions = {topic: there[topic] for topic in readers}
        consumer.assign(
            [TopicPartition(topic, number, start) for topic in readers for number in range(partitions[topic])]
        )
        yield Following(consumer, readers, partitions)
    finally:
        consumer.close()


def _readable(message: Message, read: Callable[[bytes | None], Record]) -> Record | None:
    try:
        return read(message.value())
    except RecordError as unreadable:
        warn(f"{message.topic()} {message.partition()}/{message.offset()}: {unreadable.sentence}")
        return None
