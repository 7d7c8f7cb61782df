"""Whole verdicts: what people read, for every reason, and how each kind of event is named."""

from typing import Any

import pytest

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    SyscallEvent,
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


EVERYTHING = {
    "file": {"matchDirectories": [{"dir": "/", "recursive": True}]},
    "network": {
        "matchProtocols": [{"protocol": "all"}],
        "matchDNSQueries": [{"domain": "x.test"}],
    },
    "capabilities": {"matchCapabilities": [{"capability": "net_raw"}]},
    "syscalls": {
        "matchSyscalls": [{"syscall": ["unlink"]}],
        "matchPaths": [{"syscall": ["rmdir"], "path": "/d/"}],
    },
    "presets": [{"name": "anonymousMapExec"}, {"name": "filelessExec"}, {"name": "protectEnv"}],
}


def file_event(access: Any, path: str = "/f", **more: Any) -> FileEvent:
    return FileEvent(**AT, actor=CAT, access=access, path=path, **more)


def socket(**more: Any) -> NetworkEvent:
    return NetworkEvent(**AT, actor=CAT, **({"family": 2, "type": 1, "protocol": 6} | more))


FILE, SOCKET = "spec.file.matchDirectories[0]", "spec.network.matchProtocols[0]"


@pytest.mark.parametrize(
    ("event", "subject", "place"),
    [
        (file_event("read"), "Reading /f", FILE),
        (file_event("write"), "Writing /f", FILE),
        (file_event("create"), "Creating /f", FILE),
        (file_event("unlink"), "Removing /f", FILE),
        (file_event("rename", new_path="/g"), "Renaming /f", FILE),
        (file_event("rmdir"), "Removing the directory /f", FILE),
        (file_event("mkdir"), "Making the directory /f", FILE),
        (file_event("chmod"), "Changing the mode of /f", FILE),
        (file_event("chown"), "Changing the owner of /f", FILE),
        (file_event("link", new_path="/g"), "Linking to /f", FILE),
        (file_event("symlink", new_path="/g"), "Making a symbolic link to /f", FILE),
        (file_event("truncate"), "Truncating /f", FILE),
        (file_event("mount"), "Mounting on /f", FILE),
        (file_event("read", "lib/f\n", truncated=True), "Reading ...lib/f\\x0a", FILE),
        (file_event("read", "/proc/7/environ", namespace_pid=8), "Reading /proc/7/environ", FILE),
        (socket(), "Making a socket for tcp", SOCKET),
        (socket(operation="connect", type=2, protocol=17), "Connecting a socket for udp", SOCKET),
        (socket(operation="bind", type=2, protocol=0), "Binding a socket for udp", SOCKET),
        (socket(operation="listen", protocol=0), "Listening on a socket for tcp", SOCKET),
        (socket(operation="accept", protocol=132), "Accepting on a socket for sctp", SOCKET),
        (socket(operation="send", type=3, protocol=1), "Sending on a socket for icmp", SOCKET),
        (socket(family=17, type=99, protocol=8), "Making a socket of type 99", SOCKET),
        (
            DnsEvent(**AT, actor=CAT, name="a.X.test"),
            "Asking for the name a.X.test",
            "spec.network.matchDNSQueries[0]",
        ),
        (
            CapabilityEvent(**AT, actor=CAT, capability="net_raw"),
            "Using the capability net_raw",
            "spec.capabilities.matchCapabilities[0]",
        ),
        (MemoryEvent(**AT, actor=CAT), "Making anonymous memory executable", "spec.presets[0]"),
        (execution("/memfd:x"), "/memfd:x", "spec.presets[1]"),
    ],
    ids=str,
)
def test_how_events_are_named(event: JudgedEvent, subject: str, place: str) -> None:
    verdict = verdict_of(applied({"action": "Block", **EVERYTHING}), event=event)
    assert verdict.sentence == f"{subject} is denied by {place} of KubeArmorPolicy ns/p."


@pytest.mark.parametrize(
    ("event", "subject", "place"),
    [
        (SyscallEvent(**AT, syscall="unlink"), "unlink", "spec.syscalls.matchSyscalls[0]"),
        (SyscallEvent(**AT, syscall="unlink", path="/x"), "unlink on /x", "spec.syscalls.matchSyscalls[0]"),
        (SyscallEvent(**AT, syscall="rmdir", path="/d"), "rmdir on /d", "spec.syscalls.matchPaths[0]"),
        (
            SyscallEvent(**AT, syscall="rmdir", path="d", truncated=True),
            "rmdir on ...d",
            "spec.syscalls.matchPaths[0]",
        ),
    ],
)
def test_how_system_calls_are_named(event: SyscallEvent, subject: str, place: str) -> None:
    verdict = verdict_of(applied({"action": "Block", **EVERYTHING}), event=event)
    assert verdict.sentence == (
        f"The system call {subject} passes, with an alert by {place} of KubeArmorPolicy ns/p."
    )


@pytest.mark.parametrize(
    ("access", "subject"),
    [
        ("rename", "Renaming a file to /g"),
        ("link", "Linking a file as /g"),
        ("symlink", "Making the symbolic link /g"),
    ],
)
def test_the_new_name_is_named_where_it_is_what_is_denied(access: Any, subject: str) -> None:
    change = applied({"file": {"matchPaths": [{"path": "/g"}]}})
    verdict = verdict_of(change, event=file_event(access, new_path="/g"))
    assert verdict.sentence == f"{subject} is denied by spec.file.matchPaths[0] of KubeArmorPolicy ns/p."


@pytest.mark.parametrize(
    "event",
    [
        file_event("read"),
        socket(),
        DnsEvent(**AT, actor=CAT, name="x.test"),
        CapabilityEvent(**AT, actor=CAT, capability="net_raw"),
        SyscallEvent(**AT, actor=CAT, syscall="unlink"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_who_acts_is_named_where_a_rule_asks_for_it(event: JudgedEvent) -> None:
    source = [{"path": "/bin/cat"}]
    spec = {
        "file": {"matchPaths": [{"path": "/f", "fromSource": source}]},
        "network": {
            "matchProtocols": [{"protocol": "tcp", "fromSource": source}],
            "matchDNSQueries": [{"domain": "x.test", "fromSource": source}],
        },
        "capabilities": {"matchCapabilities": [{"capability": "net_raw", "fromSource": source}]},
        "syscalls": {"matchSyscalls": [{"syscall": ["unlink"], "fromSource": source}]},
    }
    assert " by /bin/cat " in verdict_of(applied(spec), event=event).sentence
