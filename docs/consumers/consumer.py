"""Prints every verdict of Lictor once. Needs confluent-kafka; docs/consumers.md says what it may rely on."""

import json
import os

from confluent_kafka import Consumer, KafkaException

SETTINGS = {
    "bootstrap.servers": "LICTOR_BOOTSTRAP",
    "security.protocol": "LICTOR_KAFKA_PROTOCOL",
    "sasl.mechanism": "LICTOR_KAFKA_MECHANISM",
    "sasl.username": "LICTOR_KAFKA_USER",
    "sasl.password": "LICTOR_KAFKA_PASSWORD",
    "ssl.ca.location": "LICTOR_KAFKA_CA",
}
config = {name: os.environ[variable] for name, variable in SETTINGS.items() if variable in os.environ}
if "LICTOR_KAFKA_USER" in os.environ:
    config.setdefault("sasl.mechanism", "SCRAM-SHA-512")
config |= {
    "group.id": "consumer-python",
    "auto.offset.reset": "earliest",
    "enable.auto.offset.store": "false",
}
consumer = Consumer(config)
consumer.subscribe([f"{os.environ.get('LICTOR_TOPIC_PREFIX', 'lictor')}.verdicts.v1"])
seen: dict[str, None] = {}
try:
    while True:
        message = consumer.poll(1.0)
        if message is None:
            continue
        if message.error() is not None:
            raise KafkaException(message.error())
        record = json.loads(message.value())
        if record["id"] not in seen:
            print(record["id"], record["verdict"]["decision"], record["verdict"]["sentence"], flush=True)
            seen[record["id"]] = None
            if len(seen) > 100_000:
                del seen[next(iter(seen))]
        consumer.store_offsets(message)  # processed: committed within 5 s, and when the consumer is closed
except KeyboardInterrupt:
    pass
finally:
    consumer.close()
