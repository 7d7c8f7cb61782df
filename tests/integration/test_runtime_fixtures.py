"""The session's broker and Elasticsearch take and give back records."""

from __future__ import annotations

import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from elasticsearch import Elasticsearch


def test_broker_takes_and_gives_back_a_record(kafka_broker: str) -> None:
    topic = f"fixture-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": kafka_broker})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    delivered: list[object] = []
    producer = Producer({"bootstrap.servers": kafka_broker, "acks": "all"})
    producer.produce(topic, b"value", on_delivery=lambda error, _: delivered.append(error))
    assert producer.flush(30) == 0
    assert delivered == [None]
    consumer = Consumer(
        {"bootstrap.servers": kafka_broker, "group.id": topic, "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe([topic])
        record = consumer.poll(30)
    finally:
        consumer.close()
    assert record is not None
    assert record.value() == b"value"


def test_broker_makes_no_topic_by_accident(kafka_broker: str) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": kafka_broker, "message.timeout.ms": 3000})
    producer.produce(f"absent-{uuid.uuid4().hex}", b"", on_delivery=lambda error, _: failures.append(error))
    producer.flush(30)
    assert len(failures) == 1
    assert failures[0] is not None


def test_elasticsearch_takes_and_gives_back_a_document(elasticsearch_url: str) -> None:
    index = f"fixture-{uuid.uuid4().hex}"
    with Elasticsearch(elasticsearch_url, request_timeout=60) as client:
        assert client.index(index=index, id="1", document={"said": "value"})["result"] == "created"
        assert client.get(index=index, id="1")["_source"] == {"said": "value"}
