"""What rules about system calls and presets match, a case at a time."""

from typing import Any

import pytest

from policy.changes import SettingsChanged
from policy.events import (
    Executable,
    JudgedEvent,
    MemoryEvent,
    SyscallEvent,
)
from policy.verdict import Reason
from tests.fixtures.happenings import (
    AT,
    access,
    call,
    place,
    verdict_of,
)
from tests.fixtures.policies import applied, execution, pod, policy_set


@pytest.mark.parametrize("action", ["Allow", "Audit", "Block"])
def test_system_calls_are_always_audited_and_always_told(action: str) -> None:
    change = applied({"action": action, "syscalls": {"matchSyscalls": [{"syscall": ["unlink", "rmdir"]}]}})
    quiet = SettingsChanged(visibility=("none",))
    for name in ("unlink", "rmdir"):
        verdict = verdict_of(call(name, "/x"), change, quiet)
        assert (verdict.decision, verdict.alert, verdict.action) == ("audit", True, "Audit")
    assert verdict_of(call("chown", "/x"), change, SettingsChanged(file_posture="block")).decision == "allow"


@pytest.mark.parametrize(
    ("path", "recursive", "seen", "met"),
    [
        ("/home/", False, "/home", True),
        ("/home/", False, "/home/x", False),
        ("/home/", True, "/home", True),
        ("/home/", True, "/home/x/y", True),
        ("/home/", True, "/homes", False),
        ("/home/x", False, "/home/x", True),
        ("/home/x", True, "/home/x/y", True),
        ("/home/x", False, "", False),
    ],
)
def test_paths_of_system_calls(path: str, recursive: bool, seen: str, met: bool) -> None:
    rule = {"syscall": ["unlink"], "path": path, "recursive": recursive}
    change = applied({"syscalls": {"matchPaths": [rule]}})
    assert verdict_of(call("unlink", seen), change).alert is met
    assert not verdict_of(call("rmdir", seen), change).alert


@pytest.mark.parametrize(
    ("source", "actor", "met"),
    [
        ({"path": "/usr/bin/rm"}, "/usr/bin/rm", True),
        ({"path": "/usr/bin/rm"}, "/usr/bin/rmdir", False),
        ({"dir": "/usr/"}, "/usr/rm", True),
        ({"dir": "/usr/"}, "/usr/bin/rm", False),
        ({"dir": "/usr/"}, "/usrx", False),
        ({"dir": "/usr/", "recursive": True}, "/usr/bin/rm", True),
        ({"dir": "/usr/", "recursive": True}, "/usr/rm", True),
        ({"dir": "/usr/", "recursive": True}, "/usrx/rm", False),
        ({"dir": "/", "recursive": True}, "/rm", True),
        ({"dir": "/", "recursive": True}, "/usr/rm", True),
        ({"dir": "/"}, "/rm", True),
    ],
)
def test_sources_of_system_calls(source: dict[str, Any], actor: str, met: bool) -> None:
    change = applied({"syscalls": {"matchSyscalls": [{"syscall": ["unlink"], "fromSource": [source]}]}})
    assert verdict_of(call("unlink", actor=Executable(path=actor)), change).alert is met
    assert not verdict_of(call("unlink", actor=None), change).alert
    cut = Executable(path="nothing/that/fits", truncated=True)
    assert verdict_of(call("unlink", actor=cut), change).alert is source.get("recursive", False)
    name_only = Executable(path="m", truncated=True)
    assert verdict_of(call("unlink", actor=name_only), change).alert


def test_the_system_call_rule_applied_first_is_credited() -> None:
    anywhere = {"syscall": ["unlink"]}
    on_path = {"syscall": ["unlink"], "path": "/x"}
    first = applied({"syscalls": {"matchPaths": [on_path]}}, "first")
    second = applied({"syscalls": {"matchSyscalls": [anywhere]}}, "second")
    verdict = verdict_of(call("unlink", "/x"), first, second)
    assert place(verdict) == "spec.syscalls.matchPaths[0]"
    cut = call("unlink", "x", truncated=True)
    assert place(verdict_of(cut, first)) == "spec.syscalls.matchPaths[0]"


def test_rules_of_both_kinds_of_system_call_rules_are_found_together() -> None:
    anywhere = {"syscall": ["rmdir"], "message": "first"}
    change = applied(
        {"syscalls": {"matchSyscalls": [anywhere], "matchPaths": [{"syscall": ["rmdir"], "path": "/d"}]}}
    )
    assert verdict_of(call("rmdir", "/d"), change).message == "first"


