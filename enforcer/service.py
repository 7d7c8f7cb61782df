"""The enforcer as a service: orders of this node in, outcomes out, at least once.

Unprivileged: it needs a broker, the signaller's socket, and to see processes in /proc. It assigns
itself the one partition that its node's orders are in and commits an order's offset after its outcome
is stored. From the first start on everything in the partition is read; what is too old is `expired`.
While brokers are away it waits, with a bounded number of orders under way.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from enforcer import metrics, procfs
from enforcer.glimpse import Workloads, sees_others
from enforcer.orders import Orders
from enforcer.plan import Node
from enforcer.reporting import Reporter
from enforcer.signaller_link import SignallerError, SignallerLink
from enforcer.uncommitted import Uncommitted
from wire.access import grant_of
from wire.access_check import see_rights
from wire.codec import RecordError, encode, read_order
from wire.errors import OperatorError
from wire.health import INTERVAL_S
from wire.health_reports import HealthReports
from wire.kafka import ClientConfig, Kafka, is_transient, offset_of
from wire.partitions import partition_of
from wire.policy_log import PolicyFollower, PolicyLogError
from wire.records import DeadLetter, Outcome
from wire.topic_admin import TopicError, partition_counts
from wire.topics import Topics

log = structlog.get_logger(__name__)

UNDER_WAY = 1000
"""Orders read and not committed at most; past it none is read."""

_IDLE_POLL_S = 0.2
_BUSY_POLL_S = 0.005
_RETRY_S = 1.0
_CATCH_UP_S = 1.0
_STOP_S = 5.0
_ENVELOPE_BYTES = 4096
_A_DAY_MS = 24 * 60 * 60 * 1000


class EnforcerError(OperatorError):
    """The enforcer cannot go on; the message says what to do. Uncommitted orders are read again."""


@dataclass(frozen=True, kw_only=True)
class EnforcerConfig:
    """One node's enforcer. `workloads` has this node's own identities (`workloads.resolver`)."""

    kafka: Kafka
    topics: Topics
    node: str
    key: bytes | None
    """Key that the node's sensor seals with (`wire.seal`); without one every order is `unverified`."""
    signaller_socket: Path
    workloads: Workloads
    health_interval_s: float = INTERVAL_S


def run_enforcer(
    config: EnforcerConfig, stop: threading.Event, ready: Callable[[], None] = lambda: None
) -> None:
    """Carry out orders until `stop` is set; blocks.

    `ready` is called once policies are known and orders are being read.

    Raises:
        EnforcerError: the topics are missing, /proc hides processes, the policies cannot be followed,
            or an outcome will never be stored.
        RefusedError, AccessError: the brokers do not let it in, or not do what it must.
    """
    if not sees_others():
        raise EnforcerError("/proc hides other users' processes: mount it without hidepid for the enforcer")
    if config.key is None:
        log.warning("no sealing key: every order will be refused as unverified", node=config.node)
    see_rights(config.kafka, grant_of("enforcer", config.topics))
    follower = PolicyFollower(config.kafka, config.topics)
    follower.start()
    try:
        _catch_up(follower, stop)
        count = _count_partitions(config, stop)
        if count is not None and not stop.is_set():
            _Service(config, follower, count).run(stop, ready)
    finally:
        follower.stop()


