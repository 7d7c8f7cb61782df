"""Client settings that every service shares, so that no two disagree on what "delivered" means."""

from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient

from wire.client_log import client_log
from wire.security import PLAIN_TEXT, Security

ClientConfig = dict[str, str | int | float | bool]

PARTITIONER = "murmur2_random"
"""Java's and Faust's partitioner; librdkafka's own default would send a key elsewhere."""

QUEUE_KIB = 64 * 1024
"""Bound of a producer's queue. Past it `produce` raises BufferError and the caller must wait."""


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """Where the brokers are, and who one is there. `client_id` names the service in the broker's logs."""

    bootstrap: str
    client_id: str = "lictor"
    security: Security = PLAIN_TEXT

    def producer(self, **overrides: str | float | bool) -> Producer:
        """A producer that keeps order, writes each record once a session, and waits for all replicas.

        It never gives up by time: whoever produces decides what to do while the broker is away.
        """
        config: ClientConfig = {
            "bootstrap.servers": self.bootstrap,
            "client.id": self.client_id,
            "partitioner": PARTITIONER,
            "compression.type": "lz4",
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 0,
            "message.timeout.ms": 0,
            "queue.buffering.max.kbytes": QUEUE_KIB,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "log_level": 4,
        }
        return Producer(config | self.security.client() | overrides, logger=client_log)

    def admin(self) -> AdminClient:
        """A client that asks about topics and makes them."""
        config: ClientConfig = {
            "bootstrap.servers": self.bootstrap,
            "client.id": self.client_id,
            "log_level": 4,
        }
        return AdminClient(config | self.security.client(), logger=client_log)

    def consumer(self, group: str, **overrides: str | float | bool) -> Consumer:
        """A consumer that commits only what its caller says, and reads from the beginning at first."""
        config: ClientConfig = {
            "bootstrap.servers": self.bootstrap,
            "client.id": self.client_id,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 500,
            "fetch.error.backoff.ms": 50,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "allow.auto.create.topics": False,
            "log_level": 4,
        }
        return Consumer(config | self.security.client() | overrides, logger=client_log)


def take(consumer: Consumer, timeout_s: float, most: int = 500) -> list[Message]:
    """What has arrived, after waiting up to `timeout_s` for the first.

    `Consumer.consume` itself waits for `most` records or the whole time, however early the first one is.
    """
    first = consumer.poll(timeout_s)
    return [] if first is None else [first, *consumer.consume(most - 1, 0)]


def offset_of(message: Message) -> int:
    """The offset of a record that a broker has: consumed, or delivered."""
    offset = message.offset()
    if offset is None:
        raise ValueError("a record that no broker has acknowledged has no offset")
    return offset


def partition_of(message: Message) -> int:
    """The partition of a consumed record."""
    partition = message.partition()
    if partition is None:
        raise ValueError("a record that was not consumed has no partition")
    return partition


def is_transient(error: KafkaError) -> bool:
    """Whether the client itself will recover: the caller may go on polling."""
    return error.code() in _TRANSIENT or bool(error.retriable())


_TRANSIENT = frozenset(
    {
        KafkaError._PARTITION_EOF,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
    }
)
