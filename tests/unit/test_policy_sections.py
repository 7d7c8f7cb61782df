"""What is the same for every section: identity, modes, visibility, memory."""

from typing import Any

import pytest

from policy.changes import SettingsChanged
from policy.events import (
    CapabilityEvent,
    Executable,
    JudgedEvent,
    MemoryEvent,
)
from policy.judge import judge
from policy.verdict import Reason
from tests.fixtures.happenings import (
    AF_PACKET,
    AT,
    CAT,
    DATAGRAM,
    ICMP,
    RAW,
    access,
    call,
    lookup,
    socket,
    verdict_of,
)
from tests.fixtures.policies import applied, execution, host, pod, policy_set

EVERY_KIND = [
    execution("/a"),
    access("read"),
    socket(),
    lookup("a.test"),
    CapabilityEvent(**AT, capability="kill"),
    call("unlink"),
    MemoryEvent(**AT),
]


@pytest.mark.parametrize("event", EVERY_KIND, ids=lambda event: type(event).__name__)
def test_no_kind_is_judged_without_an_identity_or_where_policies_are_off(event: JudgedEvent) -> None:
    assert verdict_of(event, workload=pod(complete=False)).reason is Reason.IDENTITY_INCOMPLETE
    off = pod(annotations={"kubearmor-policy": "disabled"})
    assert verdict_of(event, workload=off).reason is Reason.DISABLED_WORKLOAD
    assert verdict_of(event, workload=host()).reason is Reason.NO_POLICY


@pytest.mark.parametrize(
    ("event", "kind", "section"),
    [
        (access("read"), "file", {"file": {"matchPaths": [{"path": "/d/f"}]}}),
        (socket(), "network", {"network": {"matchProtocols": [{"protocol": "tcp"}]}}),
        (lookup("a.test"), "network", {"network": {"matchDNSQueries": [{"domain": "a.test"}]}}),
        (
            CapabilityEvent(**AT, capability="kill"),
            "capabilities",
            {"capabilities": {"matchCapabilities": [{"capability": "kill"}]}},
        ),
    ],
)
def test_an_audit_alert_needs_its_kind_visible(event: JudgedEvent, kind: str, section: Any) -> None:
    change = applied({"action": "Audit", **section})
    for visible in ("process", "file", "network", "capabilities"):
        verdict = verdict_of(event, change, SettingsChanged(visibility=(visible,)))
        assert (verdict.reason, verdict.alert) == (Reason.RULE_AUDIT, visible == kind)


SOURCED = [{"path": "/bin/cat"}]
EVERY_RULE = {
    "process": {
        "matchPaths": [
            {"path": "/p", "fromSource": SOURCED},
            {"path": "/owned", "ownerOnly": True},
            {"path": "/quiet", "pts": False},
            {"path": "/listed", "allowedArgs": ["x"]},
        ]
    },
    "file": {
        "matchPaths": [
            {"path": "/f", "fromSource": SOURCED},
            {"path": "/owned", "ownerOnly": True},
            {"path": "/quiet", "pts": False},
            {"path": "/kept", "readOnly": True},
            {"path": "/new"},
        ]
    },
    "network": {
        "matchProtocols": [{"protocol": "tcp", "fromSource": SOURCED}, {"protocol": "raw"}],
        "matchDNSQueries": [{"domain": "a.test", "fromSource": SOURCED}, {"domain": "b.test"}],
    },
    "capabilities": {
        "matchCapabilities": [{"capability": "kill", "fromSource": SOURCED}, {"capability": "chown"}]
    },
    "syscalls": {
        "matchSyscalls": [{"syscall": ["unlink"], "fromSource": SOURCED}],
        "matchPaths": [{"syscall": ["rmdir"], "path": "/x/d"}],
    },
    "presets": [{"name": "protectEnv"}, {"name": "filelessExec"}, {"name": "exec"}],
}
TAC, CUT = Executable(path="/bin/tac"), Executable(path="bin/cat", truncated=True)
PAIRS: list[tuple[JudgedEvent, JudgedEvent]] = [
    (execution("/p", "/bin/cat"), execution("/p", "/bin/tac")),
    (execution("/p", "/bin/cat"), execution("/p", None)),
    (execution("/owned", uid=1, owner_uid=1), execution("/owned", uid=1, owner_uid=2)),
    (execution("/quiet", tty="pts0"), execution("/quiet")),
    (execution("/listed", args=("a", "x")), execution("/listed", args=("a", "y"))),
    (execution("/listed", args=("a", "x")), execution("/listed", args=("a", "x"), args_redacted=True)),
    (execution("/listed", args=("a", "x")), execution("/listed", args=("a", "x"), args_truncated=True)),
    (execution("/a", entered=True), execution("/a")),
    (execution("/bin/sh"), execution("/bin/sh", script="/owned")),
    (access("read", "/f"), access("read", "/f", actor=TAC)),
    (access("read", "/f"), access("read", "/f", actor=None)),
    (access("read", "/owned", uid=1, owner_uid=1), access("read", "/owned", uid=1)),
    (access("read", "/quiet", tty="pts0"), access("read", "/quiet")),
    (access("read", "/kept"), access("write", "/kept")),
    (access("rename", "/z", new_path="/new"), access("rename", "/z", new_path="/y")),
    (access("rename", "/z", new_path="new", new_truncated=True), access("rename", "/z", new_path="new")),
    (access("write", "kept", truncated=True), access("write", "kept")),
    (access("read", "/proc/7/environ", namespace_pid=7), access("read", "/proc/7/environ", namespace_pid=8)),
    (socket(), socket(actor=TAC)),
    (socket(), socket(kind=DATAGRAM)),
    (socket(kind=RAW), socket(kind=RAW, protocol=ICMP)),
    (socket(kind=RAW, protocol=ICMP), socket(AF_PACKET, RAW, ICMP)),
    (lookup("a.test"), lookup("a.test", actor=TAC)),
    (lookup("b.test"), lookup("c.test")),
    (CapabilityEvent(**AT, capability="kill", actor=CAT), CapabilityEvent(**AT, capability="kill")),
    (CapabilityEvent(**AT, capability="chown"), CapabilityEvent(**AT, capability="fowner")),
    (call("unlink"), call("unlink", actor=TAC)),
    (call("unlink", actor=CUT), call("unlink", actor=Executable(path=CUT.path))),
    (call("rmdir", "/x/d"), call("rmdir", "/x/e")),
    (call("rmdir", "d", truncated=True), call("rmdir", "d")),
    (call("unlink", "/x/d"), call("rmdir", "/x/d", actor=TAC)),
]


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_what_is_remembered_of_one_question_never_answers_another(
    one: JudgedEvent, other: JudgedEvent
) -> None:
    current = policy_set(applied(EVERY_RULE))
    apart = [judge(event, current.for_workload(pod(id=f"n/{n}"))) for n, event in enumerate((one, other))]
    assert apart[0] != apart[1]
    rules = current.for_workload(pod(id="n/both"))
    assert [judge(event, rules) for event in (one, other, one, other)] == [*apart, *apart]


class DerivedEvent(CapabilityEvent, frozen=True, kw_only=True, tag="derived"):
    """What a later release may add."""


def test_an_event_of_a_derived_type_is_judged_as_what_it_derives_from() -> None:
    rules = policy_set(applied({"capabilities": {"matchCapabilities": [{"capability": "kill"}]}}))
    event = DerivedEvent(**AT, capability="kill")
    assert verdict_of(event, applied(EVERY_RULE)).reason is Reason.NO_POLICY
    for _ in range(2):
        assert judge(event, rules.for_workload(pod())).decision == "block"
