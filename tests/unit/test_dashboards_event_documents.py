"""What people read of an event that nobody judged, in ECS's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from dashboards import documents
from dashboards.conversion import NO_DOCUMENT, conversions, convert
from dashboards.documents import DocumentError
from dashboards.event_documents import EVENTS_STREAM, event_document, event_document_id
from dashboards.progress import PartitionProgress
from dashboards.source import Received
from policy.workload import HOST, Workload
from tests.fixtures.records import ACT_VERDICTS, EVENT, EXIT, SOURCE, WORKLOAD
from tests.unit.test_dashboards_deeds import EXPECTED_TYPES
from wire.codec import encode
from wire.records import EventBatch, event_id
from wire.topics import Topics

if TYPE_CHECKING:
    from policy.events import AnyEvent

EVERY = {"process": EVENT, "exit": EXIT} | {kind: record.event for kind, record in ACT_VERDICTS.items()}
TOPICS = Topics()
PROGRESS = PartitionProgress(TOPICS.events.name, 0)


def said(event: AnyEvent, workload: Workload = WORKLOAD) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(documents.encode(event_document(SOURCE, workload, event)))
    return document


def received(value: bytes | None, offset: int = 7) -> list[Received]:
    return [Received(progress=PROGRESS, offset=offset, key=b"k", value=value)]


def batch(*events: AnyEvent) -> bytes:
    return encode(EventBatch(source=SOURCE, workload=WORKLOAD, events=events))


@pytest.mark.parametrize("kind", EVERY)
def test_every_kind_is_an_event_of_its_stream(kind: str) -> None:
    document = said(EVERY[kind])
    event, stream = document["event"], document["data_stream"]
    assert event["kind"] == "event"
    assert event["id"] == event_id(SOURCE, EVERY[kind])
    assert event["id"] == event_document_id(SOURCE, EVERY[kind])
    assert document["lictor"]["kind"] == kind
    assert document["lictor"]["document"] == "event"
    assert f"{stream['type']}-{stream['dataset']}-{stream['namespace']}" == EVENTS_STREAM
    assert event["dataset"] == stream["dataset"]
    (category,) = event["category"]
    assert set(event["type"]) <= EXPECTED_TYPES[category]


@pytest.mark.parametrize("kind", ACT_VERDICTS)
def test_what_a_verdict_says_of_the_event_the_event_says_alike(kind: str) -> None:
    record = ACT_VERDICTS[kind]
    verdict = json.loads(documents.encode(documents.verdict_document(record)))
    document = json.loads(documents.encode(event_document(record.source, record.workload, record.event)))
    alike = verdict.keys() - {"message", "tags", "data_stream", "event", "rule", "lictor"}
    assert alike == document.keys() - {"message", "data_stream", "event", "lictor"}
    assert {name: verdict[name] for name in alike} == {name: document[name] for name in alike}
    own = document["lictor"]
    for name in own.keys() - {"document"}:
        assert own[name] == verdict["lictor"][name], name
    for name in ("id", "action", "sequence", "module"):
        assert document["event"][name] == verdict["event"][name]
    assert document["event"]["type"] == verdict["event"]["type"][:-1]


def test_exec_with_its_source_and_arguments() -> None:
    document = said(EVENT)
    assert document["message"] == "/usr/bin/dash exec /usr/bin/bash"
    assert document["event"]["type"] == ["start"]
    assert document["event"]["outcome"] == "success"
    assert document["process"]["args_count"] == 5
    assert document["process"]["parent"]["executable"] == "/usr/bin/dash"
    assert document["lictor"]["exec"]["source"] == {"executable": "/usr/bin/dash", "name": "dash"}
    assert "rule" not in document
    assert "decision" not in document["lictor"]
    assert "recorded" not in document["lictor"]


def test_end_by_a_signal_has_no_exit_code_of_its_own() -> None:
    document = said(EXIT)
    assert document["message"] == "/usr/bin/bash ended: signal 9"
    assert document["event"]["type"] == ["end"]
    assert "outcome" not in document["event"]
    assert document["process"]["end"] == document["@timestamp"]
    assert document["process"]["entity_id"] == said(EVENT)["process"]["entity_id"]
    assert "exit_code" not in document["process"]
    assert document["lictor"]["exit"] == {"signal": 9}
    assert "user" not in document


def test_end_by_itself_has_its_exit_code() -> None:
    document = said(replace(EXIT, signal=0, exit_code=3))
    assert document["message"] == "/usr/bin/bash ended: code 3"
    assert document["process"]["exit_code"] == 3
    assert "exit" not in document["lictor"]
    unknown = said(replace(EXIT, executable=None))
    assert unknown["message"].startswith("a program ended")
    assert "executable" not in unknown["process"]


def test_what_the_kernel_refused_failed() -> None:
    assert said(replace(EVERY["file"], result=-13))["event"]["outcome"] == "failure"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("file", "/usr/bin/bash rename "),
        ("dns", "/usr/bin/bash dns-query "),
        ("syscall", "/usr/bin/bash syscall unlink "),
        ("capability", "/usr/bin/bash capability "),
        ("memory", "/usr/bin/bash execute-anonymous-memory"),
    ],
)
def test_message_says_who_did_what(kind: str, message: str) -> None:
    assert said(EVERY[kind])["message"].startswith(message)


def test_host_has_no_container() -> None:
    document = said(EXIT, Workload(id=f"node-1/{HOST}", node="node-1", kind="host", complete=True))
    assert "container" not in document
    assert "orchestrator" not in document


def test_time_that_elasticsearch_cannot_hold_is_refused() -> None:
    for event in (EVENT, EXIT):
        with pytest.raises(DocumentError):
            event_document(SOURCE, WORKLOAD, replace(event, time_ns=-1))


def test_events_are_left_alone_unless_they_are_asked_for() -> None:
    assert TOPICS.events.name not in conversions(TOPICS, store_events=False)
    assert TOPICS.events.name in conversions(TOPICS, store_events=True)


def test_batch_becomes_a_document_an_event_and_the_impossible_one_is_put_aside() -> None:
    events = (EVENT, replace(EXIT, time_ns=-1), replace(EXIT, sequence=44))
    converted = convert(received(batch(*events)), conversions(TOPICS, store_events=True))
    entries = converted.entries[EVENTS_STREAM]
    assert [entry.id for entry in entries] == [event_id(SOURCE, events[0]), event_id(SOURCE, events[2])]
    assert [entry.part for entry in entries] == [0, 2]
    (rejection,) = converted.rejections
    assert (rejection.code, rejection.part) == (NO_DOCUMENT, 1)


def test_unreadable_batch_is_put_aside_whole() -> None:
    converted = convert(received(b"{}"), conversions(TOPICS, store_events=True))
    assert converted.entries == {}
    (rejection,) = converted.rejections
    assert (rejection.code, rejection.part, rejection.origin.value) == ("not-this-type", None, b"{}")


@pytest.mark.parametrize(("offset", "suspect"), [(6, True), (7, False)])
def test_what_an_earlier_owner_may_have_sent_is_suspect(offset: int, suspect: bool) -> None:
    progress = PartitionProgress(TOPICS.events.name, 0, suspect_until=7)
    record = Received(progress=progress, offset=offset, key=None, value=batch(EVENT, EXIT))
    entries = convert([record], conversions(TOPICS, store_events=True)).entries[EVENTS_STREAM]
    assert [entry.suspect for entry in entries] == [suspect, suspect]
