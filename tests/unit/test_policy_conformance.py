"""The worked examples, and the program that runs them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policy.documents import read_document
from policy.events import DnsEvent, FileEvent, JudgedEvent, NetworkEvent, ProcessEvent
from tests.conformance.__main__ import CASES, lines, main
from tests.conformance.case import Case, answer, differences
from tests.conformance.events import CaseError, Given, event_of

EXAMPLES = [msgspec.json.decode(line, type=Case) for _, line in lines(CASES)]


@pytest.mark.parametrize("case", EXAMPLES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    assert not differences(case, answer(case))


def test_answer_depends_on_neither_name_nor_expectation() -> None:
    for case in EXAMPLES:
        nameless = msgspec.structs.replace(case, id="", title="", expect={})
        assert answer(nameless) == answer(case)


def test_every_document_of_the_cases_is_valid() -> None:
    documents = [document for case in EXAMPLES for document in case.policies]
    problems = [str(p) for one in documents for p in read_document(msgspec.json.encode(one)).problems]
    assert len(documents) > 100
    assert not problems


def event(**given: Any) -> JudgedEvent:
    return event_of(msgspec.convert(given, Given))


def written(tmp_path: Path, cases: list[Any]) -> str:
    file = tmp_path / "cases.jsonl"
    file.write_text("\n\n".join(one if isinstance(one, str) else json.dumps(one) for one in cases))
    return str(file)


def raw() -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in lines(CASES)]


def test_runner_passes_over_its_own_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out == f"{len(EXAMPLES)} passed, 0 failed\n"


def test_runner_tells_what_differs_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right, wrong, refused, unknown, odd, *_ = raw()
    wrong["expect"]["allowed"] = not wrong["expect"]["allowed"]
    refused["policies"][0]["spec"]["recurive"] = True
    unknown["event"] = {"operation": "File", "processName": "/bin/cat", "resource": "/a", "access": "lick"}
    odd["workload"]["labels"] = ["app"]
    assert main([written(tmp_path, [right, wrong, refused, unknown, odd, "{", "{}"])]) == 1
    out = capsys.readouterr().out
    assert f"FAILED {wrong['id']}  {wrong['title']}\n    allowed: expected" in out
    assert "a policy was refused: " in out
    assert "access 'lick' is none of read, write" in out
    assert out.count("it is no case: ") == 3
    assert out.splitlines()[-1] == "1 passed, 6 failed"


def test_runner_says_that_a_file_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "numbers"),
    [
        ({"family": "AF_INET", "type": "SOCK_STREAM", "protocol": "TCP"}, (2, 1, 6)),
        ({"family": "inet6", "type": "raw", "protocol": "IPPROTO_ICMPV6"}, (10, 3, 58)),
        ({"family": 17, "type": 3, "protocol": 768}, (17, 3, 768)),
        ({"family": "af_packet", "type": "SOCK_PACKET", "protocol": "ETH_P_ALL"}, (17, 10, 3)),
        ({"family": "AF_LOCAL", "type": "SOCK_DGRAM|SOCK_CLOEXEC"}, (1, 2, 0)),
        ({"type": "SOCK_SEQPACKET", "protocol": "132"}, (2, 5, 132)),
        ({"family": "AF_NETLINK", "type": "sock_raw", "protocol": "NETLINK_AUDIT"}, (16, 3, 9)),
        ({"family": "AF_INET", "type": "SOCK_STREAM", "protocol": "unspecified"}, (2, 1, 0)),
        ({"family": "AF_INET", "type": "SOCK_STREAM", "protocol": None}, (2, 1, 0)),
    ],
)
def test_sockets_are_read_by_name_and_by_number(given: dict[str, Any], numbers: tuple[int, ...]) -> None:
    made = event(operation="network", processName="/bin/x", socket=given)
    assert isinstance(made, NetworkEvent)
    assert (made.family, made.type, made.protocol) == numbers


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"operation": "Capabilities", "capability": "CAP_NET_RAW"}, "capability", "net_raw"),
        ({"operation": "Capabilities", "capability": "sys_admin"}, "capability", "sys_admin"),
        ({"operation": "Syscall", "syscall": "SYS_UNLINKAT"}, "syscall", "unlinkat"),
        ({"operation": "Syscall", "syscall": "unlink", "resource": "/home/"}, "path", "/home"),
        ({"operation": "Syscall", "syscall": "unlink", "resource": "/"}, "path", "/"),
        ({"operation": "NETWORK", "dnsQuery": "google.com."}, "name", "google.com"),
    ],
)
def test_words_are_read_in_any_of_their_forms(given: dict[str, Any], field: str, value: str) -> None:
    made = event(**given, processName="/bin/x")
    assert getattr(made, field) == value
    assert not isinstance(made, ProcessEvent)
    assert made.actor is not None
    assert made.actor.path == "/bin/x"


@pytest.mark.parametrize(
    ("access", "owner", "uid"),
    [("read", None, 0), ("create", None, 7), ("MKDIR", None, 7), ("create", 0, 0), ("write", 3, 3)],
)
def test_owner_that_is_absent(access: str, owner: int | None, uid: int) -> None:
    given = {"operation": "File", "access": access, "resource": "/a", "uid": 7, "processName": "/bin/x"}
    made = event(**given, ownerUid=owner)
    assert isinstance(made, FileEvent)
    assert (made.access, made.owner_uid) == (access.lower(), uid)


def test_an_actor_that_is_absent() -> None:
    made = event(operation="Network", dnsQuery="a.test")
    assert isinstance(made, DnsEvent)
    assert made.actor is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"operation": "Dance"}, "operation 'Dance' is none of"),
        ({"operation": "Process"}, "no processName"),
        ({"operation": "File", "resource": "/a"}, "no access"),
        ({"operation": "File", "access": "read"}, "no resource"),
        ({"operation": "Network"}, "no socket"),
        ({"operation": "Network", "socket": {"family": "AF_INET"}}, "no type"),
        ({"operation": "Network", "socket": {"type": "SOCK_ODD"}}, "socket type 'SOCK_ODD'"),
        ({"operation": "Network", "socket": {"type": 1, "family": "AF_ODD"}}, "address family 'AF_ODD'"),
        ({"operation": "Network", "socket": {"type": 1, "protocol": "ODD"}}, "protocol 'ODD'"),
        ({"operation": "Capabilities"}, "no capability"),
        ({"operation": "Syscall"}, "no syscall"),
    ],
)
def test_what_the_format_does_not_have_is_an_error(given: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        event(**given)
