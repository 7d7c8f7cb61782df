"""One step of the sensor: from the ring, through assembly, to the producer. Knows no kernel and no broker."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

import structlog

from policy.events import AnyEvent, ProcessEvent
from sensors import metrics
from sensors.assembly import EventAssembler
from sensors.batches import Batch, BatchAssembler
from sensors.kernel import RingCounters
from sensors.kernel_source import KernelSource
from sensors.publisher import Publisher
from sensors.ring_records import RawExec, RawExit, RecordFormatError, decode
from wire.records import RingBalance
from workloads.resolver import Resolver

log = structlog.get_logger(__name__)

DRAIN_LIMIT = 1024
"""Records a step takes from the ring at most: bounds what waits here when the producer's queue is full."""

_PAUSE_S = 0.001


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Pipeline:
    """Moves one ring's events.

    While the producer's queue is full nothing is taken from the ring, which then fills and loses, counted
    in the kernel: no event that was received is dropped here.
    """

    def __init__(
        self,
        ring: str,
        *,
        kernel: KernelSource,
        assembler: EventAssembler,
        resolver: Resolver,
        batches: BatchAssembler,
        publisher: Publisher,
        decode: Callable[[bytes], RawExec | RawExit] = decode,
        boot_ns: Callable[[], int] = _boot_ns,
    ) -> None:
        self._ring = ring
        self._kernel = kernel
        self._assembler = assembler
        self._resolver = resolver
        self._batches = batches
        self._publisher = publisher
        self._decode = decode
        self._boot_ns = boot_ns
        self._waiting: deque[Batch] = deque()
        self._taken_at: list[int] = []
        self._received = 0
        self._unreadable = metrics.unreadable.labels(ring)
        self._unreadable_count = 0
        self._metrics = metrics.BalanceMetrics(ring)

    def step(self) -> bool:
        """Move what is there; whether there is more, so that the caller should come again at once.

        Raises:
            PublishError: events cannot be published, and waiting will not help.
        """
        self._send_waiting()
        taken = 0
        if not self._waiting:
            taken = self._kernel.drain(self._take, DRAIN_LIMIT)
            if taken:
                self._waiting.extend(self._batches.flush())
                self._send_waiting()
                self._observe_latency()
        self._publisher.poll()
        return taken >= DRAIN_LIMIT and not self._waiting

    def balance(self) -> RingBalance:
        """What became of everything so far; exact once the ring is quiet and the producer's queue empty."""
        return self._balance(self._kernel.counters())

    def finish(self, timeout_s: float) -> RingBalance:
        """Publish what is there, for `timeout_s` at most, and give up the rest: counted.

        The programs still run while the ring is emptied, so it is emptied until the kernel's counters,
        read right behind, say that nothing came in between: that is the exact end.
        """
        deadline = time.monotonic() + timeout_s
        counters = self._kernel.counters()
        while (self._waiting or not self._accounts_for(counters)) and time.monotonic() < deadline:
            self._publisher.flush(_PAUSE_S)
            self.step()
            counters = self._kernel.counters()
        if not self._publisher.flush(max(0.0, deadline - time.monotonic())) or self._waiting:
            self._publisher.give_up(self._waiting)
            self._waiting.clear()
        return self._balance(counters)

    def _accounts_for(self, counters: RingCounters) -> bool:
        return counters.seen == counters.filtered + counters.lost + self._received

    def _balance(self, counters: RingCounters) -> RingBalance:
        balance = RingBalance(
            seen=counters.seen,
            filtered=counters.filtered,
            coalesced=0,
            lost=counters.lost,
            received=self._received,
            published=self._publisher.published,
            # What could not be decoded was received, and will not be published.
            unpublished=self._publisher.unpublished + self._unreadable_count,
        )
        self._metrics.show(balance)
        metrics.waiting.set(len(self._waiting))
        return balance

    def _take(self, record: bytes) -> None:
        self._received += 1
        try:
            raw = self._decode(record)
        except RecordFormatError as error:
            self._unreadable.inc()
            self._unreadable_count += 1
            log.error("unreadable ring record", ring=self._ring, error=str(error))
            return
        workload = self._resolver.workload(raw.cgroup_id, raw.pid)
        event: AnyEvent
        if isinstance(raw, RawExec):
            event = self._assembler.process_event(raw)
        else:
            event = self._assembler.exit_event(raw)
        if not workload.complete:
            metrics.incomplete.inc()
        if isinstance(event, ProcessEvent) and event.args_redacted:
            metrics.redacted.inc()
        self._taken_at.append(event.boot_ns)
        self._waiting.extend(self._batches.add(workload, event))

    def _send_waiting(self) -> None:
        while self._waiting and self._publisher.publish(self._waiting[0]):
            self._waiting.popleft()

    def _observe_latency(self) -> None:
        now = self._boot_ns()
        for boot_ns in self._taken_at:
            metrics.latency.observe((now - boot_ns) / 1e9)
        self._taken_at.clear()
