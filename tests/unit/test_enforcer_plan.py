"""What is done about an order, by everything that can be wrong with it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.plan import (
    CHECKS,
    Facts,
    Gone,
    Living,
    Look,
    Node,
    NotOurs,
    Now,
    Recall,
    Repeated,
    Replaced,
    Report,
    Seen,
    plan,
)
from enforcer.protocol import MAX_AGE_NS, Signal
from policy.changes import PolicyApplied, SettingsChanged
from policy.events import Executable, JudgedEvent, Namespaces, Process, ProcessEvent
from policy.policy_set import PolicySet
from policy.workload import HOST, Workload
from tests.fixtures.orders import (
    KEY,
    NODE,
    block_policy,
    container,
    enforcement,
    order_of,
    policies,
    source,
)
from tests.fixtures.records import ACTS
from wire.records import Order, kind_of

CGROUP = "/pods/web"
WORKLOAD = container(CGROUP)
BOOT = "8f4a2c1e-5d0b-4e7a-9c33-1a2b3c4d5e6f"
DENIED = "/usr/bin/nc"
POLICIES = policies(block_policy(DENIED))
EVENT = ProcessEvent(
    cpu=0,
    sequence=7,
    time_ns=1_000,
    boot_ns=50 * 10**9,
    pid=4242,
    start_ns=49 * 10**9,
    executable=Executable(path=DENIED, device=65024, inode=99),
    source=Executable(path="/usr/bin/dash", inode=5),
    ancestors=(Process(pid=4000, start_ns=10**9, executable=Executable(path="/usr/bin/dash", inode=5)),),
    args=("nc", "-l"),
    uid=33,
    namespaces=Namespaces(mnt=4026532001),
)


class Case(msgspec.Struct, frozen=True):
    """An order and what is known when it comes."""

    order: Order
    facts: Facts


def good() -> Case:
    order = order_of(EVENT, WORKLOAD, sealed_source=source(BOOT))
    facts = Facts(
        node=Node(name=NODE, boot_id=BOOT, key=KEY),
        now=Now(boot_ns=EVENT.boot_ns + 3_000_000, wall_ns=order.issued_ns + 1_000_000),
        done=frozenset(),
        seen=Living(cgroup=f"{CGROUP}/below", workload=WORKLOAD),
        policies=POLICIES,
    )
    return Case(order, facts)


Spoil = Callable[[Case], Case]


def _order(**changes: object) -> Spoil:
    return lambda case: Case(msgspec.structs.replace(case.order, **changes), case.facts)


def _record(**changes: object) -> Spoil:
    def spoil(case: Case) -> Case:
        record = msgspec.structs.replace(case.order.record, **changes)
        return Case(msgspec.structs.replace(case.order, record=record), case.facts)

    return spoil


def _event(**changes: object) -> Spoil:
    """Altered after it was sealed."""

    def spoil(case: Case) -> Case:
        event = msgspec.structs.replace(case.order.record.event, **changes)
        return _record(event=event)(case)

    return spoil


def _facts(**changes: object) -> Spoil:
    return lambda case: Case(case.order, msgspec.structs.replace(case.facts, **changes))


def _node(**changes: object) -> Spoil:
    return lambda case: _facts(node=msgspec.structs.replace(case.facts.node, **changes))(case)


def _seen(seen: Seen) -> Spoil:
    return _facts(seen=seen)


def _own(**changes: object) -> Spoil:
    """This node's own identity of the workload, whatever the order claims."""
    own = msgspec.structs.replace(WORKLOAD, **changes)
    return _seen(Living(cgroup=CGROUP, workload=own))


def _source(**changes: object) -> Spoil:
    return lambda case: _record(source=msgspec.structs.replace(case.order.record.source, **changes))(case)


def _wall(case: Case) -> Case:
    late = Now(boot_ns=case.facts.now.boot_ns, wall_ns=case.order.expires_ns + 1)
    return _facts(now=late)(case)


