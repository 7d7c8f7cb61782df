"""What the reference is asked, in the types of the project; and what the judge says, in the reference's."""

from dataclasses import asdict
from typing import Any

import msgspec

from policy.changes import Change, NamespaceChanged, PolicyApplied, SettingsChanged
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    Process,
    ProcessEvent,
    SyscallEvent,
)
from policy.policy_set import PolicySet
from policy.verdict import PostureReference, RuleReference, Verdict
from policy.workload import Workload
from tests.reference.world import Event, Said, World

_MOMENT: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 100, "start_ns": 0}


def applied(document: dict[str, Any]) -> PolicyApplied:
    return PolicyApplied(document=msgspec.Raw(msgspec.json.encode(document)))


def policy_set_of(world: World) -> PolicySet:
    tuples: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in world.settings.items()
    }
    changes: list[Change] = [SettingsChanged(**tuples)]
    changes += [
        NamespaceChanged(namespace=name, annotations=dict(annotations))
        for name, annotations in world.namespaces.items()
    ]
    changes += [applied(document) for document in world.documents]
    policy_set = PolicySet.empty()
    for offset, change in enumerate(changes):
        policy_set = policy_set.apply(change, offset)
    return policy_set


def workload_of(world: World, name: str = "w") -> Workload:
    given = world.workload
    return Workload(id=f"{given['node']}/{name}", **given)


def _program(given: dict[str, Any] | None) -> Executable | None:
    return None if given is None else Executable(**given)


def event_of(given: Event) -> JudgedEvent:
    rest: dict[str, Any] = {key: value for key, value in given.items() if key != "kind"}
    if "owner" in rest:
        rest["owner_uid"] = rest.pop("owner")
    if given["kind"] == "process":
        path, truncated, parent = rest.pop("path"), rest.pop("truncated"), _program(rest.pop("parent"))
        ancestors = () if parent is None else (Process(pid=1, start_ns=1, executable=parent),)
        rest |= {"source": _program(rest["source"]), "ancestors": ancestors}
        return ProcessEvent(**_MOMENT, **rest, executable=Executable(path=path, truncated=truncated))
    rest["actor"] = _program(rest["actor"])
    kind = {
        "file": FileEvent,
        "network": NetworkEvent,
        "dns": DnsEvent,
        "capability": CapabilityEvent,
        "syscall": SyscallEvent,
        "memory": MemoryEvent,
    }[given["kind"]]
    event: JudgedEvent = kind(**_MOMENT, **rest)
    return event


def said(verdict: Verdict) -> Said:
    by = verdict.decided_by
    credited = ""
    if isinstance(by, RuleReference):
        credited = f"{by.kind} {by.namespace}/{by.policy} {by.place}"
    elif isinstance(by, PostureReference):
        credited = f"posture {by.posture} {by.mode} {by.origin}"
    return Said(
        verdict.decision,
        verdict.action,
        verdict.reason.value,
        alert=verdict.alert,
        by=credited,
        severity=verdict.severity,
        message=verdict.message,
        tags=verdict.tags,
    )


def without_credit(one: Said) -> dict[str, Any]:
    """What stays the same where another rule of equal weight is credited."""
    kept = asdict(one)
    for credit in ("by", "severity", "message", "tags", "reason"):
        del kept[credit]
    return kept
