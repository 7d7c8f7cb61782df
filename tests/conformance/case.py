"""A case of the JSON Lines files: what it describes, in this project's own types."""

from dataclasses import dataclass
from typing import Any

import msgspec

from policy.changes import Change, NamespaceChanged, PolicyApplied, SettingsChanged
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import PostureReference, RuleReference, Verdict
from policy.workload import Workload
from tests.conformance.events import CaseError, event_of


class Case(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One line. What the cases hold besides these fields only informs."""

    id: str
    title: str = ""
    settings: dict[str, Any] = msgspec.field(name="global", default_factory=dict)
    namespaces: list[dict[str, Any]] = []
    policies: list[dict[str, Any]] = []
    workload: dict[str, Any]
    event: dict[str, Any]
    expect: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict in the words of a case's `expect`."""

    allowed: bool
    alert: bool
    type: str = ""
    policy_name: str = ""
    action: str = ""
    result: str = ""
    severity: str = ""
    message: str = ""
    tags: tuple[str, ...] = ()


def answer(case: Case) -> Answer:
    """Judge the case. What it expects is not looked at.

    Raises:
        CaseError: it holds something that the format does not have.
        PolicyRefusedError: one of its policies is not valid.
    """
    event = event_of(case.event)
    policy_set = PolicySet.empty()
    for offset, change in enumerate(_changes(case)):
        policy_set = policy_set.apply(change, offset)
    workload = _workload(case)
    return _in_words(judge(event, policy_set.for_workload(workload)), workload)


_ONLY_WITH_ALERT = {
    "type": "type",
    "policy_name": "policyName",
    "action": "action",
    "result": "result",
    "severity": "severity",
    "message": "message",
}
"""Fields of `Answer`, and what `expect` calls them: without an alert they only inform."""


def differences(case: Case, found: Answer) -> list[str]:
    """What of `found` is not as the case expects: `field: expected X, found Y`."""
    expect = case.expect
    expected: dict[str, Any] = {field: expect[field] for field in ("allowed", "alert") if field in expect}
    if expect.get("alert"):
        expected |= {field: str(expect[key]) for field, key in _ONLY_WITH_ALERT.items() if key in expect}
        if "tags" in expect:
            expected["tags"] = tuple(expect["tags"])
    return [
        f"{field}: expected {value!r}, found {getattr(found, field)!r}"
        for field, value in expected.items()
        if getattr(found, field) != value
    ]


_SETTINGS = {
    "file_posture": "defaultFilePosture",
    "network_posture": "defaultNetworkPosture",
    "capabilities_posture": "defaultCapabilitiesPosture",
    "host_file_posture": "hostDefaultFilePosture",
    "host_network_posture": "hostDefaultNetworkPosture",
    "host_capabilities_posture": "hostDefaultCapabilitiesPosture",
    "visibility": "visibility",
    "host_visibility": "hostVisibility",
    "match_args": "matchArgs",
}
"""Global settings, and what cases call them."""


def _changes(case: Case) -> list[Change]:
    settings: dict[str, Any] = {
        field: tuple(value.split(",")) if field.endswith("visibility") else value
        for field, name in _SETTINGS.items()
        if (value := case.settings.get(name)) is not None
    }
    changes: list[Change] = [SettingsChanged(**settings)]
    changes += [
        NamespaceChanged(namespace=one["name"], annotations=one.get("annotations") or {})
        for one in case.namespaces
    ]
    changes += [PolicyApplied(document=msgspec.Raw(msgspec.json.encode(one))) for one in case.policies]
    return changes


def _workload(case: Case) -> Workload:
    given = case.workload
    node = given.get("node") or "node-1"
    labels = given.get("labels") or {}
    annotations = given.get("annotations") or {}
    if given.get("kind") == "host":
        return Workload(id=f"{node}/host", node=node, kind="host", labels=labels, annotations=annotations)
    if given.get("kind") != "pod":
        raise CaseError(f"a workload of kind {given.get('kind')!r} is neither pod nor host")
    pod, container = given.get("pod") or "pod", given.get("container") or "container"
    return Workload(
        id=f"{node}/{pod}-{container}",
        node=node,
        kind="container",
        complete=True,
        namespace=given.get("namespace") or "default",
        pod=pod,
        container=container,
        labels=labels,
        annotations=annotations,
    )


def _in_words(verdict: Verdict, workload: Workload) -> Answer:
    by = verdict.decided_by
    policy_name = ""
    if isinstance(by, RuleReference):
        policy_name = by.policy
    elif isinstance(by, PostureReference):
        policy_name = "DefaultPosture"
    denied = verdict.decision == "block"
    return Answer(
        allowed=not denied,
        alert=verdict.alert,
        type="MatchedHostPolicy" if workload.kind == "host" else "MatchedPolicy",
        policy_name=policy_name,
        action=verdict.action,
        result="Permission denied" if denied else "Passed",
        severity="" if verdict.severity is None else str(verdict.severity),
        message=verdict.message,
        tags=verdict.tags,
    )
