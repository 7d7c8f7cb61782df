"""The policy follower: every service knows the whole policy log, and knows that it does.

Policies are few and all services need all of them, so each reads the one policy partition from its
beginning, with no consumer group, and starts work when it has caught up. The sets it publishes are
immutable; readers take `current` once and work on with what they took.
"""

import contextlib
import threading
import time
from collections.abc import Callable

import structlog
from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, Producer, TopicPartition
from prometheus_client import Counter, Gauge

from policy.changes import Change
from policy.policy_set import PolicyRefusedError, PolicySet
from wire.codec import RecordError, encode, read_change
from wire.errors import OperatorError
from wire.kafka import ClientConfig, Kafka, is_transient, offset_of, take
from wire.refusals import raise_refusal
from wire.topics import Topics

log = structlog.get_logger(__name__)

_POLL_S = 0.2
_ASK_S = 2.0

POLICY_OFFSET = "lictor_policy_offset"
"""The metric that says which policy set a process judges by."""

_offset = Gauge(POLICY_OFFSET, "Offset of the last policy change that this process knows.")
_refused = Counter(
    "lictor_policy_changes_refused_total", "Policy log records that could not be used.", ["reason"]
)


class PolicyLogError(OperatorError):
    """The policy log cannot be followed; the message says what to do."""


class PolicyFollower:
    """Follows the policy log in a thread of its own.

    A change that cannot be used (not readable, of an unknown schema, an invalid document) is counted
    and logged, and what was in force before stays in force. Brokers that are away are waited for.
    """

    def __init__(
        self, kafka: Kafka, topics: Topics, on_change: Callable[[PolicySet], None] | None = None
    ) -> None:
        """`on_change` is called in the follower's thread, after `current` has the new set."""
        self._kafka = kafka
        self._topic = topics.policies.name
        self._on_change = on_change
        self._current = PolicySet.empty()
        self._caught_up = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="policy-follower", daemon=True)
        self._failure: BaseException | None = None

    @property
    def current(self) -> PolicySet:
        """The latest known set. Before `wait_until_caught_up` it may be an older one."""
        return self._current

    @property
    def failure(self) -> BaseException | None:
        """Why the follower ended by itself, or None. Whoever judges must stop when it is set."""
        return self._failure

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def wait_until_caught_up(self, timeout_s: float) -> PolicySet:
        """Wait until everything that stood in the log at the start is in `current`.

        Raises:
            PolicyLogError: not within `timeout_s`, or the follower ended.
            RefusedError: the brokers do not let this client in.
        """
        if not self._caught_up.wait(timeout_s):
            raise_refusal(self._kafka)
            raise PolicyLogError(
                f"the policy log {self._topic} at {self._kafka.bootstrap} could not be read within "
                f"{timeout_s:g} s; see that the brokers are reachable and that `lictor topics create` has run"
            )
        if self._failure is not None:
            raise PolicyLogError(f"the policy log {self._topic} cannot be followed: {self._failure}")
        return self._current

    def stop(self) -> None:
        """End the thread; at most a few poll intervals."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=10)

    def _run(self) -> None:
        try:
            self._follow()
        except BaseException as error:
            # A judge with an old policy set is worse than none: owners look at `failure`.
            log.exception("policy follower ended", topic=self._topic)
            self._failure = error
        finally:
            self._caught_up.set()

    def _follow(self) -> None:
        overrides: ClientConfig = {
            "fetch.wait.max.ms": 100,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
        }
        consumer = self._kafka.consumer(f"{self._kafka.client_id}-policy-follower", **overrides)
        try:
            # Asked for, the broker says where the topic is at once; by itself librdkafka asks half a second
            # later. A broker that is away is waited for below.
            with contextlib.suppress(KafkaException):
                consumer.list_topics(self._topic, timeout=_ASK_S)
            consumer.assign([TopicPartition(self._topic, 0, OFFSET_BEGINNING)])
            while not self._stop.is_set():
                for message in take(consumer, _POLL_S):
                    self._take(message)
        finally:
            consumer.close()

    def _take(self, message: Message) -> None:
        error = message.error()
        if error is not None:
            self._take_error(error)
            return
        offset = offset_of(message)
        self._current = advance(self._current, message.value(), offset)
        _offset.set(offset)
        if self._on_change is not None:
            self._on_change(self._current)

    def _take_error(self, error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._caught_up.set()
        elif not is_transient(error) and (self._caught_up.is_set() or error.code() not in _NOT_THERE_YET):
            raise KafkaException(error)


_NOT_THERE_YET = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION})


def advance(current: PolicySet, value: bytes | None, offset: int) -> PolicySet:
    """The set after one log record, whatever the record is: what cannot be used changes nothing."""
    try:
        return current.apply(read_change(value), offset)
    except RecordError as error:
        _refused.labels(error.code).inc()
        log.error("policy change ignored", offset=offset, reason=error.code, error=error.sentence)
    except PolicyRefusedError as error:
        _refused.labels("invalid-policy").inc()
        log.error("policy change refused", offset=offset, reason="invalid-policy", error=str(error))
    return current.skip(offset)


def append_change(kafka: Kafka, topics: Topics, change: Change, timeout_s: float = 10.0) -> int:
    """Write one change to the log and return its offset once all replicas have it.

    Raises:
        PolicyLogError: there is no log, or no answer within `timeout_s`; or not acknowledged within
            `timeout_s` more, and then it may still have been written.
    """
    delivered: list[Message] = []
    failed: list[str] = []

    def on_delivery(error: KafkaError | None, message: Message) -> None:
        if error is None:
            delivered.append(message)
        else:
            failed.append(error.str())

    producer = kafka.producer(**{"message.timeout.ms": int(timeout_s * 1000)})
    _see_log(producer, kafka, topics.policies.name, timeout_s)
    producer.produce(topics.policies.name, encode(change), partition=0, on_delivery=on_delivery)
    deadline = time.monotonic() + timeout_s + 1
    while not delivered and not failed and time.monotonic() < deadline:
        producer.poll(0.05)
    if not delivered:
        reason = failed[0] if failed else "no answer"
        raise PolicyLogError(
            f"the change was not acknowledged by {kafka.bootstrap} ({reason}); see that Kafka runs there and "
            "that `lictor topics create` has run, then look with `lictor policy get` whether it is in force"
        )
    return offset_of(delivered[0])


def _see_log(producer: Producer, kafka: Kafka, name: str, timeout_s: float) -> None:
    """See that the log is there; the producer knows its way from then on, half a second sooner."""
    try:
        found = producer.list_topics(name, timeout=timeout_s).topics[name]
    except KafkaException as error:
        raise_refusal(kafka)
        raise PolicyLogError(
            f"no broker answered at {kafka.bootstrap} within {timeout_s:g} s ({error.args[0].str()}); "
            "see that Kafka runs there, and whether it asks for kafka_protocol, or give --bootstrap"
        ) from error
    if found.error is not None and found.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        raise PolicyLogError(
            f"{kafka.security.subject} may not write {name} at {kafka.bootstrap}: come as operator"
        )
    if found.error is not None:
        raise PolicyLogError(f"{name} at {kafka.bootstrap}: {found.error.str()}; run `lictor topics create`")
