"""The session's broker and Elasticsearch take and give back records."""

from __future__ import annotations

import json
import urllib.request
import uuid

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic


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
    request = urllib.request.Request(
        f"{elasticsearch_url}/{index}/_doc/1",
        data=b'{"said": "value"}',
        headers={"Content-Type": "application/json"},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 201
    with urllib.request.urlopen(f"{elasticsearch_url}/{index}/_doc/1", timeout=60) as response:
        assert json.load(response)["_source"] == {"said": "value"}
