"""An enforcer without privileges, its signaller, a real broker, and real processes in a real cgroup."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from enforcer.service import EnforcerConfig, run_enforcer
from lictor.runtime.state import find_live
from tests.fixtures.cgroups import cgroup
from tests.fixtures.enforcer_node import WAIT_S, EnforcerNode
from tests.fixtures.orders import (
    KEY,
    LABELS,
    NODE,
    container,
    enforcement,
    event_of,
    order_of,
)
from tests.fixtures.runtime import running
from tests.fixtures.signaller import SignallerProcess, signaller, signaller_folder
from wire.codec import encode
from wire.kafka import Kafka
from wire.policy_log import append_change
from wire.records import Order
from wire.topics import Topics
from workloads.cgroup_paths import CgroupPaths, find_cgroup2
from workloads.identity_map import NoIdentities
from workloads.resolver import Resolver

__all__ = ["cgroup", "signaller", "signaller_folder"]

NOBODY = 65534

pytestmark = pytest.mark.parametrize("signaller", [NOBODY], indirect=True)


@pytest.fixture
def node(
    kafka_broker: str, signaller_folder: Path, signaller: SignallerProcess, cgroup: Path
) -> Iterator[EnforcerNode]:
    """Signaller and enforcer up, the policy in force."""
    made = EnforcerNode(kafka_broker, signaller_folder, signaller, cgroup)
    try:
        signaller.start()
        made.start()
        yield made
    finally:
        made.close()


def test_a_denied_process_is_terminated_and_its_outcome_says_so(node: EnforcerNode) -> None:
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


def test_twice_the_same_order_is_one_kill_and_one_outcome(node: EnforcerNode) -> None:
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


def test_health_says_what_became_of_orders_and_that_none_waits(node: EnforcerNode) -> None:
    victim = node.victim()
    order = node.order(victim)
    node.send(order, b"not json", node.order(victim, key=bytes(32)))
    node.outcomes(2)
    node.dead_letters(1)
    assert node.end() == 0
    records = node.health(lambda got: sum(record.counts["received"] for record in got) == 3)
    told = {name: sum(record.counts[name] for record in records) for name in records[0].counts}
    assert {name: number for name, number in told.items() if number} == {
        "received": 3,
        "terminated": 1,
        "unverified": 1,
        "dead_letters": 1,
    }
    assert {(one.service, one.node, one.instance) for one in records} == {("enforcer", NODE, "enforcer")}
    assert records[-1].lag == {node.topics.orders.name: 0}
    assert records[-1].policies is not None
    assert records[-1].policies.offset == 0


def test_forged_stale_and_expired_orders_never_kill(node: EnforcerNode) -> None:
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


def test_other_nodes_orders_and_unreadable_ones(node: EnforcerNode) -> None:
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


def test_the_nodes_own_labels_and_policies_decide(node: EnforcerNode) -> None:
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


def _eventually(node: EnforcerNode, victim: subprocess.Popen[bytes], order: Order) -> str:
    time.sleep(1.2)  # an identity map is looked at once a second
    node.send(order)
    assert victim.poll() is None
    return node.outcome(order).result


def test_policies_that_the_judge_had_first_are_waited_for(node: EnforcerNode) -> None:
    append_change(node.kafka, node.topics, enforcement("off"))
    for _ in range(3):
        victim = node.victim()
        offset = append_change(node.kafka, node.topics, enforcement("terminate"))
        order = order_of(event_of(victim.pid), node.workload, policies_offset=offset)
        node.send(order)
        assert node.outcome(order).result == "terminated"
        append_change(node.kafka, node.topics, enforcement("off"))


def test_without_a_key_nothing_is_carried_out(node: EnforcerNode) -> None:
    node.end()
    node.start(key=None)
    victim = node.victim()
    order = node.order(victim)
    node.send(order)
    outcome = node.outcome(order)
    assert (outcome.result, "no key" in outcome.sentence) == ("unverified", True)
    assert victim.poll() is None


def test_a_signaller_that_is_away_is_said_and_found_again(node: EnforcerNode) -> None:
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


def test_an_order_waits_for_a_signaller_that_is_being_restarted(node: EnforcerNode) -> None:
    node.signaller.stop()
    order = node.order(node.victim())
    node.send(order, order)
    node.signaller.start()
    assert node.outcome(order).result == "terminated"


def test_an_enforcer_that_was_killed_goes_on_where_it_was(node: EnforcerNode) -> None:
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


def test_what_was_committed_is_not_said_twice(node: EnforcerNode) -> None:
    orders = [node.order(node.victim()) for _ in range(5)]
    node.send(*orders)
    assert len(node.outcomes(5)) == 5
    assert node.end() == 0
    node.start()
    last = node.order(node.victim())
    node.send(last)
    assert node.outcome(last).result == "terminated"
    assert sorted(o.record.id for o in node.outcomes(6)) == sorted(o.id for o in [*orders, last])


@pytest.fixture
def mortal_broker() -> Iterator[tuple[str, int]]:
    """A broker that nobody else uses, so that it may be killed: `host:port` and process id."""
    with running(kafka=True) as servers:
        assert servers.broker is not None
        live = find_live(servers.broker.state.root)
        assert live is not None
        yield servers.broker.bootstrap, live.pids["kafka"]


def test_a_broker_that_is_killed_in_the_middle_loses_no_order_and_no_outcome(
    mortal_broker: tuple[str, int], signaller_folder: Path, signaller: SignallerProcess, cgroup: Path
) -> None:
    bootstrap, pid = mortal_broker
    signaller.start()
    node = EnforcerNode(bootstrap, signaller_folder, signaller, cgroup)
    try:
        node.start()
        before = [node.order(node.victim()) for _ in range(10)]
        node.send(*before)
        os.kill(pid, signal.SIGKILL)
        after = [node.order(node.victim()) for _ in range(10)]
        node.send(*after)  # stored once the broker is back
        wanted = {order.id: "terminated" for order in [*before, *after]}
        found = {order.id: node.outcome(order).result for order in [*before, *after]}
        assert found == wanted
        assert node.end() == 0
    finally:
        node.close()


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
