"""Topics are made once and on purpose, and what is there is checked."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from confluent_kafka.admin import ConfigResource

from wire import topic_admin
from wire.kafka import Kafka
from wire.topic_admin import TopicError
from wire.topics import Topics


@pytest.fixture
def kafka(kafka_broker: str) -> Kafka:
    return Kafka(bootstrap=kafka_broker, client_id="test")


def fresh(**counts: int) -> Topics:
    return Topics(prefix=f"admin-{uuid.uuid4().hex[:12]}", **counts)


def test_all_are_made_the_first_time_and_found_the_second(kafka: Kafka) -> None:
    topics = fresh(event_partitions=3, order_partitions=2)
    assert all(state.created for state in topic_admin.create(kafka, topics))
    again = topic_admin.create(kafka, topics)
    assert not any(state.created for state in again)
    assert [(state.topic, state.partitions) for state in again] == [
        (topic, topic.partitions) for topic in topics.all()
    ]
    counts = topic_admin.partition_counts(kafka)
    assert (counts[topics.events.name], counts[topics.orders.name], counts[topics.policies.name]) == (3, 2, 1)


def test_they_keep_and_stamp_what_they_must(kafka: Kafka) -> None:
    topics = fresh()
    topic_admin.create(kafka, topics)
    resources = {topic: ConfigResource(ConfigResource.Type.TOPIC, topic.name) for topic in topics.all()}
    admin = kafka.admin()
    found = admin.describe_configs(list(resources.values()))
    for topic, resource in resources.items():
        settings = {name: entry.value for name, entry in found[resource].result(30).items()}
        assert settings["retention.ms"] == str(topic.retention_ms)
        assert settings["cleanup.policy"] == "delete"
        assert settings["message.timestamp.type"] == "LogAppendTime"
        assert settings["max.message.bytes"] == str(topic.max_message_bytes)
    assert topics.policies.retention_ms == -1


def test_those_that_are_missing_are_made_beside_the_others(kafka: Kafka) -> None:
    topics = fresh()
    topic_admin._make(kafka.admin(), [topics.events, topics.policies], replication=1)
    made = {state.topic: state.created for state in topic_admin.create(kafka, topics)}
    assert {topic for topic, created in made.items() if not created} == {topics.events, topics.policies}


def test_several_at_once_all_succeed(kafka: Kafka) -> None:
    topics = fresh()
    with ThreadPoolExecutor(4) as several:
        states = list(several.map(lambda _: topic_admin.create(kafka, topics), range(4)))
    assert all(len(one) == len(topics.all()) for one in states)


def test_another_partition_count_is_refused_with_what_to_do(kafka: Kafka) -> None:
    topics = fresh(event_partitions=3)
    topic_admin.create(kafka, topics)
    other = Topics(prefix=topics.prefix, event_partitions=4)
    with pytest.raises(TopicError, match=r"events\.v1 has 3 partitions and 4 are expected.*--topic-prefix"):
        topic_admin.create(kafka, other)


def test_more_replicas_than_brokers_are_refused(kafka: Kafka) -> None:
    with pytest.raises(TopicError, match=r"cannot be created: .*[Rr]eplication"):
        topic_admin.create(kafka, fresh(), replication=3)
