"""Whole verdicts: what people read, for every reason."""

from typing import Any

import pytest

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.events import (
    Executable,
    JudgedEvent,
)
from policy.judge import judge
from policy.verdict import PostureReference, Reason, RuleReference, Verdict
from policy.workload import Workload
from tests.fixtures.policies import applied, execution, host, pod, policy_set

LABELS: dict[str, Any] = {"severity": 7, "tags": ["T1", "T2"], "message": "look here"}
AT: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 9, "start_ns": 1}
CAT = Executable(path="/bin/cat")


def process(action: str, **rule: Any) -> Change:
    return applied({"action": action, **LABELS, "process": {"matchPaths": [{"path": "/a", **rule}]}})


def posture(mode: Any) -> Change:
    return SettingsChanged(file_posture=mode)


def annotated(mode: str) -> Change:
    return NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": mode})


def by_rule(verdict: Verdict, action: Any, place: str = "spec.process.matchPaths[0]") -> Verdict:
    """`verdict` credited to the one rule of policy ns/p, with all that the rule says."""
    by = verdict.decided_by
    assert isinstance(by, RuleReference)
    assert (by.kind, by.namespace, by.policy, by.place, by.action) == (
        "KubeArmorPolicy",
        "ns",
        "p",
        place,
        action,
    )
    assert len(by.hash) == 16
    assert (verdict.severity, verdict.tags, verdict.message) == (7, ("T1", "T2"), "look here")
    return verdict


def verdict_of(
    *changes: Change, event: JudgedEvent | None = None, workload: Workload | None = None
) -> Verdict:
    rules = policy_set(*changes).for_workload(workload or pod())
    return judge(event or execution("/a", "/s"), rules)


def told(verdict: Verdict) -> tuple[str, Reason, bool, str, str]:
    return (verdict.decision, verdict.reason, verdict.alert, verdict.action, verdict.sentence)


RULE = "spec.process.matchPaths[0] of KubeArmorPolicy ns/p"


@pytest.mark.parametrize(
    ("changes", "event", "workload", "action", "expected"),
    [
        pytest.param(
            [process("Block")],
            None,
            None,
            "Block",
            ("block", Reason.RULE_BLOCK, True, "Block", f"/a is denied by {RULE}."),
            id="block",
        ),
        pytest.param(
            [process("Block", ownerOnly=True)],
            execution("/a", uid=1, owner_uid=2),
            None,
            "Block",
            (
                "block",
                Reason.RULE_BLOCK,
                True,
                "Block",
                f"/a is denied by {RULE}: the user is not the file's owner.",
            ),
            id="block with a qualifier",
        ),
        pytest.param(
            [process("Block", fromSource=[{"path": "/s"}])],
            None,
            None,
            "Block",
            ("block", Reason.RULE_BLOCK, True, "Block", f"/a, run by /s, is denied by {RULE}."),
            id="block with a source",
        ),
        pytest.param(
            [process("Block")],
            None,
            pod(annotations={"kubearmor-policy": "audited"}),
            "Block",
            (
                "audit",
                Reason.AUDITED_WORKLOAD,
                True,
                "Audit (Block)",
                (
                    f"/a would be denied by {RULE}; the pod's annotation kubearmor-policy is audited, so that"
                    " nothing is enforced there."
                ),
            ),
            id="audited pod",
        ),
        pytest.param(
            [process("Block"), SettingsChanged(untracked_namespaces=("ns",))],
            None,
            None,
            "Block",
            (
                "audit",
                Reason.AUDITED_WORKLOAD,
                True,
                "Audit (Block)",
                (
                    f"/a would be denied by {RULE}; namespace ns is untracked, so that nothing is"
                    " enforced there."
                ),
            ),
            id="untracked namespace",
        ),
        pytest.param(
            [process("Block", ownerOnly=True)],
            None,
            None,
            "Block",
            (
                "allow",
                Reason.RULE_PASS,
                False,
                "Allow",
                f"/a passes: the conditions of {RULE} permit it.",
            ),
            id="pass",
        ),
        pytest.param(
            [process("Allow")],
            None,
            None,
            "Allow",
            ("allow", Reason.RULE_ALLOW, False, "Allow", f"/a is allowed by {RULE}."),
            id="allow",
        ),
        pytest.param(
            [process("Audit")],
            None,
            None,
            "Audit",
            ("audit", Reason.RULE_AUDIT, True, "Audit", f"/a passes, with an alert by {RULE}."),
            id="audit",
        ),
        pytest.param(
            [process("Audit", pts=False)],
            execution("/a", tty="pts0"),
            None,
            "Audit",
            (
                "audit",
                Reason.RULE_AUDIT,
                True,
                "Audit",
                f"/a passes, with an alert by {RULE}: a terminal is attached.",
            ),
            id="audit with a qualifier",
        ),
        pytest.param(
            [process("Block", allowedArgs=["x"])],
            execution("/a", args=("a", "y"), args_redacted=True),
            None,
            "Block",
            (
                "unknown",
                Reason.ARGUMENTS_UNKNOWN,
                True,
                "Audit",
                f"/a cannot be judged by {RULE}: the event does not tell all arguments.",
            ),
            id="unknown arguments",
        ),
        pytest.param(
            [process("Audit", allowedArgs=["x"])],
            execution("/a", args=("a", "y"), args_truncated=True),
            None,
            "Audit",
            (
                "unknown",
                Reason.ARGUMENTS_UNKNOWN,
                True,
                "Audit",
                f"/a cannot be judged by {RULE}: the event does not tell all arguments.",
            ),
            id="unknown arguments of an audit",
        ),
        pytest.param(
            [process("Block", allowedArgs=["x"])],
            execution("/a", args=("a", "x", "y\x1b")),
            None,
            "Block",
            (
                "block",
                Reason.RULE_BLOCK,
                True,
                "Block",
                f"/a is denied by {RULE}: the argument y\\x1b is not listed.",
            ),
            id="unlisted argument",
        ),
        pytest.param(
            [process("Block", allowedArgs=["x"])],
            None,
            None,
            "Block",
            ("block", Reason.RULE_BLOCK, True, "Block", f"/a is denied by {RULE}: it has no arguments."),
            id="no arguments",
        ),
        pytest.param(
            [process("Block", ownerOnly=True)],
            execution("/bin/sh", script="/a"),
            None,
            "Block",
            (
                "unknown",
                Reason.OWNER_UNKNOWN,
                True,
                "Audit",
                (
                    f"The script /a, run with /bin/sh cannot be judged by {RULE}: the event does not tell who"
                    " owns the script."
                ),
            ),
            id="owner of a script",
        ),
    ],
)
def test_decided_by_a_rule(
    changes: list[Change], event: JudgedEvent | None, workload: Workload | None, action: str, expected: Any
) -> None:
    verdict = verdict_of(*changes, event=event, workload=workload)
    assert told(by_rule(verdict, action)) == expected


