"""A case of the JSON Lines files: what it describes, in this project's own types."""

from dataclasses import dataclass
from typing import Any

import msgspec

from policy.changes import Change, NamespaceChanged, PolicyApplied, SettingsChanged
from policy.events import AnyEvent, Executable, ProcessEvent
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import PostureReference, RuleReference, Verdict
from policy.workload import Workload

UNJUDGED = "operation {} is not judged yet"


class Case(msgspec.Struct, frozen=True, rename="camel"):
    """One line. What the cases hold besides these fields only informs."""

    id: str
    title: str
    settings: dict[str, Any] = msgspec.field(name="global")
    namespaces: list[dict[str, Any]]
    policies: list[dict[str, Any]]
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


class SkippedError(Exception):
    """The case is about something that is not judged yet; the message says what."""


def answer(case: Case) -> Answer:
    """Judge the case. What it expects is not looked at.

    Raises:
        SkippedError: its operation is not judged yet.
    """
    event = _event(case)
    policy_set = PolicySet.empty()
    for offset, change in enumerate(_changes(case)):
        policy_set = policy_set.apply(change, offset)
    workload = _workload(case)
    return _in_words(judge(event, policy_set.for_workload(workload)), workload)


def differences(case: Case, found: Answer) -> list[str]:
    """What of `found` is not as the case expects: `field: expected X, found Y`."""
    expect = case.expect
    expected: dict[str, Any] = {"allowed": expect["allowed"], "alert": expect["alert"]}
    if expect["alert"]:
        expected |= {key: expect[key] for key in ("type", "action", "result") if key in expect}
        if "policyName" in expect:
            expected["policy_name"] = expect["policyName"]
        expected |= {key: expect[key] for key in ("severity", "message") if key in expect}
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
            file_posture=settings["defaultFilePosture"],
            network_posture=settings["defaultNetworkPosture"],
            capabilities_posture=settings["defaultCapabilitiesPosture"],
            host_file_posture=settings["hostDefaultFilePosture"],
            host_network_posture=settings["hostDefaultNetworkPosture"],
            host_capabilities_posture=settings["hostDefaultCapabilitiesPosture"],
            visibility=tuple(settings["visibility"].split(",")),
            host_visibility=tuple(settings["hostVisibility"].split(",")),
            match_args=settings["matchArgs"],
        )
    ]
    changes += [
        NamespaceChanged(namespace=one["name"], annotations=one.get("annotations", {}))
        for one in case.namespaces
    ]
    changes += [PolicyApplied(document=msgspec.Raw(msgspec.json.encode(one))) for one in case.policies]
    return changes


def _workload(case: Case) -> Workload:
    given = case.workload
    node = given.get("node", "node-1")
    if given["kind"] == "host":
        return Workload(
            id=f"{node}/host",
            node=node,
            kind="host",
            labels=given.get("labels", {}),
            annotations=given.get("annotations", {}),
        )
    return Workload(
        id=f"{node}/{given['pod']}-{given['container']}",
        node=node,
        kind="container",
        complete=True,
        namespace=given["namespace"],
        pod=given["pod"],
        container=given["container"],
        labels=given.get("labels", {}),
        annotations=given.get("annotations", {}),
    )


def _event(case: Case) -> AnyEvent:
    given = case.event
    if given["operation"] != "Process":
        raise SkippedError(UNJUDGED.format(given["operation"]))
    return ProcessEvent(
        cpu=0,
        sequence=0,
        time_ns=0,
        boot_ns=0,
        pid=100,
        start_ns=0,
        executable=Executable(path=given["processName"]),
        source=Executable(path=given["parentProcessName"]) if given.get("parentProcessName") else None,
        args=tuple(given.get("args", ())),
        uid=given.get("uid", 0),
        owner_uid=given.get("ownerUid", 0),
        tty=given.get("tty", ""),
        cwd=given.get("cwd", ""),
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
