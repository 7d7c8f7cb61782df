"""Twins of what the pipeline talks to, for tests and for trying things out without a kernel or a broker."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import msgspec
from confluent_kafka import KafkaError

from sensors.kernel import RingCounters
from sensors.publisher import OnDelivery

_PURGED = KafkaError(KafkaError._PURGE_QUEUE)  # noqa: SLF001  public in confluent_kafka


class MemoryKernel:
    """A ring of `capacity` records: what does not fit is lost and counted, as in the kernel."""

    def __init__(self, capacity: int = 1 << 20) -> None:
        self._capacity = capacity
        self._ring: deque[bytes] = deque()
        self._seen = 0
        self._lost = 0

    def put(self, record: bytes) -> None:
        """Something happened."""
        self._seen += 1
        if len(self._ring) < self._capacity:
            self._ring.append(record)
        else:
            self._lost += 1

    def drain(self, into: Callable[[bytes], object], limit: int) -> int:
        """As `KernelSource.drain`."""
        count = min(limit, len(self._ring))
        for _ in range(count):
            into(self._ring.popleft())
        return count

    def counters(self) -> RingCounters:
        """As `KernelSource.counters`."""
        return RingCounters(seen=self._seen, filtered=0, lost=self._lost)


class ProducedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was handed to a `MemoryProducer`."""

    topic: str
    key: bytes
    value: bytes


class MemoryProducer:
    """A producer with a queue of `capacity` records, whose broker can be away (`available`)."""

    def __init__(self, capacity: int = 1000) -> None:
        self._capacity = capacity
        self._queue: deque[tuple[ProducedRecord, OnDelivery]] = deque()
        self.available = True
        self.error: int | None = None
        """Code of a KafkaError that every delivery gets."""
        self.delivered: list[ProducedRecord] = []

    def produce(self, topic: str, *, value: bytes, key: bytes, on_delivery: OnDelivery) -> None:
        """As `ProducerClient.produce`."""
        if len(self._queue) >= self._capacity:
            raise BufferError("queue full")
        self._queue.append((ProducedRecord(topic=topic, key=key, value=value), on_delivery))

    def poll(self, timeout: float) -> int:  # noqa: ARG002  nothing to wait for
        """As `ProducerClient.poll`."""
        if not self.available:
            return 0
        count = len(self._queue)
        while self._queue:
            record, on_delivery = self._queue.popleft()
            if self.error is None:
                self.delivered.append(record)
                on_delivery(None, None)
            else:
                on_delivery(KafkaError(self.error), None)
        return count

    def flush(self, timeout: float) -> int:
        """As `ProducerClient.flush`."""
        self.poll(timeout)
        return len(self._queue)

    def purge(self) -> None:
        """As `ProducerClient.purge`."""
        while self._queue:
            self._queue.popleft()[1](_PURGED, None)
