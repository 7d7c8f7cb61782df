"""The sensor as a service: load, look around, give up privileges, and move events on a tick."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from confluent_kafka import KafkaException, Producer

from sensors import metrics
from sensors.assembly import EventAssembler
from sensors.batches import BatchAssembler
from sensors.boot_clock import BootClock
from sensors.health import HealthReport, is_balanced
from sensors.inventory import take_inventory
from sensors.kernel import KernelSensor
from sensors.pipeline import Pipeline
from sensors.process_table import ProcessTable
from sensors.publisher import Publisher, PublishError
from sensors.redaction import ArgsMode
from wire.access import grant_of
from wire.access_check import see_rights
from wire.codec import encode
from wire.health import INTERVAL_S
from wire.kafka import Kafka
from wire.privileges import drop_privileges
from wire.records import RingBalance, Source
from wire.seal import KEY_BYTES
from wire.topics import Topics
from workloads.cgroup_paths import CgroupPaths, find_cgroup2
from workloads.identity_map import IdentityMap, NoIdentities
from workloads.resolver import Resolver

log = structlog.get_logger(__name__)

RING = "process"
_TOPIC_CHECK_S = 5.0
_FINISH_S = 10.0
_MEASURE_S = 0.5


def read_boot_id(path: Path = Path("/proc/sys/kernel/random/boot_id")) -> str:
    """The kernel's name for this boot."""
    return path.read_text().strip()


@dataclass(frozen=True, kw_only=True)
class SensorConfig:
    """What a sensor needs to know."""

    kafka: Kafka
    topics: Topics
    node: str
    node_labels: Mapping[str, str] = field(default_factory=dict)
    boot_id: str = field(default_factory=read_boot_id)
    tick_ms: float = 2.0
    """The ring is emptied this often: half of it is the average wait of an event."""
    ring_bytes: int = 8 * 1024 * 1024
    args: ArgsMode = "redacted"
    node_key: bytes | None = field(default=None, repr=False)
    """`wire.seal.KEY_BYTES` bytes that only this node's sensor and enforcer know; None seals nothing."""
    run_as: str | None = None
    """The user to become after loading; None keeps all privileges."""
    identity_map: Path | None = None
    own_pids: tuple[int, ...] = ()
    """Processes whose events are left out, beside the sensor's own."""
    health_interval_s: float = INTERVAL_S

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if self.node_key is not None and len(self.node_key) != KEY_BYTES:
            raise ValueError(f"node_key has {len(self.node_key)} bytes; {KEY_BYTES} are needed")
        if self.tick_ms <= 0 or self.health_interval_s <= 0:
            raise ValueError("tick_ms and health_interval_s are greater than 0")


def run_sensor(config: SensorConfig, stop: threading.Event, ready: Callable[[], None]) -> None:
    """Run until `stop` is set. `ready` is called once the broker has acknowledged a record.

    With `run_as` it must be called before the process has other threads, since privileges are a
    thread's.

    Raises:
        PublishError: the topics are not there, or the producer is broken for good.
        IdentityMapError, NoCgroup2Error, PrivilegeError: as their modules say.
        KernelSensorError: the kernel programs cannot be had here.
    """
    source = Source(node=config.node, boot_id=config.boot_id, incarnation=secrets.token_hex(8))
    provider = NoIdentities() if config.identity_map is None else IdentityMap(config.identity_map)
    cgroup_paths = CgroupPaths(find_cgroup2())
    resolver = Resolver(config.node, config.node_labels, cgroup_paths, provider)
    kernel = KernelSensor.load(ring_bytes=config.ring_bytes, own_pids=(os.getpid(),))
    try:
        _leave_out(kernel, config.own_pids)
        # After loading: what starts in between is seen by both, and the later event stands.
        processes = ProcessTable()
        known = take_inventory(processes)
        if config.run_as is not None:
            drop_privileges(config.run_as)
            _see_that_edits_can_be_read(config)
        see_rights(config.kafka, grant_of("sensor", config.topics))
        producer = config.kafka.producer()
        _see_topics(producer, config.topics)
        clock = BootClock()
        publisher = Publisher(producer, config.topics.events.name, config.topics.health.name)
        pipeline = Pipeline(
            RING,
            kernel=kernel,
            assembler=EventAssembler(RING, clock, processes, config.args),
            resolver=resolver,
            batches=BatchAssembler(source, config.node_key),
            publisher=publisher,
        )
        health = HealthReport(source, kernel.coverage, time.time_ns)
        log.info("sensor started", node=config.node, incarnation=source.incarnation, processes=known)
        loop = _Loop(
            config,
            pipeline=pipeline,
            publisher=publisher,
            health=health,
            clock=clock,
            provider=provider,
            processes=processes,
        )
        loop.run(stop, ready)
        loop.finish()
    finally:
        kernel.close()


