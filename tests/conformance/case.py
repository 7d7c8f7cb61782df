"""A case of the JSON Lines files: what it describes, in this project's own types."""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from policy.changes import Change, NamespaceChanged, PolicyApplied, SettingsChanged
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import Mode, PostureReference, RuleReference, Verdict
from policy.workload import Workload
from tests.conformance.events import Given, event_of


class GivenSettings(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The global settings; one that is absent has its default."""

    default_file_posture: Mode | msgspec.UnsetType = msgspec.UNSET
    default_network_posture: Mode | msgspec.UnsetType = msgspec.UNSET
    default_capabilities_posture: Mode | msgspec.UnsetType = msgspec.UNSET
    host_default_file_posture: Mode | msgspec.UnsetType = msgspec.UNSET
    host_default_network_posture: Mode | msgspec.UnsetType = msgspec.UNSET
    host_default_capabilities_posture: Mode | msgspec.UnsetType = msgspec.UNSET
    visibility: str | msgspec.UnsetType = msgspec.UNSET
    host_visibility: str | msgspec.UnsetType = msgspec.UNSET
    match_args: bool | msgspec.UnsetType = msgspec.UNSET


class GivenNamespace(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace."""

    name: str
    annotations: dict[str, str | None] | None = None


class GivenWorkload(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a pod, or a node's own processes."""

    kind: Literal["pod", "host"]
    namespace: str | None = None
    pod: str | None = None
    container: str | None = None
    node: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One line. What the cases hold besides these fields only informs."""

    id: str
    title: str = ""
    settings: GivenSettings = msgspec.field(name="global", default_factory=GivenSettings)
    namespaces: list[GivenNamespace] = []
    policies: list[msgspec.Raw] = []
    workload: GivenWorkload
    event: Given
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
    workload = _workload(case.workload)
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


def _changes(case: Case) -> list[Change]:
    settings = case.settings
    changes: list[Change] = [
        SettingsChanged(
            file_posture=settings.default_file_posture,
            network_posture=settings.default_network_posture,
            capabilities_posture=settings.default_capabilities_posture,
            host_file_posture=settings.host_default_file_posture,
            host_network_posture=settings.host_default_network_posture,
            host_capabilities_posture=settings.host_default_capabilities_posture,
            visibility=_words(settings.visibility),
            host_visibility=_words(settings.host_visibility),
            match_args=settings.match_args,
        )
    ]
    changes += [
        NamespaceChanged(namespace=one.name, annotations=one.annotations or {}) for one in case.namespaces
    ]
    changes += [PolicyApplied(document=one) for one in case.policies]
    return changes


def _words(listed: str | msgspec.UnsetType) -> tuple[str, ...] | msgspec.UnsetType:
    return tuple(listed.split(",")) if isinstance(listed, str) else listed


def _workload(given: GivenWorkload) -> Workload:
    node = given.node or "node-1"
    labels, annotations = given.labels or {}, given.annotations or {}
    if given.kind == "host":
        return Workload(id=f"{node}/host", node=node, kind="host", labels=labels, annotations=annotations)
    return Workload(
        id=f"{node}/{given.pod}-{given.container}",
        node=node,
        kind="container",
        complete=True,
        namespace=given.namespace or "default",
        pod=given.pod or "",
        container=given.container or "",
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
