"""What each section but process matches, a case at a time; docs/semantics.md is the page."""

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
from policy.sections.network import SOCKET_TYPES, protocols_of
from policy.verdict import PostureReference, Reason, RuleReference, Verdict
from policy.workload import Workload
from tests.fixtures.policies import applied, execution, host, pod, policy_set

AT: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 9, "start_ns": 1}
CAT = Executable(path="/bin/cat")
AF_UNIX, AF_INET, AF_NETLINK, AF_INET6, AF_PACKET = 1, 2, 16, 10, 17
STREAM, DATAGRAM, RAW = 1, 2, 3
ICMP, TCP, UDP, DCCP, ICMPV6, SCTP = 1, 6, 17, 33, 58, 132
BLOCK_NETWORK = NamespaceChanged(namespace="ns", annotations={"kubearmor-network-posture": "block"})


def verdict_of(event: JudgedEvent, *changes: Change, workload: Workload | None = None) -> Verdict:
    return judge(event, policy_set(*changes).for_workload(workload or pod()))


def place(verdict: Verdict) -> str:
    by = verdict.decided_by
    if isinstance(by, PostureReference):
        return f"posture {by.posture} {by.mode}"
    return by.place if isinstance(by, RuleReference) else ""


def access(access: Any, path: str = "/d/f", actor: Executable | None = CAT, **more: Any) -> FileEvent:
    return FileEvent(**AT, access=access, path=path, actor=actor, **more)


def socket(
    family: int = AF_INET, kind: int = STREAM, protocol: int = 0, actor: Executable | None = CAT
) -> NetworkEvent:
    return NetworkEvent(**AT, family=family, type=kind, protocol=protocol, actor=actor)


def lookup(name: str, actor: Executable | None = CAT) -> DnsEvent:
    return DnsEvent(**AT, name=name, actor=actor)


def call(syscall: str, path: str = "", actor: Executable | None = CAT, **more: Any) -> SyscallEvent:
    return SyscallEvent(**AT, syscall=syscall, path=path, actor=actor, **more)


# Files


@pytest.mark.parametrize(
    "doing",
    ["write", "create", "unlink", "rename", "rmdir", "mkdir", "chmod", "chown", "link", "truncate", "mount"],
)
def test_read_only_permits_reading_alone(doing: str) -> None:
    change = applied({"file": {"matchPaths": [{"path": "/d/f", "readOnly": True}]}})
    assert verdict_of(access("read"), change).reason is Reason.RULE_PASS
    assert verdict_of(access(doing), change).reason is Reason.RULE_BLOCK


def test_read_only_on_an_allow_is_a_miss_and_on_an_audit_an_alert() -> None:
    rule = {"matchPaths": [{"path": "/d/f", "readOnly": True}]}
    block = SettingsChanged(file_posture="block")
    allow = applied({"action": "Allow", "file": rule})
    assert verdict_of(access("read"), block, allow).reason is Reason.RULE_ALLOW
    assert verdict_of(access("write"), block, allow).reason is Reason.POSTURE_BLOCK
    audit = applied({"action": "Audit", "file": rule})
    assert verdict_of(access("read"), audit).reason is Reason.NO_POLICY
    assert verdict_of(access("write"), audit).reason is Reason.RULE_AUDIT


def test_file_qualifiers_are_those_of_the_actor() -> None:
    owned = applied({"file": {"matchDirectories": [{"dir": "/d/", "ownerOnly": True}]}})
    assert verdict_of(access("write", uid=5, owner_uid=5), owned).decision == "allow"
    assert verdict_of(access("write", uid=0, owner_uid=5), owned).decision == "block"
    terminal = applied({"file": {"matchPaths": [{"path": "/d/f", "pts": False}]}})
    assert verdict_of(access("read", tty="pts1"), terminal).decision == "block"
    assert verdict_of(access("read"), terminal).decision == "allow"
    sourced = applied({"file": {"matchPaths": [{"path": "/d/f", "fromSource": [{"path": "/bin/cat"}]}]}})
    assert verdict_of(access("read"), sourced).decision == "block"
    assert verdict_of(access("read", actor=Executable(path="/bin/tac")), sourced).decision == "allow"
    assert verdict_of(access("read", actor=None), sourced).decision == "allow"
    cut = Executable(path="in/cat", truncated=True)
    assert verdict_of(access("read", actor=cut), sourced).decision == "block"


def test_patterns_of_files_take_qualifiers() -> None:
    rule = {"pattern": "/d/*", "readOnly": True, "ownerOnly": True}
    change = applied({"file": {"matchPatterns": [rule]}})
    assert place(verdict_of(access("write"), change)) == "spec.file.matchPatterns[0]"
    assert verdict_of(access("read"), change).decision == "allow"
    assert verdict_of(access("read", uid=1), change).decision == "block"


