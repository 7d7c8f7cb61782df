"""What default posture and mode make of an event, asked of the judge one combination at a time."""

from itertools import product
from typing import Any, cast

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    NetworkEvent,
)
from policy.judge import judge
from policy.verdict import Mode, PostureReference, RuleReference, Verdict
from tests.fixtures.policies import applied, execution, pod, policy_set

_AT: dict[str, Any] = {
    "cpu": 0,
    "sequence": 0,
    "time_ns": 0,
    "boot_ns": 0,
    "pid": 1,
    "start_ns": 1,
    "actor": Executable(path="/bin/a"),
}
_ALLOWS: dict[str, dict[str, Any]] = {
    "process": {"process": {"matchPaths": [{"path": "/allowed"}]}},
    "file": {"file": {"matchPaths": [{"path": "/allowed"}]}},
    "network": {"network": {"matchProtocols": [{"protocol": "sctp"}]}},
    "dns": {"network": {"matchDNSQueries": [{"domain": "allowed.test"}]}},
    "capabilities": {"capabilities": {"matchCapabilities": [{"capability": "chown"}]}},
}
_EVENTS: dict[str, JudgedEvent] = {
    "process": execution("/other"),
    "file": FileEvent(**_AT, access="read", path="/other"),
    "network": NetworkEvent(**_AT, family=2, type=1, protocol=6),
    "dns": DnsEvent(**_AT, name="other.test"),
    "capabilities": CapabilityEvent(**_AT, capability="net_raw"),
}
_KINDS = ("file", "network", "capabilities")


def _credit(verdict: Verdict) -> str:
    by = verdict.decided_by
    if isinstance(by, PostureReference):
        return f"DefaultPosture ({by.posture}, {by.origin})"
    return by.policy if isinstance(by, RuleReference) else "nobody"


def _outcome(verdict: Verdict) -> list[str]:
    action = verdict.action or "none"
    return [verdict.decision, action, "yes" if verdict.alert else "no", _credit(verdict)]


def misses() -> list[list[str]]:
    """A miss of the process section under every annotation and global posture."""
    rows = []
    for allows, annotation, globally in product(
        (False, True), ("", "audit", "block", "allow"), ("audit", "block", "allow")
    ):
        changes: list[Change] = [
            SettingsChanged(file_posture=cast("Mode", globally)),
            NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": annotation}),
        ]
        spec = {"action": "Allow" if allows else "Block", **_ALLOWS["process"]}
        rules = policy_set(*changes, applied(spec)).for_workload(pod())
        verdict = judge(_EVENTS["process"], rules)
        rows.append(["yes" if allows else "no", annotation or "(absent)", globally, *_outcome(verdict)])
    return rows


def sections() -> list[list[str]]:
    """For an Allow rule of each section: which events it makes misses, and which posture denies them."""
    rows = []
    for section, spec in _ALLOWS.items():
        denied: dict[str, list[str]] = {}
        for kind in _KINDS:
            change = NamespaceChanged(namespace="ns", annotations={f"kubearmor-{kind}-posture": "block"})
            rules = policy_set(change, applied({"action": "Allow", **spec})).for_workload(pod())
            for name, event in _EVENTS.items():
                if judge(event, rules).decision == "block":
                    denied.setdefault(kind, []).append(name)
        (posture,) = denied
        rows.append([section, f"`kubearmor-{posture}-posture`", ", ".join(denied[posture])])
    return rows


def modes() -> list[list[str]]:
    """A denial by a Block rule and one by posture, in every mode of pods and namespaces."""
    rows = []
    for mode, untracked in (("enabled", False), ("audited", False), ("disabled", False), ("enabled", True)):
        for action in ("Block", "Allow"):
            path = "/other" if action == "Block" else "/allowed"
            spec = {"action": action, "process": {"matchPaths": [{"path": path}]}}
            changes: list[Change] = [
                SettingsChanged(file_posture="block", untracked_namespaces=("ns",) if untracked else ()),
                applied(spec, name="a-policy"),
            ]
            rules = policy_set(*changes).for_workload(pod(annotations={"kubearmor-policy": mode}))
            verdict = judge(_EVENTS["process"], rules)
            name = f"{mode}, in an untracked namespace" if untracked else mode
            rows.append([name, "a Block rule" if action == "Block" else "posture", *_outcome(verdict)])
    return rows
