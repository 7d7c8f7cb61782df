"""Recorded events, sent to the events topic again: judged like any others, never enforced."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from wire.codec import RecordError, encode, read_batch
from wire.errors import OperatorError
from wire.kafka import Kafka
from wire.records import EventBatch
from wire.topics import Topics

_DELIVERY_S = 60.0

OnDelivery = Callable[[KafkaError | None, Message], None]


class RecordingError(OperatorError):
    """A recording cannot be used; the message names file and line."""


class PlaybackError(OperatorError):
    """The brokers did not take a recording; sent again, what they did take is counted once."""


def read_recording(file: TextIO, name: str) -> Iterator[EventBatch]:
    """Batches of a recording: one JSON batch a line, as `lictor events -o json` prints them.

    They are marked as recorded, and their incarnation says so too: the ids of their verdicts are then
    others than those of the live ones.

    Raises:
        RecordingError: a line that is not a batch.
    """
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            batch = read_batch(line.encode())
        except RecordError as error:
            raise RecordingError(
                f"{name}:{number}: {error.sentence}; a recording is what `lictor events -o json` prints"
            ) from error
        source = msgspec.structs.replace(
            batch.source, recorded=True, incarnation=f"{batch.source.incarnation}-recorded"
        )
        yield msgspec.structs.replace(batch, source=source)


def check(path: Path) -> int:
    """Read a recording to its end, and return its number of events.

    Raises:
        RecordingError: the file cannot be read, or a line of it.
    """
    return sum(len(batch.events) for batch in _batches(path))


async def play(kafka: Kafka, topics: Topics, path: Path) -> int:
    """Send a recording and return its number of events, all of them acknowledged.

    Raises:
        RecordingError: the file cannot be read.
        PlaybackError: the brokers did not take it.
    """
    return await asyncio.to_thread(_play, kafka, topics, path)


def _batches(path: Path) -> Iterator[EventBatch]:
    try:
        with path.open(encoding="utf-8") as file:
            yield from read_recording(file, str(path))
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(
            f"{path} is not UTF-8; a recording is what `lictor events -o json` prints"
        ) from error


def _play(kafka: Kafka, topics: Topics, path: Path) -> int:
    events = 0
    failures: list[str] = []

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            failures.append(error.str())

    producer: Producer = kafka.producer(**{"message.timeout.ms": int(_DELIVERY_S * 1000)})
    for batch in _batches(path):
        _produce(producer, topics, batch, on_delivery)
        events += len(batch.events)
    left = producer.flush(_DELIVERY_S)
    if left or failures:
        reason = failures[0] if failures else f"{left} batches were not taken in time"
        raise PlaybackError(
            f"{path} was not sent whole: {reason}; see how the brokers are, and send it again"
        )
    return events


def _produce(producer: Producer, topics: Topics, batch: EventBatch, on_delivery: OnDelivery) -> None:
    value = encode(batch)
    while True:
        try:
            producer.produce(
                topics.events.name, value, key=batch.workload.id.encode(), on_delivery=on_delivery
            )
        except BufferError:
            producer.poll(0.1)
        except KafkaException as error:
            raise PlaybackError(f"a batch cannot be sent: {error.args[0].str()}") from error
        else:
            producer.poll(0)
            return
