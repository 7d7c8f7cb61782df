"""A stream worker's health records: what it judged, and what waits for it."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import NotReady
from faust.types.tuples import TP

from policy.policy_set import PolicySet
from streams import metrics
from streams.health import Tally
from streams.worker import Policies, StreamWorker
from wire.health_reports import HealthReports
from wire.records import PolicyPosition
from wire.topics import Topics

log = structlog.get_logger(__name__)


class Consumer(Protocol):
    """What is used of Faust's consumer (`faust.transport.consumer.Consumer`)."""

    _committed_offset: Mapping[TP, int | None]

    def assignment(self) -> Iterable[TP]:
        """The partitions of this worker."""
        ...

    def highwater(self, tp: TP) -> int | None:
        """The offset that the next record will get, as the broker said with the last records."""
        ...


class Reporter:
    """Belongs to the event loop of the worker."""

    def __init__(
        self,
        worker: StreamWorker,
        reports: HealthReports,
        *,
        topics: Topics,
        policies: Policies,
        consumer: Callable[[], Consumer],
    ) -> None:
        """`consumer` gives the one that there is now: Faust makes it when the app starts."""
        self._worker = worker
        self._reports = reports
        self._topic = topics.events.name
        self._policies = policies
        self._consumer = consumer
        self._shown: set[int] = set()

    async def report(self) -> None:
        """Publish a health record, whatever became of the broker; the next interval begins."""
        lag = self._lag()
        self._show(lag)
        policy_set = self._policies.current
        counts, namespaces = self._worker.tally.report(policy_set)
        if self._reports.publish(
            counts,
            lag={self._topic: sum(lag.values())} if lag else {},
            policies=_position(policy_set),
            namespaces=namespaces,
        ):
            self._worker.tally = Tally()

    async def finish(self, timeout_s: float) -> None:
        """The last record, given `timeout_s` to be stored."""
        await self.report()
        await asyncio.to_thread(self._reports.flush, timeout_s)

    def _lag(self) -> dict[int, int]:
        """Batches that were not taken yet, by partition, of those partitions where it is known.

        Nobody is asked for it: a broker says with every answer to a fetch how long the partition is, and a
        worker fetches all the time.
        """
        waiting: dict[int, int] = {}
        try:
            consumer = self._consumer()
            for tp in consumer.assignment():
                end = consumer.highwater(tp) if tp.topic == self._topic else None
                if end is not None:
                    waiting[tp.partition] = max(0, end - self._next(consumer, tp))
        except (AssertionError, NotReady, KafkaError) as error:
            # At the start and at the end there is no consumer, and a partition may be taken away in the
            # middle of this, of which aiokafka asserts that it is there.
            log.info("lag not known", error=str(error) or type(error).__name__)
        return waiting

    def _next(self, consumer: Consumer, tp: TP) -> int:
        taken = self._worker.position(tp.partition)
        if taken is not None:
            return taken
        return consumer._committed_offset.get(tp) or 0  # noqa: SLF001  # kept by Faust, and told by nothing

    def _show(self, lag: dict[int, int]) -> None:
        for partition in self._shown - lag.keys():
            metrics.lag.remove(str(partition))
        self._shown = set(lag)
        for partition, waiting in lag.items():
            metrics.lag.labels(str(partition)).set(waiting)


def _position(policy_set: PolicySet) -> PolicyPosition:
    return PolicyPosition(offset=policy_set.offset, hash=policy_set.hash)