@pytest.mark.parametrize("doing", ["rename", "link", "symlink"])
def test_both_names_are_judged_and_the_worse_stands(doing: str) -> None:
    change = applied({"file": {"matchPaths": [{"path": "/a"}, {"path": "/b"}]}})
    assert place(verdict_of(access(doing, "/x", new_path="/b"), change)) == "spec.file.matchPaths[1]"
    assert place(verdict_of(access(doing, "/a", new_path="/b"), change)) == "spec.file.matchPaths[0]"
    assert verdict_of(access(doing, "/x", new_path="/y"), change).reason is Reason.NO_POLICY


def test_a_new_name_means_nothing_where_none_is_made() -> None:
    change = applied({"file": {"matchPaths": [{"path": "/b"}]}})
    assert verdict_of(access("write", "/a", new_path="/b"), change).decision == "allow"


def test_truncated_names_satisfy_no_allow_and_meet_blocks() -> None:
    block = SettingsChanged(file_posture="block")
    allow = applied({"action": "Allow", "file": {"matchDirectories": [{"dir": "/", "recursive": True}]}})
    assert verdict_of(access("read", "d/f", truncated=True), block, allow).decision == "block"
    renamed = access("rename", "/a", new_path="d/f", new_truncated=True)
    assert verdict_of(renamed, block, allow).decision == "block"
    denied = applied({"file": {"matchPaths": [{"path": "/x/d/f"}]}})
    assert verdict_of(access("read", "d/f", truncated=True), denied).decision == "block"
    assert verdict_of(access("read", "d/f"), denied).decision == "allow"


# Sockets


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "names"),
    [
        (AF_INET, STREAM, 0, ("stream", "tcp")),
        (AF_INET, STREAM, TCP, ("tcp",)),
        (AF_INET6, STREAM, SCTP, ("sctp",)),
        (AF_INET, DATAGRAM, UDP, ("udp",)),
        (AF_INET, DATAGRAM, ICMP, ("icmp",)),
        (AF_INET6, RAW, ICMPV6, ("icmpv6",)),
        (AF_INET, RAW, 255, ("raw",)),
        (AF_INET, RAW, 47, ("raw",)),
        (AF_INET, 6, DCCP, ("dccp",)),
        (AF_UNIX, STREAM, 0, ("stream", "tcp")),
        (AF_UNIX, DATAGRAM, 0, ("dgram", "udp")),
        (AF_UNIX, 5, 0, ("seqpacket",)),
        (AF_NETLINK, RAW, 6, ("raw",)),
        (AF_PACKET, RAW, 8, ("raw",)),
        (AF_PACKET, 10, 0, ("packet",)),
        (0, STREAM, TCP, ("tcp",)),
        (AF_INET, 4, 0, ("rdm",)),
        (AF_INET, 77, 0, ()),
    ],
)
def test_what_a_socket_is_called(family: int, kind: int, protocol: int, names: tuple[str, ...]) -> None:
    assert protocols_of(family, kind, protocol) == names
    rules = policy_set(applied({"network": {"matchProtocols": [{"protocol": ",".join(ALL_NAMES)}]}}))
    verdict = judge(socket(family, kind, protocol), rules.for_workload(pod()))
    assert verdict.decision == ("block" if names else "allow")
    for name in ALL_NAMES:
        change = applied({"network": {"matchProtocols": [{"protocol": name.upper()}]}})
        decision = verdict_of(socket(family, kind, protocol), change).decision
        assert decision == ("block" if name in names else "allow"), name
    everything = applied({"network": {"matchProtocols": [{"protocol": "all"}]}})
    assert verdict_of(socket(family, kind, protocol), everything).decision == "block"


ALL_NAMES = sorted({"icmp", "icmpv6", "sctp", *(name for names in SOCKET_TYPES.values() for name in names)})


def test_a_comma_list_stands_for_each_and_keeps_its_place() -> None:
    rules = [{"protocol": "icmp"}, {"protocol": " TCP , udp,, tcp", "fromSource": [{"path": "/bin/cat"}]}]
    current = policy_set(applied({"network": {"matchProtocols": rules}}))
    compiled = current.rules_for(pod())["network"]
    assert [rule.reference.place[-3:] for rule in compiled] == ["[0]", "[1]", "[1]"]
    assert place(judge(socket(), current.for_workload(pod()))) == "spec.network.matchProtocols[1]"
    assert judge(socket(actor=None), current.for_workload(pod())).decision == "allow"


def test_of_protocols_none_is_more_specific_but_a_source_is() -> None:
    allow = applied({"action": "Allow", "network": {"matchProtocols": [{"protocol": "tcp"}]}}, "a")
    block = applied({"network": {"matchProtocols": [{"protocol": "all"}]}}, "b")
    assert verdict_of(socket(), allow, block).decision == "block"
    sourced = {"protocol": "tcp", "fromSource": [{"path": "/bin/cat"}]}
    let_in = applied({"action": "Allow", "network": {"matchProtocols": [sourced]}}, "c")
    assert verdict_of(socket(), let_in, block).decision == "allow"
    assert verdict_of(socket(actor=Executable(path="/x")), let_in, block).decision == "block"


