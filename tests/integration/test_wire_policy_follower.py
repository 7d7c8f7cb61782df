"""The policy follower on a real broker: it knows the whole log, and knows that it does."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest
from prometheus_client import REGISTRY

from lictor.runtime import ports
from lictor.runtime.errors import AccountError, ArtifactError, NoJdkError
from lictor.runtime.servers import find_servers
from lictor.runtime.state import LocalState, find_live
from policy.changes import Change, NamespaceChanged, PolicyApplied, PolicyDeleted
from policy.policy_set import PolicySet
from tests.fixtures.runtime import held, state_folder
from wire import codec, topic_admin
from wire.kafka import Kafka
from wire.policy_log import PolicyFollower, PolicyLogError, append_change
from wire.topics import Topics

WITHIN_S = 60.0
NAMESPACE = "shop"


class Log:
    """A policy log of the test's own."""

    def __init__(self, bootstrap: str) -> None:
        self.kafka = Kafka(bootstrap=bootstrap, client_id="test")
        self.topics = Topics(prefix=f"policies-{uuid.uuid4().hex[:12]}")

    def create(self) -> None:
        topic_admin.create(self.kafka, self.topics)

    def append(self, change: Change, timeout_s: float = WITHIN_S) -> int:
        return append_change(self.kafka, self.topics, change, timeout_s)

    def append_raw(self, *values: bytes | None) -> None:
        producer = self.kafka.producer()
        for value in values:
            producer.produce(self.topics.policies.name, value, partition=0)
        assert producer.flush(WITHIN_S) == 0

    @contextmanager
    def follower(self, on_change: Callable[[PolicySet], None] | None = None) -> Iterator[PolicyFollower]:
        follower = PolicyFollower(self.kafka, self.topics, on_change)
        follower.start()
        try:
            yield follower
        finally:
            follower.stop()


@pytest.fixture
def log(kafka_broker: str) -> Log:
    log = Log(kafka_broker)
    log.create()
    return log


def policy(name: str, path: str = "/usr/bin/nc") -> PolicyApplied:
    document = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "process": {"matchPaths": [{"path": path}]},
            "action": "Block",
        },
    }
    return PolicyApplied(document=msgspec.Raw(msgspec.json.encode(document)))


def names(policies: PolicySet) -> list[str]:
    return [document.name for document in policies.documents]


def until(follower: PolicyFollower, offset: int) -> PolicySet:
    deadline = time.monotonic() + WITHIN_S
    while follower.current.offset < offset:
        assert follower.failure is None
        assert time.monotonic() < deadline, f"the follower is at {follower.current.offset}, not at {offset}"
        time.sleep(0.01)
    return follower.current


def refused(reason: str) -> float:
    return REGISTRY.get_sample_value("lictor_policy_changes_refused_total", {"reason": reason}) or 0.0


def test_an_empty_log_is_known_to_be_empty(log: Log) -> None:
    with log.follower() as follower:
        assert follower.wait_until_caught_up(WITHIN_S).offset == -1


def test_everything_that_stood_there_is_known_once_caught_up(log: Log) -> None:
    many = (policy(f"p{number % 7}", f"/usr/bin/{number}") for number in range(1200))  # more than a fetch
    log.append_raw(*map(codec.encode, many))
    log.append(PolicyDeleted(kind="KubeArmorPolicy", namespace=NAMESPACE, name="p3"))
    last = log.append(NamespaceChanged(namespace=NAMESPACE, enforcement="off"))
    assert last == 1201
    with log.follower() as follower:
        known = follower.wait_until_caught_up(WITHIN_S)
    assert known.offset == last
    assert names(known) == ["p0", "p1", "p2", "p4", "p5", "p6"]
    assert known.enforcement_of(NAMESPACE) == "off"


def test_changes_are_told_in_order_and_two_followers_agree(log: Log) -> None:
    told: list[tuple[int, list[str]]] = []
    log.append(policy("first"))
    with (
        log.follower(lambda known: told.append((known.offset, names(known)))) as one,
        log.follower() as other,
    ):
        one.wait_until_caught_up(WITHIN_S)
        log.append(policy("second"))
        last = log.append(PolicyDeleted(kind="KubeArmorPolicy", namespace=NAMESPACE, name="first"))
        assert until(one, last).hash == until(other, last).hash
    assert told == [(0, ["first"]), (1, ["first", "second"]), (2, ["second"])]