def _see_that_edits_can_be_read(config: SensorConfig) -> None:
    if config.identity_map is not None and not os.access(config.identity_map, os.R_OK):
        log.warning("edits will not be seen", file=str(config.identity_map), unreadable_for=config.run_as)


def _leave_out(kernel: KernelSensor, pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            kernel.add_own_pid(pid)
        except ProcessLookupError:
            log.info("own process ended already", pid=pid)


def _see_topics(producer: Producer, topics: Topics) -> None:
    """Fail early where the broker has no such topics; a broker that is away is waited for, later."""
    try:
        there = producer.list_topics(timeout=_TOPIC_CHECK_S).topics
    except KafkaException as error:
        log.warning("broker not reached yet", error=str(error))
        return
    for topic in (topics.events, topics.health):
        if topic.name not in there or there[topic.name].error is not None:
            raise PublishError(f"topic {topic.name} does not exist: `lictor topics create` makes it")


class _Loop:
    """Paces the pipeline, and what is done less often."""

    def __init__(
        self,
        config: SensorConfig,
        *,
        pipeline: Pipeline,
        publisher: Publisher,
        health: HealthReport,
        clock: BootClock,
        provider: IdentityMap | NoIdentities,
        processes: ProcessTable,
    ) -> None:
        self._config = config
        self._pipeline = pipeline
        self._publisher = publisher
        self._health = health
        self._clock = clock
        self._provider = provider
        self._processes = processes
        self._key = config.node.encode()
        self._lost = 0

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        period = self._config.tick_ms / 1000
        is_ready = False
        self._report()
        now = time.monotonic()
        tick, measure, report = now, now + _MEASURE_S, now + self._config.health_interval_s
        while not stop.is_set():
            more = self._pipeline.step()
            if not is_ready and self._publisher.reached:
                is_ready = True
                ready()
            now = time.monotonic()
            if now >= measure:
                measure = now + _MEASURE_S
                self._clock.measure()
                self._provider.poll()
            if now >= report:
                report = now + self._config.health_interval_s
                self._report()
            tick += period
            if more or tick <= now:
                tick = now  # behind: no ticks are made up for
            else:
                time.sleep(tick - now)

    def finish(self) -> None:
        balance = self._pipeline.finish(_FINISH_S)
        self._tell(balance)
        self._publisher.flush(2.0)
        log.info(
            "sensor stopped",
            balanced=is_balanced(balance),
            seen=balance.seen,
            received=balance.received,
            published=balance.published,
            lost=balance.lost,
            unpublished=balance.unpublished,
        )

    def _report(self) -> None:
        balance = self._pipeline.balance()
        metrics.processes.set(len(self._processes))
        metrics.evicted.set(self._processes.evicted)
        if balance.lost > self._lost:
            log.warning("events lost: the ring was full", lost=balance.lost - self._lost)
            self._lost = balance.lost
        self._tell(balance)

    def _tell(self, balance: RingBalance) -> None:
        if not self._publisher.publish_health(self._key, encode(self._health.record({RING: balance}))):
            self._health.reopen()
