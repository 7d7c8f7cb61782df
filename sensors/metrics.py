"""What the sensor tells Prometheus. Counts are per ring; the same that `lictor.health.v1` carries."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from wire.records import RingBalance

_FATES = {
    "seen": "Events that the kernel programs saw.",
    "filtered": "Events left out on purpose: own processes, and ends of processes that never executed.",
    "coalesced": "Events that were merged into others.",
    "lost": "Events lost because the ring was full.",
    "received": "Events taken from the ring.",
    "published": "Events that the broker acknowledged.",
    "unpublished": "Events received and then lost, because the broker did not take them.",
}
_fates = {
    fate: Counter(f"lictor_sensor_{fate}_total", description, ["ring"])
    for fate, description in _FATES.items()
}

unreadable = Counter("lictor_sensor_unreadable_total", "Ring records that could not be decoded.", ["ring"])
redacted = Counter("lictor_sensor_redacted_total", "Events whose arguments held what looks like a secret.")
incomplete = Counter("lictor_sensor_incomplete_total", "Events of workloads whose identity is not complete.")
evicted = Gauge("lictor_sensor_process_table_evicted", "Processes pushed out of the process table.")
processes = Gauge("lictor_sensor_process_table_processes", "Processes in the process table.")
waiting = Gauge("lictor_sensor_waiting_batches", "Batches that wait because the producer's queue is full.")
latency = Histogram(
    "lictor_sensor_event_to_produce_seconds",
    "From the event in the kernel to its batch being handed to the producer.",
    buckets=(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.025, 0.1, 1.0, 10.0),
)


class BalanceMetrics:
    """Feeds the counters of one ring from its balance, which only grows."""

    def __init__(self, ring: str) -> None:
        self._counters = {fate: counter.labels(ring) for fate, counter in _fates.items()}
        self._last = dict.fromkeys(_FATES, 0)

    def show(self, balance: RingBalance) -> None:
        """Bring the counters up to `balance`."""
        for fate, counter in self._counters.items():
            value = getattr(balance, fate)
            if value > self._last[fate]:
                counter.inc(value - self._last[fate])
                self._last[fate] = value
