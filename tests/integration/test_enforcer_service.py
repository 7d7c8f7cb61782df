"""An enforcer without privileges, its signaller, a real broker, and real processes in a real cgroup."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from enforcer.service import EnforcerConfig, run_enforcer
from policy.workload import Workload
from tests.fixtures.cgroups import cgroup, move, path_of
from tests.fixtures.orders import (
    KEY,
    LABELS,
    NAMESPACE,
    NODE,
    block_policy,
    container,
    enforcement,
    event_of,
    order_of,
    runs,
)
from tests.fixtures.signaller import UNPRIVILEGED, SignallerProcess, signaller, signaller_folder
from wire.codec import encode, read_dead_letter, read_outcome
from wire.kafka import Kafka
from wire.partitions import partition_of
from wire.policy_log import append_change
from wire.records import DeadLetter, Order, Outcome
from wire.topic_admin import create
from wire.topics import Topics
from workloads.cgroup_paths import CgroupPaths, find_cgroup2
from workloads.identity_map import NoIdentities
from workloads.resolver import Resolver

__all__ = ["cgroup", "signaller", "signaller_folder"]

SLEEP = shutil.which("sleep") or "/usr/bin/sleep"
WAIT_S = 30.0
NOBODY = 65534

pytestmark = pytest.mark.parametrize("signaller", [NOBODY], indirect=True)


class Node:
    """One node with its enforcer and signaller, a workload, and the topics."""

    def __init__(self, broker: str, folder: Path, signaller: SignallerProcess, cgroup: Path) -> None:
        self.kafka = Kafka(bootstrap=broker)
        self.topics = Topics(prefix=f"t{uuid.uuid4().hex[:10]}")
        self.signaller = signaller
        self.cgroup = cgroup
        self.workload: Workload = container(path_of(cgroup))
        self.log = folder / "enforcer.log"
        self._identities = folder / "identities.yaml"
        self._producer: Producer = self.kafka.producer()
        self._victims: list[subprocess.Popen[bytes]] = []
        self.enforcer: subprocess.Popen[bytes] | None = None
        create(self.kafka, self.topics)
        append_change(self.kafka, self.topics, block_policy(str(Path(SLEEP).resolve())))
        self.identify(LABELS)

    def identify(self, labels: dict[str, str]) -> None:
        """This node's own identity of the workload."""
        entry = {
            "cgroup": self.workload.cgroup,
            "container_id": self.workload.container_id,
            "namespace": NAMESPACE,
            "labels": labels,
        }
        self._identities.write_text(yaml.safe_dump({"workloads": [entry]}))

    def start(self, key: bytes | None = KEY) -> None:
        asked = {
            "bootstrap": self.kafka.bootstrap,
            "prefix": self.topics.prefix,
            "node": NODE,
            "socket": str(self.signaller.socket),
            "identities": str(self._identities),
            "user": UNPRIVILEGED,
            "key": None if key is None else key.hex(),
        }
        command = (sys.executable, "-m", "tests.fixtures.enforcer_process", json.dumps(asked))
        with self.log.open("ab") as log:
            self.enforcer = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert self.enforcer.stdout is not None
        for line in self.enforcer.stdout:
            if line == b"ready\n":
                return
        raise AssertionError(self.log.read_text())

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.enforcer is not None
        assert self.enforcer.stdout is not None
        self.enforcer.send_signal(number)
        code = self.enforcer.wait(20)
        self.enforcer.stdout.close()
        self.enforcer = None
        return code

    def victim(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen((SLEEP, "120"), user=1234)
        self._victims.append(process)
        runs(process.pid, SLEEP)
        move(process.pid, self.cgroup)
        return process

    def order(self, victim: subprocess.Popen[bytes], key: bytes = KEY, **changes: object) -> Order:
        order = order_of(event_of(victim.pid), self.workload, key=key)
        return msgspec.structs.replace(order, **changes)

    def send(self, *orders: Order | bytes, key: bytes | None = NODE.encode()) -> None:
        for order in orders:
            value = order if isinstance(order, bytes) else encode(order)
            partition = partition_of(NODE.encode(), self.topics.order_partitions)
            self._producer.produce(self.topics.orders.name, value, key, partition=partition)
        assert self._producer.flush(WAIT_S) == 0

    def outcomes(self, count: int) -> list[Outcome]:
        """All outcomes so far, at least `count`."""
        topic = self.topics.outcomes
        return [read_outcome(value) for value in self._read(topic.name, topic.partitions, count)]

    def outcome(self, order: Order) -> Outcome:
        """The outcome of one order."""
        topic = self.topics.outcomes
        for value in self._records(topic.name, topic.partitions):
            outcome = read_outcome(value)
            if outcome.record.id == order.record.id:
                return outcome
        raise AssertionError(f"no outcome of {order.id}\n{self.log.read_text()}")

    def dead_letters(self, count: int) -> list[DeadLetter]:
        topic = self.topics.dead_letters
        return [read_dead_letter(value) for value in self._read(topic.name, topic.partitions, count)]

    def _read(self, topic: str, partitions: int, count: int) -> list[bytes]:
        found = []
        for value in self._records(topic, partitions):
            found.append(value)
            if len(found) == count:
                return found
        raise AssertionError(f"{len(found)} of {count} records in {topic}\n{self.log.read_text()}")

    def _records(self, topic: str, partitions: int) -> Iterator[bytes]:
        consumer: Consumer = self.kafka.consumer(f"test-{uuid.uuid4().hex}")
        try:
            consumer.assign([TopicPartition(topic, n, OFFSET_BEGINNING) for n in range(partitions)])
            deadline = time.monotonic() + WAIT_S
            while time.monotonic() < deadline:
                message = consumer.poll(0.1)
                if message is not None and message.error() is None:
                    value = message.value()
                    assert value is not None
                    yield value
        finally:
            consumer.close()

    def close(self) -> None:
        if self.enforcer is not None:
            self.end(signal.SIGKILL)
        for victim in self._victims:
            victim.kill()
            victim.wait()


@pytest.fixture
def node(
    kafka_broker: str, signaller_folder: Path, signaller: SignallerProcess, cgroup: Path
) -> Iterator[Node]:
    """Signaller and enforcer up, the policy in force."""
    made = Node(kafka_broker, signaller_folder, signaller, cgroup)
    try:
        signaller.start()
        made.start()
        yield made
    finally:
        made.close()


def test_a_denied_process_is_terminated_and_its_outcome_says_so(node: Node) -> None:
    victim = node.victim()
    order = node.order(victim)
    node.send(order)
    outcome = node.outcome(order)
    assert outcome.result == "terminated", outcome.sentence
    assert outcome.id == f"{order.id}/outcome"
    assert outcome.record == order.record
    assert outcome.exec_to_kill_ns is not None
    assert outcome.exec_to_kill_ns > 0
    assert victim.wait() == -signal.SIGKILL
    assert node.end() == 0


def test_twice_the_same_order_is_one_kill_and_one_outcome(node: Node) -> None:
    victim, last = node.victim(), node.victim()
    order, final = node.order(victim), node.order(last)
    node.send(order, order)
    assert node.outcome(order).result == "terminated"
    victim.wait()
    node.send(order, final)
    assert node.outcome(final).result == "terminated"
    assert [outcome.record.id for outcome in node.outcomes(2)].count(order.id) == 1
    node.end()
    assert node.signaller.log.read_text().count(f"killed process {victim.pid} ") == 1


def test_forged_stale_and_expired_orders_never_kill(node: Node) -> None:
    victim = node.victim()
    good = node.order(victim)

    def altered(**changes: object) -> Order:
        event = msgspec.structs.replace(good.record.event, **changes)
        return msgspec.structs.replace(good, record=msgspec.structs.replace(good.record, event=event))

    other = container("/elsewhere", name="db")
    event = event_of(victim.pid)
    spoilt = {
        "another key": (node.order(victim, key=bytes(32)), "unverified"),
        "no seal": (altered(seal=""), "unverified"),
        "another parent": (altered(ancestors=()), "unverified"),
        "another pid": (altered(pid=os.getpid()), "unverified"),
        "another workload's id": (
            msgspec.structs.replace(good, record=msgspec.structs.replace(good.record, workload=other)),
            "unverified",
        ),
        "sealed for another workload": (order_of(event, other), "stale-identity"),
        "sealed start of another process": (
            order_of(event_of(victim.pid, start_ns=event.start_ns - 10**9), node.workload),
            "stale-identity",
        ),
        "sealed inode of another file": (
            order_of(
                event_of(victim.pid, executable=msgspec.structs.replace(event.executable, inode=4)),
                node.workload,
            ),
            "stale-identity",
        ),
        "too old": (
            order_of(event_of(victim.pid, boot_ns=event.boot_ns - 31 * 10**9), node.workload),
            "expired",
        ),
        "expired": (node.order(victim, expires_ns=time.time_ns() - 1), "expired"),
    }
    node.send(*(order for order, _ in spoilt.values()))
    outcomes = node.outcomes(len(spoilt))
    for name, (order, result) in spoilt.items():
        of_it = [outcome for outcome in outcomes if outcome.record == order.record]
        assert [outcome.result for outcome in of_it] == [result], name
    assert victim.poll() is None
    # A forgery took no verdict's place: neither its document's, nor its order's.
    assert f"{good.id}/outcome" not in {outcome.id for outcome in outcomes}
    node.send(good)
    victim.wait(WAIT_S)
    assert victim.returncode == -signal.SIGKILL


def test_other_nodes_orders_and_unreadable_ones(node: Node) -> None:
    victim = node.victim()
    foreign = node.order(victim, node="node-2")
    node.send(foreign, key=b"node-2")
    node.send(foreign, b"no JSON", encode({"schema": 9}), encode({"schema": 1, "id": 5}))
    order = node.order(victim)
    node.send(order)
    assert node.outcome(order).result == "terminated"
    assert len(node.outcomes(1)) == 1
    letters = node.dead_letters(3)
    assert [letter.reason for letter in letters] == ["not-json", "unknown-schema", "not-this-type"]
    assert letters[0].value == b"no JSON"
    assert letters[0].topic == node.topics.orders.name


def test_the_nodes_own_labels_and_policies_decide(node: Node) -> None:
    victim = node.victim()
    node.identify({"app": "db"})
    denied_no_more = node.order(victim)
    assert _eventually(node, victim, denied_no_more) == "no-longer-denied"
    node.identify(LABELS)
    offset = append_change(node.kafka, node.topics, enforcement("off"))
    off = order_of(event_of(victim.pid), node.workload, policies_offset=offset)
    node.send(off)
    assert node.outcome(off).result == "no-longer-denied"
    assert victim.poll() is None


def _eventually(node: Node, victim: subprocess.Popen[bytes], order: Order) -> str:
    time.sleep(1.2)  # an identity map is looked at once a second
    node.send(order)
    assert victim.poll() is None
    return node.outcome(order).result


def test_policies_that_the_judge_had_first_are_waited_for(node: Node) -> None:
    append_change(node.kafka, node.topics, enforcement("off"))
    for _ in range(3):
        victim = node.victim()
        offset = append_change(node.kafka, node.topics, enforcement("terminate"))
        order = order_of(event_of(victim.pid), node.workload, policies_offset=offset)
        node.send(order)
        assert node.outcome(order).result == "terminated"
        append_change(node.kafka, node.topics, enforcement("off"))


def test_without_a_key_nothing_is_carried_out(node: Node) -> None:
    node.end()
    node.start(key=None)
    victim = node.victim()
    order = node.order(victim)
    node.send(order)
    outcome = node.outcome(order)
    assert (outcome.result, "no key" in outcome.sentence) == ("unverified", True)
    assert victim.poll() is None


def test_a_signaller_that_is_away_is_said_and_found_again(node: Node) -> None:
    node.signaller.stop()
    victim = node.victim()
    order = node.order(victim)
    node.send(order)
    assert node.outcome(order).result == "failed"
    assert victim.poll() is None
    node.signaller.start()
    again = node.order(victim)
    node.send(again)
    assert node.outcome(again).result == "terminated"


def test_an_enforcer_that_was_killed_goes_on_where_it_was(node: Node) -> None:
    first, second, third = node.victim(), node.victim(), node.victim()
    done, missed = node.order(first), node.order(second)
    node.send(done)
    before = node.outcome(done)
    assert before.result == "terminated"
    node.end(signal.SIGKILL)
    node.send(missed)
    node.start()
    assert node.outcome(missed).result == "terminated"
    # Its memory is gone, but the signaller's is not: the same order still has the same outcome.
    node.send(done)
    last = node.order(third)
    node.send(last)
    assert node.outcome(last).result == "terminated"
    again = [outcome for outcome in node.outcomes(4) if outcome.record.id == done.id]
    assert {outcome.result for outcome in again} == {"terminated"}
    assert {outcome.exec_to_kill_ns for outcome in again} == {before.exec_to_kill_ns}


def test_what_was_committed_is_not_said_twice(node: Node) -> None:
    orders = [node.order(node.victim()) for _ in range(5)]
    node.send(*orders)
    assert len(node.outcomes(5)) == 5
    assert node.end() == 0
    node.start()
    last = node.order(node.victim())
    node.send(last)
    assert node.outcome(last).result == "terminated"
    assert sorted(o.record.id for o in node.outcomes(6)) == sorted(o.id for o in [*orders, last])


def test_a_broker_that_never_came_is_waited_for_until_told_to_stop(
    signaller: SignallerProcess, free_port: int
) -> None:
    config = EnforcerConfig(
        kafka=Kafka(bootstrap=f"127.0.0.1:{free_port}"),
        topics=Topics(),
        node=NODE,
        key=KEY,
        signaller_socket=signaller.socket,
        workloads=Resolver(NODE, {}, CgroupPaths(find_cgroup2()), NoIdentities()),
    )
    stop = threading.Event()
    ready: list[bool] = []
    failed: list[BaseException] = []
    thread = threading.Thread(target=_run, args=(config, stop, lambda: ready.append(True), failed))
    thread.start()
    time.sleep(1.5)
    assert thread.is_alive()
    stop.set()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert (ready, failed) == ([], [])


def _run(
    config: EnforcerConfig,
    stop: threading.Event,
    ready: Callable[[], None],
    failed: list[BaseException],
) -> None:
    try:
        run_enforcer(config, stop, ready)
    except BaseException as error:  # noqa: BLE001  shown by the test
        failed.append(error)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
