"""Making the topics, once and on purpose; and seeing that they are what this release expects."""

import time
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, ClusterMetadata, NewTopic

from wire.errors import OperatorError
from wire.kafka import Kafka
from wire.refusals import raise_refusal
from wire.topics import Topic, Topics

_TIMEOUT_S = 15.0
_SOON_S = 3.0
_ASK_AGAIN_S = 0.02


class TopicError(OperatorError):
    """A topic cannot be made or is not what it must be; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class TopicState:
    """What `create` found or did: `created`, or `present` with its partition count."""

    topic: Topic
    created: bool
    partitions: int


def create(kafka: Kafka, topics: Topics, replication: int = 1) -> list[TopicState]:
    """Make every topic that is missing, and check those that are there.

    Raises:
        TopicError: brokers away, creation refused, or a topic with another partition count.
    """
    present = partition_counts(kafka)
    missing = [topic for topic in topics.all() if topic.name not in present]
    if missing:
        _make(kafka.admin(), missing, replication)
    states = []
    for topic in topics.all():
        partitions = present.get(topic.name, topic.partitions)
        if partitions != topic.partitions:
            raise TopicError(
                f"{topic.name} has {partitions} partitions and {topic.partitions} are expected; keys would "
                "land elsewhere. Give the counts that it was made with, or use another --topic-prefix"
            )
        states.append(TopicState(topic=topic, created=topic in missing, partitions=partitions))
    return states


def _await(admin: AdminClient, names: set[str]) -> None:
    """Until the brokers tell of topics that the controller has made, which they learn a moment later."""
    deadline = time.monotonic() + _TIMEOUT_S
    while not names <= _told(admin):
        if time.monotonic() > deadline:
            raise TopicError("the brokers do not tell of the topics that were made; see how they are")
        time.sleep(_ASK_AGAIN_S)


def _told(admin: AdminClient) -> set[str]:
    try:
        return set(admin.list_topics(timeout=_SOON_S).topics)
    except KafkaException:
        return set()


def partition_counts(kafka: Kafka, asking: Consumer | None = None) -> dict[str, int]:
    """Every topic of the cluster with its number of partitions.

    `asking` is the client that goes on to use them: it then knows where they are, half a second sooner
    than by itself.

    Raises:
        TopicError: no broker answered.
        RefusedError: the brokers do not let this client in.
    """
    client = asking or kafka.admin()
    try:
        metadata = _listed(client, kafka)
    except KafkaException as error:
        raise TopicError(
            f"no broker answered at {kafka.bootstrap} within {_TIMEOUT_S:g} s ({error.args[0].str()}); "
            "see that Kafka runs there, and whether it asks for kafka_protocol, or give --bootstrap"
        ) from error
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def absent(kafka: Kafka, topic: str) -> TopicError:
    """What to say of a topic that is not among those of the cluster, as far as this client may see them."""
    unseen = "" if kafka.security.protocol == "plaintext" else f", or {kafka.security.subject} may not see it"
    return TopicError(f"there is no topic {topic}{unseen}; run `lictor topics create` or `lictor up` first")


def _listed(client: Consumer | AdminClient, kafka: Kafka) -> ClusterMetadata:
    """What there is; where nothing comes soon, it is asked first whether anything will."""
    deadline = time.monotonic() + _TIMEOUT_S
    try:
        return client.list_topics(timeout=min(_SOON_S, _TIMEOUT_S))
    except KafkaException:
        raise_refusal(kafka)
        left = deadline - time.monotonic()
        if left <= 0:
            raise
        return client.list_topics(timeout=left)


def _make(admin: AdminClient, missing: list[Topic], replication: int) -> None:
    wanted = [
        NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=replication,
            config={
                "retention.ms": str(topic.retention_ms),
                "cleanup.policy": "delete",
                # A node with a skewed clock would have its records refused under CreateTime.
                "message.timestamp.type": "LogAppendTime",
                "max.message.bytes": str(topic.max_message_bytes),
            },
        )
        for topic in missing
    ]
    for name, future in admin.create_topics(wanted, operation_timeout=_TIMEOUT_S).items():
        try:
            future.result(timeout=_TIMEOUT_S)
        except KafkaException as error:
            # Two services may create at once: the other one's is as good.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicError(f"{name} cannot be created: {error.args[0].str()}") from error
        except TimeoutError as error:
            raise TopicError(
                f"{name} was not created within {_TIMEOUT_S:g} s; see how the brokers are, and run it again"
            ) from error
    _await(admin, {topic.name for topic in missing})