# Names


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("google.com", True),
        ("GOOGLE.com.", True),
        ("www.google.com", True),
        ("a.b.google.com", True),
        ("google.com.ns.svc.cluster.local", True),
        ("www.google.com.svc.cluster.local", True),
        ("google.com.cluster.local", True),
        ("notgoogle.com", False),
        ("google.com.evil.test", False),
        ("google.community", False),
        ("com", False),
        ("google.com.a.b.svc.cluster.local", False),
        ("google.com.cluster.local.evil.test", False),
        ("google.com.clusterxlocal", False),
        ("google.comxsvc.cluster.local", False),
        ("", False),
    ],
)
def test_domains(name: str, covered: bool) -> None:
    change = applied({"network": {"matchDNSQueries": [{"domain": "Google.com."}]}})
    assert verdict_of(lookup(name), change).decision == ("block" if covered else "allow")


def test_a_domain_of_two_readings_is_covered_by_either() -> None:
    for domain in ("google.com", "google"):
        change = applied({"network": {"matchDNSQueries": [{"domain": domain}]}})
        assert verdict_of(lookup("google.com.svc.cluster.local"), change).decision == "block"


def test_names_and_sockets_count_separately() -> None:
    names = applied({"action": "Allow", "network": {"matchDNSQueries": [{"domain": "a.test"}]}})
    assert verdict_of(lookup("a.test"), BLOCK_NETWORK, names).reason is Reason.RULE_ALLOW
    assert place(verdict_of(lookup("b.test"), BLOCK_NETWORK, names)) == "posture network block"
    assert verdict_of(socket(), BLOCK_NETWORK, names).reason is Reason.NO_POLICY
    sockets = applied({"action": "Allow", "network": {"matchProtocols": [{"protocol": "tcp"}]}})
    assert verdict_of(lookup("b.test"), BLOCK_NETWORK, sockets).reason is Reason.NO_POLICY
    assert place(verdict_of(socket(kind=DATAGRAM), BLOCK_NETWORK, sockets)) == "posture network block"


def test_names_by_source() -> None:
    rule = {"domain": "a.test", "fromSource": [{"path": "/bin/cat"}]}
    change = applied({"network": {"matchDNSQueries": [rule]}})
    assert verdict_of(lookup("a.test"), change).decision == "block"
    assert verdict_of(lookup("a.test", actor=None), change).decision == "allow"


# Capabilities


def test_capabilities() -> None:
    posture = NamespaceChanged(namespace="ns", annotations={"kubearmor-capabilities-posture": "block"})
    rule = {"capability": "net_raw, chown", "fromSource": [{"path": "/bin/cat"}]}
    change = applied({"action": "Allow", "capabilities": {"matchCapabilities": [rule]}})
    for name, actor, expected in [
        ("net_raw", CAT, "spec.capabilities.matchCapabilities[0]"),
        ("chown", CAT, "spec.capabilities.matchCapabilities[0]"),
        ("kill", CAT, "posture capabilities block"),
        ("chown", Executable(path="/x"), "posture capabilities block"),
    ]:
        event = CapabilityEvent(**AT, capability=name, actor=actor)
        assert place(verdict_of(event, posture, change)) == expected


# System calls


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


# Presets


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


# What is the same for all

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


def test_operations_on_a_socket_are_told_apart() -> None:
    current = policy_set(applied({"network": {"matchProtocols": [{"protocol": "tcp"}]}}))
    rules = current.for_workload(pod())
    sentences = {
        judge(NetworkEvent(**AT, operation=operation, family=AF_INET, type=STREAM), rules).sentence
        for operation in ("socket", "connect", "bind", "listen", "accept", "send")
    }
    assert len(sentences) == 6


def test_rules_of_both_kinds_of_system_call_rules_are_found_together() -> None:
    anywhere = {"syscall": ["rmdir"], "message": "first"}
    change = applied(
        {"syscalls": {"matchSyscalls": [anywhere], "matchPaths": [{"syscall": ["rmdir"], "path": "/d"}]}}
    )
    assert verdict_of(call("rmdir", "/d"), change).message == "first"


def test_a_domain_that_begins_with_a_dot_ends() -> None:
    change = applied({"network": {"matchDNSQueries": [{"domain": "a.test"}]}})
    assert verdict_of(lookup(".a.test"), change).decision == "block"
    assert verdict_of(lookup("."), change).decision == "allow"


class DerivedEvent(CapabilityEvent, frozen=True, kw_only=True, tag="derived"):
    """What a later release may add."""


def test_an_event_of_a_derived_type_is_judged_as_what_it_derives_from() -> None:
    rules = policy_set(applied({"capabilities": {"matchCapabilities": [{"capability": "kill"}]}}))
    event = DerivedEvent(**AT, capability="kill")
    assert verdict_of(event, applied(EVERY_RULE)).reason is Reason.NO_POLICY
    for _ in range(2):
        assert judge(event, rules.for_workload(pod())).decision == "block"
