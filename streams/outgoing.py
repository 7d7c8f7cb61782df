"""What a worker sends: which topic, which key, and that it fits. Pure."""

from typing import Literal, Protocol

import msgspec

from streams.judging import Judged
from wire.codec import encode
from wire.records import DeadLetter, Epoch, EventBatch
from wire.topics import Topics

Kind = Literal["verdict", "order", "epoch", "dead-letter"]

ENVELOPE_BYTES = 4096
"""What a record's key and Kafka's own headers may add to its value, generously."""

LARGEST_ORIGINAL_BYTES = 1_048_576
"""How much of an unreadable record a dead letter keeps."""


class Record(Protocol):
    """One record of the events topic, as a consumer hands it out."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One record to produce; its key chooses the partition."""

    kind: Kind
    topic: str
    key: bytes | None
    value: bytes


def told(topics: Topics, batch: EventBatch, judged: Judged) -> list[Outgoing]:
    """Verdicts, then orders, each in the order of their events."""
    workload, node = batch.workload.id.encode(), batch.source.node.encode()
    verdicts, orders = topics.verdicts.name, topics.orders.name
    return [
        Outgoing(kind="verdict", topic=verdicts, key=workload, value=encode(verdict))
        for verdict in judged.verdicts
    ] + [Outgoing(kind="order", topic=orders, key=node, value=encode(order)) for order in judged.orders]


def epoch_begun(topics: Topics, epoch: Epoch) -> Outgoing:
    """An epoch, keyed by its events partition."""
    key = str(epoch.partition).encode()
    return Outgoing(kind="epoch", topic=topics.epochs.name, key=key, value=encode(epoch))


def dead_letter(topics: Topics, record: Record, reason: str, sentence: str, now_ns: int) -> Outgoing:
    """What could not be used, whole as far as `LARGEST_ORIGINAL_BYTES`, with its place and the reason."""
    value = record.value or b""
    if len(value) > LARGEST_ORIGINAL_BYTES:
        sentence = f"{sentence} (the first {LARGEST_ORIGINAL_BYTES} of its {len(value)} bytes are kept)"
        value = value[:LARGEST_ORIGINAL_BYTES]
    letter = DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=reason,
        sentence=sentence,
        value=value,
        at_ns=now_ns,
    )
    return Outgoing(kind="dead-letter", topic=topics.dead_letters.name, key=record.key, value=encode(letter))


def fits(record: Outgoing, limit_bytes: int) -> bool:
    """Whether a broker takes the record. Whoever writes to the events topic chooses its size."""
    return len(record.value) + ENVELOPE_BYTES <= limit_bytes