FORGED: dict[str, Spoil] = {
    "seal": _event(seal="0" * 32),
    "no seal": _event(seal=""),
    "seal that is not ASCII": _event(seal="é" * 32),
    "pid": _event(pid=4243),
    "start": _event(start_ns=EVENT.start_ns + 1),
    "time of the exec": _event(boot_ns=EVENT.boot_ns + 1),
    "executable": _event(executable=Executable(path=DENIED, device=65024, inode=98)),
    "path": _event(executable=Executable(path="/usr/bin/true", device=65024, inode=99)),
    "parent": _event(ancestors=(Process(pid=1, start_ns=1),)),
    "source": _event(source=Executable(path="/usr/bin/bash")),
    "arguments": _event(args=("nc",)),
    "uid": _event(uid=0),
    "mount namespace": _event(namespaces=Namespaces(mnt=1)),
    "workload id": _record(workload=container("/pods/db", name="db")),
    "host as workload": _record(workload=Workload(id=f"{NODE}/{HOST}", node=NODE, kind="host")),
    "workload's node": _record(workload=container(CGROUP, node="node-2")),
    "source's node": _source(node="node-2"),
    "source's boot": _source(boot_id="other"),
    "source's incarnation": _source(incarnation="recorded-1"),
    "order's id": _order(id="node-1/x/y/process/0/7/live"),
    "record's id": _record(id="other"),
    "event's id": _record(event_id="other"),
    "candidate": _record(candidate="next-week"),
}
UNREADY: dict[str, Spoil] = {
    "no key": _node(key=None),
    "another key": _node(key=bytes(32)),
    "another node": _order(node="node-2"),
    "wall clock past expiry": _wall,
    "unknown workload": _own(complete=False, namespace="", labels={}),
    "other labels here": _own(labels={"app": "db"}),
    "other namespace here": _own(namespace="bank"),
    "audited pod": _own(annotations={"kubearmor-policy": "audited"}),
    "disabled pod": _own(annotations={"kubearmor-policy": "disabled"}),
    "no policies": _facts(policies=policies()),
    "another policy": _facts(policies=policies(block_policy("/usr/bin/id"))),
    "enforcement off": _facts(policies=policies(block_policy(DENIED), enforcement("off"))),
}
OVER: dict[str, Spoil] = {
    "too old": _facts(now=Now(boot_ns=EVENT.boot_ns + MAX_AGE_NS + 1, wall_ns=0)),
    "in the future": _facts(now=Now(boot_ns=EVENT.boot_ns - 1, wall_ns=0)),
    "another boot": _node(boot_id="other"),
    "gone": _seen(Gone()),
    "pid used again": _seen(Replaced()),
    "in another workload": _own(id=f"{NODE}/db"),
    "on the host": _seen(
        Living(cgroup="/", workload=Workload(id=f"{NODE}/{HOST}", node=NODE, kind="host", complete=True))
    ),
    "done": lambda case: _facts(done={case.order.id})(case),
    "not looked at": _facts(seen=None),
}
SPOILS = FORGED | UNREADY | OVER


def test_a_good_order_is_a_signal_with_what_was_sealed() -> None:
    case = good()
    assert plan(case.order, case.facts) == Signal(
        id=case.order.id,
        boot_id=BOOT,
        pid=4242,
        start_ns=EVENT.start_ns,
        exec_ns=EVENT.boot_ns,
        device=65024,
        inode=99,
        mount_namespace=4026532001,
        cgroup=CGROUP,
        descendants=True,
    )


@pytest.mark.parametrize("name", SPOILS)
def test_nothing_is_signalled_when_one_thing_is_wrong(name: str) -> None:
    case = SPOILS[name](good())
    assert not isinstance(plan(case.order, case.facts), Signal)


@pytest.mark.parametrize("name", FORGED)
def test_what_was_forged_is_unverified_and_uses_up_no_id(name: str) -> None:
    case = FORGED[name](good())
    instruction = plan(case.order, case.facts)
    assert isinstance(instruction, Report)
    assert instruction.result == "unverified"
    assert not instruction.final


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from(sorted(SPOILS)), min_size=1, max_size=4), max_size=8))
def test_no_sequence_of_orders_that_lack_a_check_ever_signals(sequence: list[set[str]]) -> None:
    done: set[str] = set()
    for names in sequence:
        case = good()
        for name in sorted(names):
            case = SPOILS[name](case)
        over = {case.order.id} if "done" in names else set()
        instruction = plan(case.order, msgspec.structs.replace(case.facts, done=done | over))
        assert not isinstance(instruction, Signal)
        if isinstance(instruction, Report) and instruction.final:
            done.add(case.order.id)


@settings(deadline=None)
@given(st.lists(st.sets(st.sampled_from(sorted(FORGED | UNREADY)), min_size=1, max_size=3), max_size=8))
def test_no_sequence_of_forgeries_keeps_the_good_order_from_being_carried_out(
    sequence: list[set[str]],
) -> None:
    done: set[str] = set()
    for names in sequence:
        case = good()
        for name in sorted(names):
            case = (FORGED | UNREADY)[name](case)
        instruction = plan(case.order, msgspec.structs.replace(case.facts, done=done))
        if isinstance(instruction, Report) and instruction.final:
            done.add(case.order.id)
    case = good()
    assert isinstance(plan(case.order, msgspec.structs.replace(case.facts, done=done)), Signal)


def test_labels_in_the_order_are_not_believed_in_either_direction() -> None:
    lying = _record(workload=container(CGROUP, labels={"app": "db"}, namespace="bank"))(good())
    assert isinstance(plan(lying.order, lying.facts), Signal)
    claimed = _own(labels={"app": "db"})(good())
    assert _result(claimed) == "no-longer-denied"


