"""Consumers in this process that stamp what arrives, and read it afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.bench.load import boot_ns
from wire.kafka import Kafka, is_transient
from wire.topic_admin import partition_counts

BOUND = 1_000_000
_POLL_S = 0.1
_STOP_S = 10.0
_ASK_S = 10.0


class Arrival(NamedTuple):
    """A record: when it came (CLOCK_BOOTTIME), and what it was."""

    at_ns: int
    key: bytes | None
    value: bytes


class Recorder:
    """Takes down everything that comes to some topics while the context is open.

    A thread and a consumer for each topic, so that none waits for another's fetch. Nothing is decoded
    before the end.
    """

    def __init__(self, kafka: Kafka, topics: Sequence[str]) -> None:
        self._kafka = kafka
        self._stop = threading.Event()
        self._failures: list[Exception] = []
        self.arrivals: dict[str, list[Arrival]] = {topic: [] for topic in topics}
        self._threads = [
            threading.Thread(target=self._run, args=(topic,), name=f"recorder-{topic}", daemon=True)
            for topic in topics
        ]
        self._positioned = threading.Barrier(len(topics) + 1)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._positioned.wait(_ASK_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(_STOP_S)
        if self._failures and error is None:
            raise self._failures[0]

    def wait_for(self, topic: str, count: int, timeout_s: float) -> None:
        """Until `count` records of `topic` have come, or for `timeout_s`: what is missing shows later."""
        deadline = time.monotonic() + timeout_s
        while len(self.arrivals[topic]) < count and time.monotonic() < deadline and not self._failures:
            time.sleep(0.01)

    def _run(self, topic: str) -> None:
        try:
            consumer = self._kafka.consumer("bench-recorder")
            try:
                self._start(consumer, topic)
                self._positioned.wait(_ASK_S)
                self._record(consumer, self.arrivals[topic])
            finally:
                consumer.close()
        except Exception as error:  # noqa: BLE001  told to whoever closes the context
            self._failures.append(error)
            self._positioned.abort()

    def _start(self, consumer: Consumer, topic: str) -> None:
        places = [TopicPartition(topic, n) for n in range(partition_counts(self._kafka)[topic])]
        for place in places:
            place.offset = consumer.get_watermark_offsets(place, timeout=_ASK_S)[1]
        consumer.assign(places)

    def _record(self, consumer: Consumer, arrivals: list[Arrival]) -> None:
        while not self._stop.is_set():
            message = consumer.poll(_POLL_S)
            if message is None:
                continue
            at_ns = boot_ns()
            error = message.error()
            if error is None:
                if len(arrivals) >= BOUND:
                    raise RuntimeError(f"more than {BOUND} records of {message.topic()}")
                arrivals.append(Arrival(at_ns, message.key(), message.value() or b""))
            elif not is_transient(error):
                raise KafkaException(error)