class _Service:
    def __init__(self, config: EnforcerConfig, follower: PolicyFollower, partitions: int) -> None:
        self._config = config
        self._follower = follower
        topic = config.topics.orders.name
        self._partition = TopicPartition(topic, partition_of(config.node.encode(), partitions))
        self._link = SignallerLink(config.signaller_socket)
        self._uncommitted = Uncommitted()
        self._failure: EnforcerError | None = None
        overrides: ClientConfig = {
            "message.max.bytes": config.topics.dead_letters.max_message_bytes,
            "queue.buffering.max.messages": 10 * UNDER_WAY,
        }
        self._producer: Producer = config.kafka.producer(**overrides)
        # It is nobody's group but its own, and may wait for brokers as long as it takes.
        patient: ClientConfig = {"max.poll.interval.ms": _A_DAY_MS}
        self._consumer: Consumer = config.kafka.consumer(f"lictor-enforcer-{config.node}", **patient)
        reports = HealthReports(
            self._producer, config.topics, service="enforcer", node=config.node, instance="enforcer"
        )
        self._reporter = Reporter(
            reports, self._consumer, self._partition, follower, config.health_interval_s
        )
        self._orders = Orders(
            node=Node(name=config.node, boot_id=procfs.boot_id(), key=config.key),
            policies=follower,
            workloads=config.workloads,
            link=self._link,
            publish=self._publish,
            settle=self._uncommitted.settle,
        )

    def run(self, stop: threading.Event, ready: Callable[[], None]) -> None:
        try:
            self._consumer.assign([self._partition])
            self._meet_signaller()
            log.info("enforcer ready", node=self._config.node, partition=self._partition.partition)
            ready()
            while not stop.is_set():
                self._turn()
        finally:
            self._finish()

    def _turn(self) -> None:
        if len(self._uncommitted) < UNDER_WAY:
            busy = self._orders.waiting or len(self._uncommitted) > 0
            message = self._consumer.poll(_BUSY_POLL_S if busy else _IDLE_POLL_S)
            if message is not None:
                self._take(message)
            self._producer.poll(0)
        else:
            self._producer.poll(_BUSY_POLL_S)
        self._orders.collect()
        self._commit()
        self._reporter.turn()
        if self._failure is not None:
            raise self._failure
        if self._follower.failure is not None:
            raise EnforcerError(f"the policies cannot be followed any more: {self._follower.failure}")

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            if not is_transient(error):
                raise EnforcerError(
                    f"orders cannot be read: {error.str()}; see that `lictor topics create` has run"
                )
            return
        offset = offset_of(message)
        self._uncommitted.read(offset)
        metrics.received.inc()
        self._reporter.received(offset)
        if message.key() not in (None, self._config.node.encode()):
            self._uncommitted.settle(offset)  # another node's: its own enforcer sees to it
            return
        try:
            order = read_order(message.value())
        except RecordError as refused:
            self._put_aside(message, offset, refused.code, refused.sentence)
        else:
            self._orders.take(order, offset)

    def _publish(self, outcome: Outcome, offset: int) -> None:
        self._reporter.became(outcome.result)
        topic = self._config.topics.outcomes
        value = encode(outcome)
        log.info(
            "outcome",
            result=outcome.result,
            order=outcome.record.id,
            pid=outcome.record.event.pid,
            why=outcome.sentence,
        )
        if len(value) + _ENVELOPE_BYTES > topic.max_message_bytes:
            # Only a forger's: what sensors publish is bounded.
            sentence = f"the outcome ({outcome.result}) has {len(value)} bytes, more than {topic.name} takes"
            self._send_aside(encode(outcome.record), b"", offset, "outcome-too-large", sentence)
            return
        self._produce(topic.name, outcome.record.id.encode(), value, offset)

    def _put_aside(self, message: Message, offset: int, reason: str, sentence: str) -> None:
        log.error("order put aside", offset=offset, reason=reason, error=sentence)
        self._send_aside(message.value() or b"", message.key(), offset, reason, sentence)

    def _send_aside(self, value: bytes, key: bytes | None, offset: int, reason: str, sentence: str) -> None:
        metrics.dead_letters.labels(reason).inc()
        self._reporter.put_aside()
        orders = self._config.topics.orders
        letter = DeadLetter(
            topic=orders.name,
            partition=self._partition.partition,
            offset=offset,
            reason=reason,
            sentence=sentence,
            value=value[: orders.max_message_bytes],
            at_ns=time.time_ns(),
        )
        self._produce(self._config.topics.dead_letters.name, key, encode(letter), offset)

    def _produce(self, topic: str, key: bytes | None, value: bytes, offset: int) -> None:
        def on_delivery(error: KafkaError | None, _: Message) -> None:
            if error is None:
                self._uncommitted.settle(offset)
            elif self._failure is None:
                self._failure = EnforcerError(f"a record for {topic} will never be stored: {error.str()}")

        # Never full: its queue holds more than there may be under way.
        self._producer.produce(topic, value, key, on_delivery=on_delivery)

    def _commit(self) -> None:
        metrics.uncommitted.set(len(self._uncommitted))
        offset = self._uncommitted.take_committable()
        if offset is not None:
            place = TopicPartition(self._partition.topic, self._partition.partition, offset)
            self._consumer.commit(offsets=[place], asynchronous=True)

    def _meet_signaller(self) -> None:
        try:
            self._link.connect()
        except SignallerError as error:
            log.error("no signaller: orders will fail until there is one", error=str(error))
        metrics.signaller_up.set(self._link.connected)

    def _finish(self) -> None:
        """Give what is under way a bounded time; what is left is read again by the next start."""
        deadline = time.monotonic() + _STOP_S
        while self._orders.waiting and time.monotonic() < deadline:
            self._orders.collect()
            self._producer.poll(_BUSY_POLL_S)
        self._reporter.report()
        self._producer.flush(max(0.0, deadline - time.monotonic()))
        offset = self._uncommitted.take_committable()
        if offset is not None:
            place = TopicPartition(self._partition.topic, self._partition.partition, offset)
            with contextlib.suppress(KafkaException):  # brokers are away: the orders are read again
                self._consumer.commit(offsets=[place], asynchronous=False)
        self._consumer.close()
        self._link.close()


def _count_partitions(config: EnforcerConfig, stop: threading.Event) -> int | None:
    """Partitions of the orders topic; None where `stop` was set before a broker answered."""
    while not stop.is_set():
        try:
            counts = partition_counts(config.kafka)
        except TopicError as error:
            log.warning("waiting for a broker", error=str(error))
            stop.wait(_RETRY_S)
            continue
        name = config.topics.orders.name
        if name not in counts:
            raise EnforcerError(f"there is no topic {name}; `lictor topics create` makes it")
        return counts[name]
    return None


def _catch_up(follower: PolicyFollower, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            follower.wait_until_caught_up(_CATCH_UP_S)
        except PolicyLogError as error:
            if follower.failure is not None:
                raise EnforcerError(str(error)) from error
            log.warning("waiting for the policies", error=str(error))
        else:
            return
