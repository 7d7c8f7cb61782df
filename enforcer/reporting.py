"""An enforcer's health records: what became of orders, and what waits for it."""

import time
from collections import Counter
from typing import Protocol, get_args

import structlog
from confluent_kafka import Consumer, KafkaException, TopicPartition

from enforcer import metrics
from policy.policy_set import PolicySet
from wire.health_reports import HealthReports
from wire.records import PolicyPosition, Result

log = structlog.get_logger(__name__)

COUNTED = ("received", *get_args(Result), "dead_letters")

_ASK_S = 0.5
"""How long a broker may take to say how far the orders were carried out before; asked once."""


class Policies(Protocol):
    """What is in force, as far as this process knows."""

    @property
    def current(self) -> PolicySet:
        """The latest known set."""
        ...


class Reporter:
    """Counts an interval and tells it. Belongs to the enforcer's loop."""

    def __init__(
        self,
        reports: HealthReports,
        consumer: Consumer,
        partition: TopicPartition,
        policies: Policies,
        interval_s: float,
    ) -> None:
        """`partition` is the one that the node's orders are in."""
        self._reports = reports
        self._consumer = consumer
        self._partition = partition
        self._policies = policies
        self._interval_s = interval_s
        self._due = time.monotonic() + interval_s
        self._counts: Counter[str] = Counter()
        self._next: int | None = None

    def received(self, offset: int) -> None:
        """A record was read."""
        self._next = offset + 1
        self._counts["received"] += 1

    def became(self, result: Result) -> None:
        """An order came to its end."""
        self._counts[result] += 1

    def put_aside(self) -> None:
        """A dead letter was made."""
        self._counts["dead_letters"] += 1

    def turn(self) -> None:
        """Tell the interval if it is over."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + self._interval_s
            self.report()

    def report(self) -> None:
        """Tell what there is; the next interval begins."""
        lag = self._lag()
        if lag is not None:
            metrics.lag.set(lag)
        policy_set = self._policies.current
        if self._reports.publish(
            dict.fromkeys(COUNTED, 0) | self._counts,
            lag={} if lag is None else {self._partition.topic: lag},
            policies=PolicyPosition(offset=policy_set.offset, hash=policy_set.hash),
        ):
            self._counts.clear()

    def _lag(self) -> int | None:
        """Records of the partition that were not read yet, other nodes' included; None where not known."""
        try:
            # As the broker said with the last answer to a fetch.
            low, end = self._consumer.get_watermark_offsets(self._partition, cached=True)
            if end < 0:
                return None
            if self._next is None:
                (committed,) = self._consumer.committed([self._partition], timeout=_ASK_S)
                self._next = committed.offset if committed.offset >= 0 else max(0, low)
        except KafkaException as error:
            log.info("lag not known", error=str(error))
            return None
        return int(max(0, end - self._next))
