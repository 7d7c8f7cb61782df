"""Verdicts and outcomes from Kafka, found in a real Elasticsearch by the fields that people search."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from elasticsearch import BadRequestError

from dashboards import documents, search
from tests.fixtures.records import ACTS
from tests.fixtures.sinks import Desk
from tests.fixtures.verdict_records import AUDITED_BY_RULE, RUN_NS, outcome, verdict_record
from wire.codec import encode
from wire.records import kind_of

if TYPE_CHECKING:
    from elasticsearch import AsyncElasticsearch


@pytest.fixture
def desk(kafka_broker: str, elasticsearch_url: str) -> Desk:
    return Desk(kafka_broker, elasticsearch_url)


def test_found_by_the_fields_that_people_search(desk: Desk) -> None:
    denied, audited = desk.record(1), desk.record(2, verdict=AUDITED_BY_RULE)
    desk.publish(denied, audited, outcome(denied))
    with desk.sink():
        desk.wait_until_done()
    searches: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({"term": {"event.kind": "alert"}}, [("verdict", denied.id), ("verdict", audited.id)]),
        ({"term": {"event.type": "denied"}}, [("outcome", denied.id), ("verdict", denied.id)]),
        ({"term": {"rule.name": "watch-shells"}}, [("verdict", audited.id)]),
        ({"term": {"tags": "T1059.004"}}, [("verdict", audited.id)]),
        ({"range": {"event.severity": {"gte": 7}}}, [("verdict", audited.id)]),
        ({"term": {"lictor.outcome.result": "terminated"}}, [("outcome", denied.id)]),
        ({"range": {"lictor.outcome.exec_to_kill_ms": {"lt": 6.3}}}, [("outcome", denied.id)]),
        ({"term": {"lictor.posture.mode": "block"}}, [("outcome", denied.id), ("verdict", denied.id)]),
    ]
    everywhere = [
        {"term": {"labels.app": "dvwa-web"}},
        {"term": {"orchestrator.namespace": "dvwa"}},
        {"term": {"process.parent.name": "dash"}},
        {"term": {"lictor.process.ancestors.executable": "/usr/sbin/apache2"}},
        {"match_phrase": {"process.command_line.text": "uname -a"}},
        {"term": {"process.args": "id; uname -a"}},
        {"term": {"host.name": "node-1"}},
    ]
    everything = [("outcome", denied.id), ("verdict", denied.id), ("verdict", audited.id)]
    for query, expected in [*searches, *((query, everything) for query in everywhere)]:
        hits = [(hit["lictor"]["document"], hit["lictor"]["verdict"]["id"]) for hit in desk.found(query)]
        assert sorted(hits) == sorted(expected), query
    (found,) = desk.found({"term": {"lictor.document": "outcome"}})
    assert found == msgspec.json.decode(documents.encode(documents.outcome_document(outcome(denied))))


def test_every_kind_of_event_is_stored_and_found(desk: Desk) -> None:
    named = {
        kind_of(act): desk.record(number, event=msgspec.structs.replace(act, time_ns=RUN_NS))
        for number, act in enumerate(ACTS)
    }
    desk.publish(*named.values(), *(outcome(record, "unsupported") for record in named.values()))
    with desk.sink():
        desk.wait_until_done()
    searches: dict[str, list[dict[str, Any]]] = {
        "file": [
            {"term": {"file.path": "/var/www/html/shell.php"}},
            {"term": {"file.mode": "0644"}},
            {"term": {"lictor.file.new_path": "/tmp/\\xff"}},
        ],
        "network": [
            {"term": {"destination.ip": "203.0.113.0/24"}},
            {"range": {"destination.port": {"gte": 4444}}},
            {"term": {"network.transport": "tcp"}},
            {"term": {"lictor.socket.family": "AF_INET"}},
        ],
        "dns": [{"term": {"dns.question.name": "evil.example"}}, {"term": {"network.protocol": "dns"}}],
        "capability": [
            {"term": {"lictor.capability": "net_raw"}},
            {"bool": {"filter": [{"term": {"lictor.result": -1}}, {"term": {"event.action": "capability"}}]}},
        ],
        "syscall": [{"term": {"lictor.syscall": "unlink"}}, {"term": {"event.category": "api"}}],
        "memory": [{"term": {"lictor.kind": "memory"}}],
    }
    assert searches.keys() == named.keys()
    for kind, queries in searches.items():
        for query in queries:
            verdicts = [hit for hit in desk.found(query) if hit["lictor"]["document"] == "verdict"]
            assert [hit["lictor"]["verdict"]["id"] for hit in verdicts] == [named[kind].id], query
    assert len(desk.found({"term": {"lictor.outcome.result": "unsupported"}})) == len(ACTS)


def test_demo_finds_documents_and_people_find_them_by_the_words_it_prints(desk: Desk) -> None:
    record = desk.record(1)
    desk.publish(record, outcome(record))
    with desk.sink():
        desk.wait_until_done()
    wanted = [record.id, f"{record.id}/outcome", f"{record.id}/never"]

    async def ask(client: AsyncElasticsearch) -> tuple[dict[str, Any], dict[str, int]]:
        await search.refresh(client)
        return await search.find(client, wanted), await search.count(client, wanted)

    found, counts = desk.ask(ask)
    assert found.keys() == set(wanted[:2])
    assert found[record.id]["process"]["executable"] == "/usr/bin/bash"
    assert counts == {wanted[0]: 1, wanted[1]: 1, wanted[2]: 0}
    printed = subprocess.run(
        shlex.split(search.curl(desk.url, record.id)), check=True, capture_output=True, timeout=60
    )
    hits = msgspec.json.decode(printed.stdout)["hits"]["hits"]
    assert {hit["_id"] for hit in hits} == set(wanted[:2])


def test_field_that_nobody_thought_of_is_refused(desk: Desk) -> None:
    with desk.sink():
        pass
    document = msgspec.json.decode(documents.encode(documents.verdict_document(desk.record(1))))

    async def store(client: AsyncElasticsearch) -> None:
        await client.create(
            index=documents.VERDICTS_STREAM, id=desk.record(1).id, document={**document, "surprise": 1}
        )

    with pytest.raises(BadRequestError, match="strict_dynamic_mapping_exception"):
        desk.ask(store)


def test_oversized_and_hostile_arguments_are_stored_whole_and_found(desk: Desk) -> None:
    hostile = ("\x1b[31mred\x1b[0m", "line\nbreak", "nul\0byte", "\u202egnp.exe", '{"create":{}}', "\\x00\\")
    huge = "needle " + "x" * 40_000 + " haystack"
    record = desk.record(
        1,
        event_changes={"args": ("/bin/bash", huge, *hostile), "cwd": "/" + "d" * 4095},
        workload_changes={"labels": {"l" * 40_000: "v" * 40_000, "a\0b": "c\0d", "": "empty"}},
    )
    long_name = verdict_record(2, incarnation=desk.incarnation, node="n" * 600)
    desk.publish(record, long_name)
    with desk.sink():
        desk.wait_until_done()
    (found,) = desk.found({"match_phrase": {"process.command_line.text": "haystack"}})
    assert tuple(found["process"]["args"]) == record.event.args
    for arg in hostile:
        assert len(desk.found({"term": {"process.args": arg}})) == 1, arg
    assert len(desk.found({"term": {"process.working_directory": record.event.cwd}})) == 1
    assert len(desk.found({"term": {"labels": "empty"}})) == 1
    assert desk.counts([record, long_name]) == {1: 2}


def test_record_that_cannot_be_stored_is_put_aside_and_the_rest_goes_on(desk: Desk) -> None:
    good = desk.records(range(40))
    beyond_long = desk.record(100, event_changes={"pid": 2**63})
    before_1970 = desk.record(101, event_changes={"time_ns": -1})
    unreadable = [b"not json", encode(desk.record(102)).replace(b'"schema":1', b'"schema":9'), b"[]", None]
    desk.publish(*good[:20])
    desk.publish(beyond_long, before_1970)
    for value in unreadable:
        desk.publish_raw(value)
    desk.publish(*good[20:])
    with desk.sink():
        desk.wait_until_done()
    letters = desk.dead_letters(6)
    assert sorted(letter.reason for letter in letters) == [
        "elasticsearch-rejected",
        "no-document",
        "not-json",
        "not-json",
        "not-this-type",
        "unknown-schema",
    ]
    by_reason = {letter.reason: letter for letter in letters}
    rejected = by_reason["elasticsearch-rejected"]
    assert rejected.value == encode(beyond_long)
    assert "process.pid" in rejected.sentence
    assert rejected.topic == desk.topics.verdicts.name
    assert by_reason["no-document"].value == encode(before_1970)
    assert {letter.value for letter in letters} >= {b"not json", b"[]", b""}
    assert desk.counts(good) == {1: len(good)}


def test_the_same_record_twice_is_one_document(desk: Desk) -> None:
    record = desk.record(1)
    desk.publish(record, outcome(record), record, outcome(record))
    with desk.sink():
        desk.wait_until_done()
    assert desk.counts([record, outcome(record)]) == {1: 2}
