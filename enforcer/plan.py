"""From an order and what the node itself knows to what is done about it. Pure: no I/O, no clock.

An order is a hint: whoever can write to a topic must not be able to have a process killed, nor to keep
one from being killed. Of an order is believed only what this node's own sensor sealed: the event, its
id and the id of the workload. Everything else (labels, the verdict, enforcement) is looked at again
with this node's own identities and policies, or is not used.

`plan` is asked twice: first it may say `Look`; then, with what was seen, whether to signal.
"""

from collections.abc import Callable, Container
from typing import NoReturn

import msgspec

from enforcer.protocol import MAX_AGE_NS, Signal
from policy.events import ProcessEvent
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.workload import Workload
from wire.records import LIVE, Order, Result, event_id, kind_of, verdict_id
from wire.seal import is_sealed


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """Who the enforcer is: its node, the node's boot, and the key that the node's sensor seals with."""

    name: str
    boot_id: str
    key: bytes | None
    """None where none is configured: then nothing is ever killed."""


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """Both clocks, read at the same time."""

    boot_ns: int
    wall_ns: int


class Living(msgspec.Struct, frozen=True, kw_only=True):
    """The process is there: its cgroup now, and whose that is by this node's own identities."""

    cgroup: str
    workload: Workload


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """There is no process with this pid."""


class Replaced(msgspec.Struct, frozen=True, kw_only=True):
    """The pid belongs to a process that started at another time."""


Seen = Living | Gone | Replaced


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the node knows of its own."""

    node: Node
    now: Now
    done: Container[str]
    """Ids of verdicts whose outcome is final."""
    seen: Seen | None = None
    """What /proc says about the process; None before it was looked at."""
    policies: PolicySet


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """Find out whether the process is there, and ask again."""

    pid: int
    start_ns: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Do nothing to the process and say why.

    `final` results rest on sealed facts alone: the same order again would come out the same. What an
    unsealed part of an order decided is not final, so that nobody can use up a good order's id.
    """

    result: Result
    sentence: str
    final: bool = False


class Recall(msgspec.Struct, frozen=True, kw_only=True):
    """The process is gone: by our signal, before a restart? Ask the signaller, else report."""

    id: str
    otherwise: Report


class Repeated(msgspec.Struct, frozen=True, kw_only=True):
    """Its outcome is known and published: nothing is to be done or said."""


class NotOurs(msgspec.Struct, frozen=True, kw_only=True):
    """Another node's order: its own enforcer sees to it."""


Instruction = Look | Signal | Report | Recall | Repeated | NotOurs
Check = Callable[[Order, Facts], Instruction | None]


def plan(order: Order, facts: Facts) -> Instruction:
    """What to do about one order: the first check that does not pass says, and the last one signals."""
    for check in CHECKS:
        if (instruction := check(order, facts)) is not None:
            return instruction
    return _never()


def _never() -> NoReturn:
    raise AssertionError("the last check always answers")


def _addressed(order: Order, facts: Facts) -> Instruction | None:
    return None if order.node == facts.node.name else NotOurs()


def _sealed(order: Order, facts: Facts) -> Instruction | None:
    record = order.record
    if facts.node.key is None:
        return _unverified("This node has no key to know its sensor's events by, so nothing is carried out.")
    if record.candidate != LIVE:
        return _unverified("Only verdicts of the policies in force are carried out, never a candidate's.")
    if record.source.node != facts.node.name or record.workload.node != facts.node.name:
        return _unverified("The order's event is of another node.")
    event = event_id(record.source, record.event)
    if not order.id == record.id == verdict_id(event) or record.event_id != event:
        return _unverified("The order's id is not that of its event.")
    if not is_sealed(facts.node.key, record.source, record.workload.id, record.event):
        return _unverified("This node's sensor did not seal the event: it was altered, or made up.")
    return None


def _unrepeated(order: Order, facts: Facts) -> Instruction | None:
    return Repeated() if order.id in facts.done else None


