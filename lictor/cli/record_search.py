"""An event or a verdict by its id: a bounded search of the topics, from the verdicts to the events."""

import re
import time
from collections.abc import Callable
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from lictor.cli.context import warn
from lictor.settings import Settings
from policy.events import AnyEvent
from policy.workload import Workload
from wire.codec import RecordError, read_batch, read_verdict
from wire.kafka import ClientConfig, Kafka, is_transient, partition_of, take
from wire.records import VerdictRecord, event_id
from wire.topic_admin import TopicError, partition_counts

SEARCHED = 100_000
"""Records of each partition that are searched, the newest ones."""
_AWAY_S = 30.0
_WATERMARKS_S = 15.0

_EVENT_ID = re.compile(r"([^/]+/[^/]+/[^/]+)/[^/]+/\d+/\d+")


class Named(NamedTuple):
    """What an id may be of."""

    event: str
    verdict: str
    """Empty where it is an event's."""


class Found(NamedTuple):
    """A record that was found."""

    workload: Workload
    event: AnyEvent
    verdict: VerdictRecord | None = None


def named_by(text: str) -> Named | None:
    """What `text` names, where it is the id of an event or of a verdict (`wire.records`)."""
    match = _EVENT_ID.match(text)
    if match is None:
        return None
    event, rest = match[0], text[match.end() :]
    if not rest:
        return Named(event, "")
    return Named(event, text) if rest.startswith("/") and len(rest) > 1 else None


class Search(NamedTuple):
    """What a search came to."""

    found: Found | None
    searched: str
    """What was searched, in words."""


def search(settings: Settings, named: Named, most: int = SEARCHED) -> Search:
    """The record of that id: from the verdicts, else from the events.

    Raises:
        TopicError: the brokers do not answer.
    """
    kafka, topics = settings.kafka("lictor-cli"), settings.topics()
    searched: list[str] = []
    found = _first(kafka, topics.verdicts.name, lambda one: _in_verdict(one, named), most, searched)
    if found is None:
        found = _first(kafka, topics.events.name, lambda one: _in_batch(one, named), most, searched)
    return Search(found, " and ".join(searched))


def _in_verdict(value: bytes, named: Named) -> Found | None:
    if named.event.encode() not in value:
        return None
    record = read_verdict(value)
    fits = record.id == named.verdict if named.verdict else record.event_id == named.event
    return Found(record.workload, record.event, record) if fits else None


def _in_batch(value: bytes, named: Named) -> Found | None:
    # The incarnation is drawn at random for every start of a sensor: batches without it need no decoding.
    if named.event.split("/")[2].encode() not in value:
        return None
    batch = read_batch(value)
    for event in batch.events:
        if event_id(batch.source, event) == named.event:
            return Found(batch.workload, event)
    return None


def _first(
    kafka: Kafka, topic: str, pick: Callable[[bytes], Found | None], most: int, searched: list[str]
) -> Found | None:
    """The first record that `pick` takes; what was looked at is added to `searched`."""
    overrides: ClientConfig = {"fetch.wait.max.ms": 100, "enable.partition.eof": True}
    consumer = kafka.consumer("lictor-cli-search", **overrides)
    try:
        partitions = partition_counts(kafka, consumer).get(topic)
        if partitions is None:
            searched.append(f"no topic {topic}, which is not there")
            return None
        stretches = [_stretch(consumer, TopicPartition(topic, number), most) for number in range(partitions)]
        number = sum(one.end - one.start for one in stretches)
        which = "all" if all(one.whole for one in stretches) else "the newest"
        searched.append(f"{which} {number} record(s) of {topic}")
        consumer.assign([TopicPartition(topic, one.partition, one.start) for one in stretches])
        return _picked(consumer, {one.partition for one in stretches if one.start < one.end}, pick)
    finally:
        consumer.close()


class _Stretch(NamedTuple):
    """The records of one partition that are searched."""

    partition: int
    start: int
    end: int
    whole: bool
    """Whether nothing older is kept."""


def _stretch(consumer: Consumer, partition: TopicPartition, most: int) -> _Stretch:
    try:
        low, high = consumer.get_watermark_offsets(partition, timeout=_WATERMARKS_S)
    except KafkaException as error:
        raise TopicError(
            f"no broker told within {_WATERMARKS_S:g} s what {partition.topic} holds: {error.args[0].str()}"
        ) from error
    start = max(low, high - most)
    return _Stretch(partition.partition, start, high, start == low)


def _picked(
    consumer: Consumer, open_partitions: set[int], pick: Callable[[bytes], Found | None]
) -> Found | None:
    """Records until one is taken, or until every partition has told its end."""
    heard = time.monotonic()
    while open_partitions:
        for message in take(consumer, 0.1):
            error = message.error()
            if error is None:
                heard = time.monotonic()
                found = _taken(message.value(), pick)
                if found is not None:
                    return found
            elif error.code() == KafkaError._PARTITION_EOF:
                heard = time.monotonic()
                open_partitions.discard(partition_of(message))
            elif not is_transient(error):
                raise KafkaException(error)
        if time.monotonic() - heard > _AWAY_S:
            raise TopicError(f"no broker has answered for {_AWAY_S:g} s")
    return None


def _taken(value: bytes | None, pick: Callable[[bytes], Found | None]) -> Found | None:
    """What `pick` makes of a value; a record that cannot be read is not the one that is sought."""
    try:
        return None if value is None else pick(value)
    except RecordError as unreadable:
        warn(f"a record that may be the one cannot be read: {unreadable.sentence}")
        return None