MISSED = "no rule allows it"


@pytest.mark.parametrize(
    ("change", "workload", "mode", "origin", "expected"),
    [
        (
            posture("block"),
            None,
            "block",
            "global",
            (
                "block",
                Reason.POSTURE_BLOCK,
                True,
                "Block",
                f"/b is denied: {MISSED}, and the global file posture is block.",
            ),
        ),
        (
            annotated("block"),
            None,
            "block",
            "namespace",
            (
                "block",
                Reason.POSTURE_BLOCK,
                True,
                "Block",
                f"/b is denied: {MISSED}, and namespace ns's file posture is block.",
            ),
        ),
        (
            posture("block"),
            pod(annotations={"kubearmor-policy": "audited"}),
            "block",
            "global",
            (
                "audit",
                Reason.AUDITED_WORKLOAD,
                True,
                "Audit (Block)",
                (
                    f"/b would be denied: {MISSED}, and the global file posture is block; the pod's"
                    " annotation kubearmor-policy is audited, so that nothing is enforced there."
                ),
            ),
        ),
        (
            annotated("audit"),
            None,
            "audit",
            "namespace",
            (
                "audit",
                Reason.POSTURE_AUDIT,
                True,
                "Audit",
                f"/b passes with an alert: {MISSED}, and namespace ns's file posture is audit.",
            ),
        ),
        (
            posture("allow"),
            None,
            "allow",
            "global",
            (
                "allow",
                Reason.POSTURE_ALLOW,
                False,
                "Allow",
                f"/b passes: {MISSED}, and the global file posture is allow.",
            ),
        ),
    ],
)
def test_decided_by_posture(
    change: Change, workload: Workload | None, mode: Any, origin: str, expected: Any
) -> None:
    verdict = verdict_of(change, process("Allow"), event=execution("/b"), workload=workload)
    assert told(verdict) == expected
    assert verdict.decided_by == PostureReference(posture="file", mode=mode, origin=origin)
    assert (verdict.severity, verdict.tags, verdict.message) == (None, (), "")


def test_a_miss_names_the_rule_that_does_not_allow_it() -> None:
    verdict = verdict_of(
        posture("block"), process("Allow", ownerOnly=True), event=execution("/a", uid=1, owner_uid=2)
    )
    assert verdict.sentence == (
        f"/a is denied: {RULE} does not allow it: the user is not the file's owner, and the global file"
        " posture is block."
    )


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (
            verdict_of(),
            Verdict(decision="allow", reason=Reason.NO_POLICY, sentence="/a passes: no policy concerns it."),
        ),
        (
            verdict_of(process("Block"), workload=pod(annotations={"kubearmor-policy": "disabled"})),
            Verdict(
                decision="allow",
                reason=Reason.DISABLED_WORKLOAD,
                sentence="/a passes: the pod's annotation kubearmor-policy is disabled.",
            ),
        ),
        (
            verdict_of(process("Block"), workload=pod(complete=False)),
            Verdict(
                decision="unknown",
                reason=Reason.IDENTITY_INCOMPLETE,
                sentence="/a cannot be judged yet: the workload's namespace and labels are not known.",
                alert=True,
                action="Audit",
            ),
        ),
    ],
)
def test_decided_by_nobody(verdict: Verdict, expected: Verdict) -> None:
    assert verdict == expected


def test_a_policy_without_a_namespace_is_named_by_itself() -> None:
    spec = {"process": {"matchPaths": [{"path": "/a"}]}}
    verdict = verdict_of(applied(spec, namespace="", kind="KubeArmorHostPolicy"), workload=host())
    assert verdict.sentence == "/a is denied by spec.process.matchPaths[0] of KubeArmorHostPolicy p."
