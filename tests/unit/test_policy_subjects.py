"""How sentences name each kind of event, and what is done with it."""

from typing import Any

import pytest

from policy.changes import Change
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    SyscallEvent,
)
from policy.judge import judge
from policy.verdict import Verdict
from tests.fixtures.happenings import AT, CAT
from tests.fixtures.policies import applied, execution, pod, policy_set


def verdict_of(event: JudgedEvent, *changes: Change) -> Verdict:
    return judge(event, policy_set(*changes).for_workload(pod()))


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
    verdict = verdict_of(event, applied({"action": "Block", **EVERYTHING}))
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
    verdict = verdict_of(event, applied({"action": "Block", **EVERYTHING}))
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
    verdict = verdict_of(file_event(access, new_path="/g"), change)
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
    assert " by /bin/cat " in verdict_of(event, applied(spec)).sentence