@pytest.mark.parametrize(
    ("preset", "event", "met"),
    [
        ("filelessExec", execution("/memfd:x"), True),
        ("filelessExec", execution("/dev/shm/x"), True),
        ("filelessExec", execution("/run/shm/a/x"), True),
        ("filelessExec", execution("/dev/shmx"), False),
        ("filelessExec", execution("/x/memfd:x"), False),
        ("exec", execution("/a", entered=True), True),
        ("exec", execution("/a"), False),
        ("protectEnv", access("read", "/proc/7/environ", namespace_pid=8), True),
        ("protectEnv", access("read", "/proc/7/task/9/environ", namespace_pid=8), True),
        ("protectEnv", access("read", "/proc/8/environ", namespace_pid=8), False),
        ("protectEnv", access("write", "/proc/7/environ", namespace_pid=8), False),
        ("protectEnv", access("read", "/proc/7/maps", namespace_pid=8), False),
        ("protectEnv", access("read", "/x/proc/7/environ", namespace_pid=8), False),
        ("protectProc", access("read", "/proc/7/maps", namespace_pid=8), True),
        ("protectProc", access("write", "/proc/7", namespace_pid=8), True),
        ("protectProc", access("read", "/proc/8/maps", namespace_pid=8), False),
        ("protectProc", access("read", "/proc/meminfo", namespace_pid=8), False),
        ("protectProc", access("read", "/proc/7x", namespace_pid=8), False),
        ("anonymousMapExec", MemoryEvent(**AT), True),
    ],
)
def test_presets(preset: str, event: JudgedEvent, met: bool) -> None:
    verdict = verdict_of(event, applied({"presets": [{"name": preset, "severity": 3}]}))
    assert verdict.reason is (Reason.RULE_BLOCK if met else Reason.NO_POLICY)
    assert verdict.severity == (3 if met else None)
    audited = verdict_of(event, applied({"presets": [{"name": preset, "action": "Audit"}]}))
    assert audited.reason is (Reason.RULE_AUDIT if met else Reason.NO_POLICY)


def test_presets_stand_beside_rules() -> None:
    event = execution("/memfd:x")
    block = SettingsChanged(file_posture="block")
    allow = applied({"action": "Allow", "process": {"matchPaths": [{"path": "/memfd:x"}]}}, "a")
    preset = applied({"presets": [{"name": "filelessExec"}]}, "b")
    assert place(verdict_of(event, block, allow, preset)) == "spec.presets[0]"
    assert verdict_of(event, block, allow).decision == "allow"
    other = execution("/bin/x")
    assert verdict_of(other, block, allow, preset).reason is Reason.POSTURE_BLOCK
    blocked = applied({"process": {"matchPaths": [{"path": "/memfd:x"}]}}, "c")
    assert place(verdict_of(event, preset, blocked)) == "spec.process.matchPaths[0]"


@pytest.mark.parametrize(
    ("preset", "event", "kind"),
    [
        ("filelessExec", execution("/memfd:x"), "process"),
        ("exec", execution("/a", entered=True), "process"),
        ("protectProc", access("read", "/proc/7/maps"), "file"),
        ("anonymousMapExec", MemoryEvent(**AT), "process"),
    ],
)
def test_audit_presets_need_their_kind_visible(preset: str, event: JudgedEvent, kind: str) -> None:
    change = applied({"presets": [{"name": preset, "action": "Audit"}]})
    for visible in ("process", "file", "network"):
        verdict = verdict_of(event, change, SettingsChanged(visibility=(visible,)))
        assert verdict.alert is (visible == kind)


def test_all_that_was_considered_of_a_system_call_is_told() -> None:
    rules = policy_set(
        applied(
            {
                "syscalls": {
                    "matchSyscalls": [{"syscall": ["rmdir"]}, {"syscall": ["chown"]}],
                    "matchPaths": [
                        {"syscall": ["rmdir"], "path": "/d"},
                        {"syscall": ["rmdir"], "path": "/e"},
                    ],
                }
            }
        )
    ).for_workload(pod())
    (judge_of_calls,) = rules.judges_of(SyscallEvent)

    def met(event: SyscallEvent) -> list[str]:
        (inquiry,) = judge_of_calls.inquire(event)
        return [one.rule.reference.place.removeprefix("spec.syscalls.") for one in inquiry.ranked.audits]

    assert met(call("rmdir", "/d")) == ["matchSyscalls[0]", "matchPaths[0]"]
    assert met(call("rmdir")) == ["matchSyscalls[0]"]
    assert met(call("chown", "/d")) == ["matchSyscalls[1]"]
    assert met(call("mkdir", "/d")) == []


def test_who_calls_decides_on_a_path_too() -> None:
    rule = {"syscall": ["rmdir"], "path": "/d", "fromSource": [{"path": "/bin/cat"}]}
    change = applied({"syscalls": {"matchPaths": [rule]}})
    assert verdict_of(call("rmdir", "/d"), change).alert
    assert not verdict_of(call("rmdir", "/d", actor=Executable(path="/x")), change).alert
    assert verdict_of(call("rmdir", "/d", actor=Executable(path="n/cat", truncated=True)), change).alert
