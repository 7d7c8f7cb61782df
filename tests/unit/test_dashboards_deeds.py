"""Every kind of event in ECS's words, besides the exec."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dashboards import documents
from policy.events import Access
from policy.verdict import Decision
from tests.fixtures.records import ACT_VERDICTS
from tests.fixtures.verdict_records import outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wire.records import VerdictRecord

# https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category, ECS 9.4
EXPECTED_TYPES = {
    "process": {"access", "change", "end", "info", "start"},
    "intrusion_detection": {"allowed", "denied", "info"},
    "file": {"access", "change", "creation", "deletion", "info"},
    "network": {"access", "allowed", "connection", "denied", "end", "info", "protocol", "start"},
    "api": {
        "access",
        "admin",
        "allowed",
        "change",
        "creation",
        "deletion",
        "denied",
        "end",
        "info",
        "start",
        "user",
    },
}


def of_verdict(record: VerdictRecord) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(documents.encode(documents.verdict_document(record)))
    return document


def of_act(kind: str, **changes: Any) -> dict[str, Any]:
    record = ACT_VERDICTS[kind]
    return of_verdict(replace(record, event=replace(record.event, **changes)))


# https://www.elastic.co/docs/reference/ecs/ecs-allowed-values-event-category, ECS 9.4
@pytest.mark.parametrize(
    ("kind", "category", "types", "action"),
    [
        ("file", "file", ["change", "allowed"], "rename"),
        ("network", "network", ["connection", "start", "allowed"], "connect"),
        ("dns", "network", ["protocol", "allowed"], "dns-query"),
        ("capability", "process", ["info", "allowed"], "capability"),
        ("syscall", "api", ["info", "allowed"], "syscall"),
        ("memory", "process", ["change", "allowed"], "execute-anonymous-memory"),
    ],
)
def test_every_kind_has_its_category_type_and_action(
    kind: str, category: str, types: list[str], action: str
) -> None:
    document = of_act(kind)
    assert document["event"]["category"] == [category, "intrusion_detection"]
    assert document["event"]["type"] == types
    assert document["event"]["action"] == action
    assert document["lictor"]["kind"] == kind


@pytest.mark.parametrize("kind", ACT_VERDICTS)
def test_every_kind_names_the_process_that_acted(kind: str) -> None:
    document = of_act(kind)
    process = document["process"]
    assert (process["executable"], process["name"], process["pid"]) == ("/usr/bin/bash", "bash", 4242)
    assert process["parent"]["executable"] == "/usr/bin/dash"
    assert process["user"] == {"id": "33"}
    assert document["lictor"]["process"]["tty"] == "pts0"
    assert "args_count" not in process
    assert "exec" not in document["lictor"]
    unknown = of_act(kind, actor=None)["process"]
    assert "executable" not in unknown
    assert unknown["pid"] == 4242


def test_a_file_with_its_owner_and_mode() -> None:
    document = of_act("file")
    assert document["file"] == {
        "path": "/var/www/html/shell.php",
        "name": "shell.php",
        "type": "file",
        "uid": "33",
        "mode": "0644",
    }
    assert document["lictor"]["file"] == {"new_path": "/tmp/\\xff"}
    assert "mode" not in of_act("file", mode=0)["file"]


@pytest.mark.parametrize(
    ("access", "expected"),
    [("read", "access"), ("write", "change"), ("mkdir", "creation"), ("unlink", "deletion")],
)
def test_what_is_done_to_a_file(access: str, expected: str) -> None:
    event = of_act("file", access=access)["event"]
    assert event["type"] == [expected, "allowed"]
    assert event["action"] == access


def test_a_connection_goes_to_its_destination() -> None:
    document = of_act("network")
    assert document["network"] == {
        "type": "ipv4",
        "transport": "tcp",
        "iana_number": "6",
        "direction": "egress",
    }
    assert document["destination"] == {"address": "203.0.113.7", "ip": "203.0.113.7", "port": 4444}
    assert "source" not in document
    assert document["lictor"]["socket"] == {"family": "AF_INET", "type": "SOCK_STREAM"}


def test_who_connects_is_the_source_and_so_is_the_own_address() -> None:
    accepted = of_act("network", operation="accept", address="2001:db8::1", family=10)
    assert accepted["source"] == {"address": "2001:db8::1", "ip": "2001:db8::1", "port": 4444}
    assert accepted["network"]["direction"] == "ingress"
    bound = of_act("network", operation="bind")
    assert bound["source"]["port"] == 4444
    assert "destination" not in bound
    assert "direction" not in bound["network"]


@pytest.mark.parametrize(
    ("address", "ip"),
    [("/run/app.sock", None), ("fe80::1%eth0", "fe80::1"), ("1.2.3.4.5", None), ("", None)],
)
def test_only_an_ip_address_is_called_one(address: str, ip: str | None) -> None:
    destination = of_act("network", address=address).get("destination", {})
    assert destination.get("ip") == ip
    assert destination.get("address", "") == address


def test_a_socket_that_speaks_no_ip_claims_no_protocol() -> None:
    network = of_act("network", family=1, address="/run/app.sock", port=0)["network"]
    assert network == {"direction": "egress"}


def test_a_question_for_a_name() -> None:
    document = of_act("dns")
    assert document["dns"] == {"type": "query", "question": {"name": "evil.example", "type": "AAAA"}}
    assert document["network"]["protocol"] == "dns"


def test_capabilities_and_system_calls() -> None:
    assert of_act("capability")["lictor"]["capability"] == "net_raw"
    called = of_act("syscall", truncated=True)
    assert called["lictor"]["syscall"] == "unlink"
    assert called["file"] == {"path": "/etc/passwd", "name": "passwd"}
    assert called["lictor"]["file"] == {"path_truncated": True}
    assert "file" not in of_act("syscall", path="")


@pytest.mark.parametrize(("result", "outcome"), [(0, "success"), (3, "success"), (-13, "failure")])
def test_what_the_kernel_refused_did_not_succeed(result: int, outcome: str) -> None:
    document = of_act("file", result=result)
    assert document["event"]["outcome"] == outcome
    assert document["lictor"]["result"] == result


def test_a_connection_that_is_under_way_was_not_refused() -> None:
    assert of_act("network")["event"]["outcome"] == "success"


def test_nobody_carries_out_the_denial_of_an_act_so_that_it_was_done() -> None:
    record = ACT_VERDICTS["file"]
    denied = replace(record, verdict=replace(record.verdict, decision="block"), enforcement="terminate")
    assert of_verdict(denied)["event"]["outcome"] == "success"
    assert of_verdict(denied)["event"]["type"] == ["change", "denied"]


@given(
    kind=st.sampled_from(sorted(ACT_VERDICTS)),
    number=st.integers(),
    text=st.text(),
    family=st.sampled_from([1, 2, 10, 17]) | st.integers(),
)
def test_whatever_an_event_holds_it_becomes_a_document(
    kind: str, number: int, text: str, family: int
) -> None:
    fields = ACT_VERDICTS[kind].event.__struct_fields__
    numbers = {"mode", "flags", "owner_uid", "result", "type", "protocol", "port", "uid", "cgroup_id"}
    texts = {"path", "new_path", "address", "name", "record", "capability", "syscall", "tty"}
    changes = dict.fromkeys(numbers & set(fields), number) | dict.fromkeys(texts & set(fields), text)
    document = of_act(kind, **changes, **({"family": family} if "family" in fields else {}))
    assert document["lictor"]["result"] == number
    assert document["lictor"]["kind"] == kind


def every_document() -> Iterator[dict[str, Any]]:
    for record in ACT_VERDICTS.values():
        became = documents.outcome_document(outcome(record, "unsupported"))
        yield json.loads(documents.encode(became))
        for decision in get_args(Decision):
            yield of_verdict(replace(record, verdict=replace(record.verdict, decision=decision)))
    for access in get_args(Access):
        yield of_act("file", access=access)
    for operation in ("socket", "connect", "bind", "listen", "accept", "send"):
        yield of_act("network", operation=operation)


def test_every_type_is_one_that_ecs_expects_of_a_category() -> None:
    for document in every_document():
        event = document["event"]
        for category in event["category"]:
            assert EXPECTED_TYPES[category] & set(event["type"]), event
        for type_ in event["type"]:
            assert any(type_ in EXPECTED_TYPES[category] for category in event["category"]), event
