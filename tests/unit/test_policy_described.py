"""Events and workloads as people describe them."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from policy import described, events
from policy.described import DescriptionError
from policy.described.event import SOCKET_OPERATIONS
from policy.described.sockets import FAMILIES, NAMED, PROTOCOLS, TYPES
from policy.documents.vocabulary import PROTOCOLS as KNOWN_TO_POLICIES
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Event,
    Executable,
    FileEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from policy.sections.network import IP_PROTOCOLS, SOCKET_TYPES, protocols_of
from policy.workload import Workload

NOWHEN: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 0, "start_ns": 0}
ACTOR = {"actor": Executable(path="/bin/a")}


def acting(**more: Any) -> dict[str, Any]:
    return NOWHEN | ACTOR | more


def codes(description: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(DescriptionError) as caught:
        described.event(description)
    return [(one.field, one.code.value) for one in caught.value.problems]


@pytest.mark.parametrize(
    ("description", "event"),
    [
        (
            {"exec": "/bin/id"},
            ProcessEvent(**NOWHEN, executable=Executable(path="/bin/id"), args=("/bin/id",)),
        ),
        (
            {
                "exec": "/bin/dash",
                "from": "/bin/a",
                "script": "/x.sh",
                "args": ["1", "2"],
                "argsTruncated": True,
                "argsRedacted": True,
                "cwd": "/tmp",
                "owner": 5,
                "uid": 6,
                "tty": "pts0",
                "entered": True,
            },
            ProcessEvent(
                **NOWHEN,
                executable=Executable(path="/bin/dash"),
                source=Executable(path="/bin/a"),
                script="/x.sh",
                args=("/bin/dash", "/x.sh", "1", "2"),
                args_truncated=True,
                args_redacted=True,
                cwd="/tmp",
                owner_uid=5,
                uid=6,
                tty="pts0",
                entered=True,
            ),
        ),
        (
            {"exec": "ng/path", "truncated": True},
            ProcessEvent(**NOWHEN, executable=Executable(path="ng/path", truncated=True), args=("ng/path",)),
        ),
        ({"read": "/"}, FileEvent(**NOWHEN, access="read", path="/")),
        (
            {"write": "/f", "by": "/bin/a", "uid": 1, "owner": 2, "tty": "pts1", "pid": 3},
            FileEvent(**acting(uid=1, tty="pts1", namespace_pid=3), access="write", path="/f", owner_uid=2),
        ),
        (
            {"rename": "/f", "new": "nd", "newTruncated": True},
            FileEvent(**NOWHEN, access="rename", path="/f", new_path="nd", new_truncated=True),
        ),
        (
            {"create": "/f", "uid": 7},
            FileEvent(**NOWHEN, uid=7, access="create", path="/f", owner_uid=7),
        ),
        (
            {"connect": "udp", "by": "/bin/a", "address": "192.0.2.1", "port": 53},
            NetworkEvent(
                **acting(), operation="connect", family=2, type=2, protocol=17, address="192.0.2.1", port=53
            ),
        ),
        (
            {"socket": {"family": "INET6", "type": "raw", "protocol": 58}},
            NetworkEvent(**NOWHEN, family=10, type=3, protocol=58),
        ),
        ({"dns": "a.example.", "record": "A"}, DnsEvent(**NOWHEN, name="a.example", record="A")),
        ({"capability": "net_raw", "by": "/bin/a"}, CapabilityEvent(**acting(), capability="net_raw")),
        (
            {"syscall": "unlink", "path": "f", "truncated": True},
            SyscallEvent(**NOWHEN, syscall="unlink", path="f", truncated=True),
        ),
        ({"syscall": "bpf"}, SyscallEvent(**NOWHEN, syscall="bpf")),
        ({"memory": "executable"}, MemoryEvent(**NOWHEN)),
    ],
)
def test_what_is_described_happens(description: dict[str, Any], event: Event) -> None:
    assert described.event(description) == event


@pytest.mark.parametrize("access", get_args(events.Access))
def test_every_access_is_a_verb(access: str) -> None:
    names = {"new": "/g"} if access in {"rename", "link", "symlink"} else {}
    event = described.event({access: "/f", **names})
    assert isinstance(event, FileEvent)
    assert (event.access, event.path, event.new_path) == (access, "/f", names.get("new", ""))


@pytest.mark.parametrize("operation", SOCKET_OPERATIONS)
def test_every_operation_on_a_socket_is_a_verb(operation: str) -> None:
    event = described.event({operation: "tcp"})
    assert isinstance(event, NetworkEvent)
    assert event.operation == operation


def test_the_operations_are_those_of_events() -> None:
    (field,) = [one for one in msgspec.structs.fields(NetworkEvent) if one.name == "operation"]
    assert get_args(field.type) == SOCKET_OPERATIONS


def test_a_socket_by_name_is_what_policies_call_by_that_name() -> None:
    assert set(NAMED) == set(KNOWN_TO_POLICIES) - {"all"}
    for name, socket in NAMED.items():
        assert name in protocols_of(*socket), name


def test_numbers_of_sockets_are_linuxs() -> None:
    assert {number: name for name, number in PROTOCOLS.items()} == IP_PROTOCOLS
    assert {number: (name,) for name, number in TYPES.items()} == {
        number: names[:1] for number, names in SOCKET_TYPES.items()
    }
    assert FAMILIES["inet"] == 2


def test_text_takes_the_form_of_events() -> None:
    event = described.event({"exec": "/a\\b", "from": "/c\\d", "args": ["\\x"]})
    assert isinstance(event, ProcessEvent)
    assert (event.executable.path, event.args) == ("/a\\\\b", ("/a\\\\b", "\\\\x"))
    assert event.source == Executable(path="/c\\\\d")


@pytest.mark.parametrize(
    ("description", "problems"),
    [
        ({}, [("", "missing-field")]),
        ({"exce": "/a"}, [("", "missing-field")]),
        ({"exec": "/a", "read": "/b"}, [("read", "one-of")]),
        ({"exec": None}, [("exec", "missing-value")]),
        ({"exec": "/a", "from": None}, [("from", "missing-value")]),
        ({"socket": None}, [("socket", "missing-value")]),
        ({"exec": 5}, [("exec", "wrong-type")]),
        ({"exec": "a"}, [("exec", "bad-path")]),
        ({"exec": ""}, [("exec", "bad-path")]),
        ({"exec": "/a/"}, [("exec", "bad-path")]),
        ({"exec": "/a//b"}, [("exec", "bad-path")]),
        ({"exec": "/a/../b"}, [("exec", "bad-path")]),
        ({"exec": "/a\0"}, [("exec", "bad-path")]),
        ({"exec": "/" + "a" * 4096}, [("exec", "bad-path")]),
        ({"exec": "/a", "from": "a", "arg": []}, [("from", "bad-path"), ("arg", "unknown-field")]),
        ({"exec": "/a", "by": "/b"}, [("by", "unknown-field")]),
        ({"read": "/a", "from": "/b"}, [("from", "unknown-field")]),
        ({"read": "/a", "uid": -1, "owner": True}, [("uid", "wrong-type"), ("owner", "wrong-type")]),
        ({"read": "/a", "new": "/b"}, [("new", "unknown-field")]),
        ({"rename": "/a"}, [("new", "missing-field")]),
        ({"rename": "/a", "new": "b", "truncated": True}, [("new", "bad-path")]),
        ({"socket": "all"}, [("socket", "bad-protocol")]),
        ({"socket": 6}, [("socket", "bad-protocol")]),
        ({"socket": {"family": 2}}, [("socket.type", "missing-field")]),
        (
            {"socket": {"family": "ient", "type": 2**32}},
            [("socket.family", "bad-protocol"), ("socket.type", "wrong-type")],
        ),
        ({"connect": "tcp", "port": 65536}, [("port", "wrong-type")]),
        ({"dns": "a b"}, [("dns", "bad-domain")]),
        ({"capability": "CAP_BPF"}, [("capability", "bad-capability")]),
        ({"capability": "bpf, chown"}, [("capability", "bad-capability")]),
        ({"syscall": "Unlink"}, [("syscall", "bad-syscall")]),
        ({"memory": "writable"}, [("memory", "wrong-type")]),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    description: dict[str, Any], problems: list[tuple[str, str]]
) -> None:
    assert codes(description) == problems


def test_what_would_be_right_is_told() -> None:
    with pytest.raises(DescriptionError, match="did you mean exec"):
        described.event({"exce": "/a"})
    with pytest.raises(DescriptionError, match="newTruncated: true says that its front is missing"):
        described.event({"rename": "/a", "new": "b"})
    with pytest.raises(DescriptionError, match="did you mean inet"):
        described.event({"socket": {"family": "ient", "type": 1}})


@pytest.mark.parametrize(
    ("description", "workload"),
    [
        ("host", Workload(id="node-1/host", node="node-1", kind="host", complete=True)),
        (
            {"host": "n", "labels": {"a": "b"}, "annotations": {"c": "d"}},
            Workload(
                id="n/host",
                node="n",
                kind="host",
                complete=True,
                labels={"a": "b"},
                annotations={"c": "d"},
            ),
        ),
        (
            {
                "namespace": "ns",
                "pod": "p",
                "container": "c",
                "image": "i",
                "node": "n",
                "labels": {"a": "b"},
                "annotations": {"c": "d"},
            },
            Workload(
                id="n/ns-p-c",
                node="n",
                kind="container",
                complete=True,
                namespace="ns",
                pod="p",
                container="c",
                image="i",
                labels={"a": "b"},
                annotations={"c": "d"},
            ),
        ),
        (
            {"namespace": "ns", "complete": False},
            Workload(id="node-1/ns-pod-", node="node-1", kind="container", namespace="ns", pod="pod"),
        ),
    ],
)
def test_workloads(description: Any, workload: Workload) -> None:
    assert described.workload(description) == workload


@pytest.mark.parametrize(
    ("description", "problem"),
    [
        ("hots", "a workload is the word host"),
        ({"pod": "p"}, "namespace: the field namespace is missing"),
        ({"namespace": "ns", "labels": {"a": 1}}, "labels.a: it has to be text"),
        ({"host": "n", "pod": "p"}, "pod: pod is not a field here"),
        ({"namespace": "ns", "pod": None}, "pod: it has no value"),
    ],
)
def test_workloads_that_cannot_be_used(description: Any, problem: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        described.workload(description)
    assert problem in str(caught.value)