def test_the_verdict_and_the_enforcement_in_the_order_are_not_believed() -> None:
    case = _record(enforcement="off")(good())
    assert isinstance(plan(case.order, case.facts), Signal)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("no key", "unverified"),
        ("another key", "unverified"),
        ("another boot", "stale-identity"),
        ("too old", "expired"),
        ("in the future", "expired"),
        ("wall clock past expiry", "expired"),
        ("in another workload", "stale-identity"),
        ("on the host", "stale-identity"),
        ("unknown workload", "no-longer-denied"),
        ("no policies", "no-longer-denied"),
        ("enforcement off", "no-longer-denied"),
        ("audited pod", "no-longer-denied"),
    ],
)
def test_the_outcome_names_what_was_wrong(name: str, result: str) -> None:
    assert _result(SPOILS[name](good())) == result


def test_a_process_that_is_gone_is_asked_about_before_it_is_called_already_gone() -> None:
    for name, result in (("gone", "already-gone"), ("pid used again", "stale-identity")):
        case = OVER[name](good())
        instruction = plan(case.order, case.facts)
        assert isinstance(instruction, Recall)
        assert instruction.id == case.order.id
        assert instruction.otherwise.result == result


def test_an_order_is_looked_into_only_after_it_was_verified() -> None:
    case = _facts(seen=None)(good())
    assert plan(case.order, case.facts) == Look(pid=4242, start_ns=EVENT.start_ns)
    forged = FORGED["pid"](case)
    assert isinstance(plan(forged.order, forged.facts), Report)


def test_what_is_done_is_not_said_again_and_other_nodes_orders_are_left_to_them() -> None:
    done, other = SPOILS["done"](good()), SPOILS["another node"](good())
    assert plan(done.order, done.facts) == Repeated()
    assert plan(other.order, other.facts) == NotOurs()


def test_older_policies_than_the_judges_are_said() -> None:
    case = _record(policies=msgspec.structs.replace(good().order.record.policies, offset=9))(good())
    instruction = plan(case.order, msgspec.structs.replace(case.facts, policies=policies()))
    assert isinstance(instruction, Report)
    assert "older than those" in instruction.sentence


def test_a_host_process_must_be_where_it_was_seen() -> None:
    host = Workload(id=f"{NODE}/{HOST}", node=NODE, kind="host", complete=True, labels={"role": "db"})
    order = order_of(EVENT, host, sealed_source=source(BOOT))
    facts = msgspec.structs.replace(
        good().facts, seen=Living(cgroup="/system.slice/x.service", workload=host), policies=_host_policy()
    )
    instruction = plan(order, facts)
    assert isinstance(instruction, Signal)
    assert (instruction.cgroup, instruction.descendants) == ("/system.slice/x.service", False)


def _of_another_kind(act: JudgedEvent) -> Spoil:
    """An order for an act that this node's sensor did seal."""
    at = msgspec.structs.replace(
        act, boot_ns=EVENT.boot_ns, pid=EVENT.pid, start_ns=EVENT.start_ns, actor=EVENT.executable
    )
    return lambda case: Case(order_of(at, WORKLOAD, sealed_source=source(BOOT)), case.facts)


@pytest.mark.parametrize("act", ACTS, ids=kind_of)
def test_only_the_start_of_a_program_is_answered_by_ending_it(act: JudgedEvent) -> None:
    case = _of_another_kind(act)(good())
    instruction = plan(case.order, case.facts)
    assert isinstance(instruction, Report)
    assert instruction.result == "unsupported"
    assert f"kind is {kind_of(act)}" in instruction.sentence


def test_an_act_that_nobody_sealed_is_unverified_like_any_other() -> None:
    case = _event(seal="")(_of_another_kind(ACTS[0])(good()))
    assert _result(case) == "unverified"


def test_every_check_is_the_first_to_stop_something() -> None:
    stops = {check.__name__: 0 for check in CHECKS}
    for spoil in (*SPOILS.values(), _of_another_kind(ACTS[0])):
        case = spoil(good())
        for check in CHECKS:
            if check(case.order, case.facts) is not None:
                stops[check.__name__] += 1
                break
    assert all(stops.values()), stops


def _result(case: Case) -> str:
    instruction = plan(case.order, case.facts)
    assert isinstance(instruction, Report)
    return instruction.result


def _host_policy() -> PolicySet:
    document = {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorHostPolicy",
        "metadata": {"name": "no-nc"},
        "spec": {
            "action": "Block",
            "nodeSelector": {"matchLabels": {"role": "db"}},
            "process": {"matchPaths": [{"path": DENIED}]},
        },
    }
    applied = PolicyApplied(document=msgspec.Raw(msgspec.json.encode(document)))
    return policies(applied, SettingsChanged(host_enforcement="terminate"))