def test_what_cannot_be_used_is_counted_and_what_was_in_force_stays(log: Log) -> None:
    log.append(policy("good"))
    bad = bytes(policy("bad").document).replace(b'"process"', b'"proces"')
    before = {reason: refused(reason) for reason in ("not-json", "not-this-type", "unknown-schema")}
    invalid = refused("invalid-policy")
    log.append_raw(
        b"\xff",
        None,
        b'{"change": "policy-deleted"}',
        b'{"change": "no-such-change"}',
        b'{"change": "policy-deleted", "schema": 2}',
        codec.encode(PolicyApplied(document=msgspec.Raw(bad))),
        codec.encode(PolicyApplied(document=msgspec.Raw(b"[]"))),
    )
    with log.follower() as follower:
        known = follower.wait_until_caught_up(WITHIN_S)
        assert known.offset == 7
        assert names(known) == ["good"]
        last = log.append(policy("better"))
        assert names(until(follower, last)) == ["good", "better"]
    assert {reason: refused(reason) - count for reason, count in before.items()} == {
        "not-json": 2,
        "not-this-type": 2,
        "unknown-schema": 1,
    }
    assert refused("invalid-policy") - invalid == 2


def test_a_follower_whose_reader_raises_says_so_and_ends(log: Log) -> None:
    def on_change(known: PolicySet) -> None:
        raise RuntimeError(f"cannot use {known.offset}")

    log.append(policy("one"))
    with log.follower(on_change) as follower:
        with pytest.raises(PolicyLogError, match="cannot be followed: cannot use 0"):
            follower.wait_until_caught_up(WITHIN_S)
        assert isinstance(follower.failure, RuntimeError)


def test_a_log_that_nobody_has_made_is_waited_for(kafka_broker: str) -> None:
    log = Log(kafka_broker)
    with log.follower() as follower:
        with pytest.raises(PolicyLogError, match=r"could not be read within 1 s.*`lictor topics create`"):
            follower.wait_until_caught_up(1.0)
        log.create()
        assert follower.wait_until_caught_up(WITHIN_S).offset == -1
        assert names(until(follower, log.append(policy("late")))) == ["late"]


def test_a_change_to_a_log_that_is_not_there_is_refused_at_once(kafka_broker: str) -> None:
    with pytest.raises(PolicyLogError, match="`lictor topics create`"):
        Log(kafka_broker).append(policy("one"))


def test_a_change_without_a_broker_ends_in_a_sentence() -> None:
    nobody = f"127.0.0.1:{ports.choose()[0]}"
    with pytest.raises(PolicyLogError, match=rf"{nobody} within 1 s.*--bootstrap"):
        Log(nobody).append(policy("one"), timeout_s=1.0)


def test_a_broker_that_is_away_at_the_start_or_killed_later_is_waited_for() -> None:
    with state_folder() as root:
        try:
            state = LocalState.at(root)
        except AccountError as error:
            pytest.skip(str(error))
        with state:
            try:
                servers = find_servers(state, elasticsearch=False, secured=False)
            except (ArtifactError, NoJdkError) as error:
                pytest.skip(str(error))
            assert servers.bootstrap is not None
            log = Log(servers.bootstrap)
            with log.follower() as follower:
                with pytest.raises(PolicyLogError, match="could not be read within 1 s"):
                    follower.wait_until_caught_up(1.0)
                with held(state, servers):
                    log.create()
                    follower.wait_until_caught_up(WITHIN_S)
                    assert names(until(follower, log.append(policy("before")))) == ["before"]
                    live = find_live(root)
                    assert live is not None
                    os.kill(live.pids["kafka"], signal.SIGKILL)
                    last = log.append(policy("after"))
                    assert names(until(follower, last)) == ["before", "after"]
                    assert follower.failure is None