def _about_a_start(order: Order, facts: Facts) -> Instruction | None:
    del facts
    if isinstance(order.record.event, ProcessEvent):
        return None
    # A process is ended because it became a program that it may not be. What else it does has happened
    # by now and cannot be refused from here, and ending it for that is something that nobody asked for.
    kind = kind_of(order.record.event)
    sentence = f"Only the start of a program can be answered by ending it; the event's kind is {kind}."
    return Report(result="unsupported", sentence=sentence, final=True)


def _same_boot(order: Order, facts: Facts) -> Instruction | None:
    if order.record.source.boot_id == facts.node.boot_id:
        return None
    return _stale("The process belonged to an earlier boot of this node.")


def _timely(order: Order, facts: Facts) -> Instruction | None:
    age_ns = facts.now.boot_ns - order.record.event.boot_ns
    if age_ns > MAX_AGE_NS:
        sentence = (
            f"The program was started {age_ns / 1e9:.1f} s before its order came; too long to still stop it."
        )
        return Report(result="expired", sentence=sentence, final=True)
    if age_ns < 0:
        return Report(
            result="expired", sentence="The event lies ahead of this node's boot clock.", final=True
        )
    late_ns = facts.now.wall_ns - order.expires_ns
    if late_ns > 0:
        sentence = (
            f"The order had expired {late_ns / 1e9:.1f} s ago by this node's wall clock, "
            f"{age_ns / 1e9:.1f} s after the exec; where that is always so, the clocks differ."
        )
        return Report(result="expired", sentence=sentence)
    return None


def _there(order: Order, facts: Facts) -> Instruction | None:
    event = order.record.event
    match facts.seen:
        case None:
            return Look(pid=event.pid, start_ns=event.start_ns)
        case Gone():
            gone = f"Process {event.pid} had ended before its order came; it was not stopped."
            return Recall(id=order.id, otherwise=Report(result="already-gone", sentence=gone, final=True))
        case Replaced():
            return Recall(
                id=order.id, otherwise=_stale(f"Pid {event.pid} belongs to another process by now.")
            )
        case Living():
            return None


def _denied_still(order: Order, facts: Facts) -> Instruction | None:
    event, seen = order.record.event, facts.seen
    assert isinstance(event, ProcessEvent)  # noqa: S101  `_about_a_start` let nothing else through
    assert isinstance(seen, Living)  # noqa: S101  nor `_there`
    own = seen.workload
    if own.id != order.record.workload.id:
        return _stale(
            f"Process {event.pid} belongs to {own.title} by now, not to the workload it was denied in."
        )
    rules = facts.policies.for_workload(own)
    verdict = judge(event, rules)
    behind = order.record.policies.offset > facts.policies.offset
    lag = " These are older than those that it was judged by." if behind else ""
    if verdict.decision == "unknown":
        return _no_longer(f"This node does not know whose process it is, so it was left alone.{lag}")
    if verdict.decision != "block":
        return _no_longer(f"By the policies that this node knows it is not denied: {verdict.sentence}{lag}")
    if rules.enforcement != "terminate":
        return _no_longer(
            f"Enforcement is {rules.enforcement} there by the policies that this node knows.{lag}"
        )
    return Signal(
        id=order.id,
        boot_id=facts.node.boot_id,
        pid=event.pid,
        start_ns=event.start_ns,
        exec_ns=event.boot_ns,
        device=event.executable.device,
        inode=event.executable.inode,
        mount_namespace=event.namespaces.mnt,
        # A container may move its processes below its own cgroup. The host's are all over the
        # hierarchy, with the containers' below: there the process must be where it was seen.
        cgroup=own.cgroup if own.kind == "container" else seen.cgroup,
        descendants=own.kind == "container",
    )


CHECKS: tuple[Check, ...] = (
    _addressed,
    _sealed,
    _unrepeated,
    _about_a_start,
    _same_boot,
    _timely,
    _there,
    _denied_still,
)
"""In this order: nothing is remembered, looked at or said about an event that the node did not seal."""


def _unverified(sentence: str) -> Report:
    return Report(result="unverified", sentence=sentence)


def _stale(sentence: str) -> Report:
    return Report(result="stale-identity", sentence=sentence, final=True)


def _no_longer(sentence: str) -> Report:
    # Not final: policies change, and an order that comes again is judged again.
    return Report(result="no-longer-denied", sentence=sentence)
