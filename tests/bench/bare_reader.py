"""Consume and decode, nothing else: `python -m tests.bench.bare_reader BOOTSTRAP TOPIC`.

Reads the topic from its beginning to its end and prints one JSON line: `events`, `seconds` and
`cpu_seconds`, from the first record in hand to the last one decoded.
"""

from __future__ import annotations

import gc
import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from wire.codec import read_batch
from wire.kafka import ClientConfig, Kafka, is_transient
from wire.topic_admin import partition_counts

_PATIENCE_S = 30.0


def main(bootstrap: str, topic: str) -> None:
    kafka = Kafka(bootstrap=bootstrap, client_id="bench-reader")
    open_partitions = set(range(partition_counts(kafka)[topic]))
    # By default librdkafka pauses for a second when its queue is full, and the core would stand idle.
    overrides: ClientConfig = {"enable.partition.eof": True, "fetch.queue.backoff.ms": 1}
    consumer = kafka.consumer("bench-reader", **overrides)
    consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in open_partitions])
    # As the stream worker does: a batch makes many objects and no cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)
    events, began, cpu_began = 0, 0.0, 0.0
    while open_partitions:
        message = consumer.poll(_PATIENCE_S)
        if message is None:
            raise TimeoutError(f"{topic}: nothing came")
        if not began:
            began, cpu_began = time.perf_counter(), time.process_time()
        error = message.error()
        if error is None:
            events += len(read_batch(message.value()).events)
        elif error.code() == KafkaError._PARTITION_EOF:
            open_partitions.discard(message.partition() or 0)
        elif not is_transient(error):
            raise KafkaException(error)
    ended, cpu_ended = time.perf_counter(), time.process_time()
    consumer.close()
    print(json.dumps({"events": events, "seconds": ended - began, "cpu_seconds": cpu_ended - cpu_began}))


main(*sys.argv[1:])
