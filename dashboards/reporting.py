"""The sink's health records: what it stored and refused, and what waits for it.

The counts are those of its metrics, of one interval: a process runs one sink.
"""

import asyncio
from collections import Counter
from typing import Protocol

import prometheus_client
from confluent_kafka import Producer

from dashboards import metrics
from wire.health_reports import HealthReports

COUNTED = ("received", "stored", "present", "rejected", "dead_letters")


class Reader(Protocol):
    """Who knows what waits: `dashboards.source.Source`."""

    @property
    def lag(self) -> dict[str, int]:
        """Records not yet done with, by topic."""
        ...


class Reporter:
    """Belongs to the sink's event loop."""

    def __init__(self, reports: HealthReports, producer: Producer, reader: Reader, interval_s: float) -> None:
        """The producer is the one that `reports` publishes with."""
        self._reports = reports
        self._producer = producer
        self._reader = reader
        self._interval_s = interval_s
        self._before = _totals()

    async def run(self) -> None:
        """Tell every interval, until cancelled."""
        while True:
            await asyncio.sleep(self._interval_s)
            self.report()

    def report(self) -> None:
        """Tell what there is; the next interval begins."""
        self._producer.poll(0)  # what became of the records before
        totals = _totals()
        counts = {name: totals[name] - self._before[name] for name in COUNTED}
        if self._reports.publish(counts, lag=self._reader.lag):
            self._before = totals

    async def finish(self, timeout_s: float) -> None:
        """The last record, given `timeout_s` to be stored."""
        self.report()
        await asyncio.to_thread(self._reports.flush, timeout_s)


def _totals() -> Counter[str]:
    """Of all that the sink of this process counts, since its start."""
    totals = Counter({"received": _sum(metrics.records), "dead_letters": _sum(metrics.dead_letters)})
    for result in ("stored", "present", "rejected"):
        totals[result] = _sum(metrics.documents, result=result)
    return totals


def _sum(counter: prometheus_client.Counter, **labels: str) -> int:
    return sum(
        int(sample.value)
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and labels.items() <= sample.labels.items()
    )
