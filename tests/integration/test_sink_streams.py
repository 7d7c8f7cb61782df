"""Health and events beside verdicts: each in a data stream of its own, on the real servers."""

from __future__ import annotations

import pytest
from elasticsearch import AsyncElasticsearch, NotFoundError
from msgspec.structs import replace

from dashboards import search
from dashboards.event_documents import EVENTS_STREAM, event_document_id
from dashboards.health_documents import health_documents
from dashboards.health_fields import HEALTH_STREAM
from tests.fixtures.records import ACT_VERDICTS, EXIT
from tests.fixtures.sinks import Desk
from wire.codec import read_batch
from wire.records import NamespaceStanding, ServiceHealth


@pytest.fixture
def desk(kafka_broker: str, elasticsearch_url: str) -> Desk:
    return Desk(kafka_broker, elasticsearch_url, store_events=True)


def health(desk: Desk) -> ServiceHealth:
    until = desk.record().event.time_ns
    standing = NamespaceStanding(
        namespace="dvwa",
        file="block",
        network="audit",
        capabilities="audit",
        enforcement="terminate",
        workloads=2,
        allow_listed=1,
        judged=100,
        denied=3,
        alerted=4,
    )
    return ServiceHealth(
        service="streams",
        node="node-1",
        instance="judge-0",
        incarnation=desk.incarnation,
        from_ns=until - 10_000_000_000,
        until_ns=until,
        counts={"judged": 100, "denied": 3, "alerted": 4},
        lag={desk.topics.events.name: 12},
        namespaces=(standing, replace(standing, namespace="")),
    )


def test_record_of_health_gives_several_documents_once(desk: Desk) -> None:
    record = health(desk)
    with desk.sink():
        desk.publish_health(record)
        desk.publish_health(record)
        desk.wait_until_done()
    ids = [identifier for identifier, _ in health_documents(record)]

    async def ask(client: AsyncElasticsearch) -> tuple[dict[str, int], list[dict[str, object]]]:
        await search.refresh(client, HEALTH_STREAM)
        found = await search.find(client, ids, HEALTH_STREAM)
        return await search.count(client, ids, HEALTH_STREAM), [found[one]["lictor"] for one in ids]

    counts, stored = desk.ask(ask)
    assert counts == dict.fromkeys(ids, 1)
    assert [one["document"] for one in stored] == ["health", "standing", "standing"]
    assert stored[0]["health"]["lags"] == {desk.topics.events.name: 12}


def test_every_kind_of_event_is_stored_and_found(desk: Desk) -> None:
    acts = [record.event for record in ACT_VERDICTS.values()]
    (batch,) = desk.batches(range(1), events=3)
    now = batch.events[0].time_ns
    others = (replace(act, time_ns=now, sequence=100 + n) for n, act in enumerate((*acts, EXIT)))
    events = (*batch.events, *others)
    batch = replace(batch, events=events)
    with desk.sink():
        desk.publish_batches([batch])
        desk.wait_until_done()
    assert desk.event_counts([batch]) == {1: len(events)}


def test_refused_event_is_put_aside_as_a_batch_that_can_be_sent_again(desk: Desk) -> None:
    good, bad = desk.batches(range(2), events=10)
    impossible = replace(bad.events[4], time_ns=-1)
    # Elasticsearch's `long` is what a pid has to fit into; the record's JSON has no such bound.
    unfit = replace(bad.events[7], pid=2**63)
    events = (*bad.events[:4], impossible, *bad.events[5:7], unfit, *bad.events[8:])
    bad = replace(bad, events=events)
    with desk.sink():
        desk.publish_batches([good, bad])
        desk.publish_raw(b"{}", topic=desk.topics.events)
        desk.wait_until_done()
    letters = {letter.reason: letter for letter in desk.dead_letters(3)}
    assert letters.keys() == {"no-document", "elasticsearch-rejected", "not-this-type"}
    assert all(letter.topic == desk.topics.events.name for letter in letters.values())
    for reason, one in (("no-document", impossible), ("elasticsearch-rejected", unfit)):
        assert read_batch(letters[reason].value) == replace(bad, events=(one,))
    assert letters["not-this-type"].value == b"{}"
    stored = replace(bad, events=tuple(one for one in events if one not in (impossible, unfit)))
    assert desk.event_counts([good, stored]) == {1: 18}


def test_events_are_not_read_unless_they_are_asked_for(kafka_broker: str, elasticsearch_url: str) -> None:
    desk = Desk(kafka_broker, elasticsearch_url)
    batches = desk.batches(range(2))
    desk.publish_batches(batches)
    desk.publish(desk.record())
    with desk.sink():
        desk.wait_until_done()
    assert not any(topic == desk.topics.events.name for topic, _ in desk.committed())

    async def ask(client: AsyncElasticsearch) -> int:
        ids = [event_document_id(batch.source, one) for batch in batches for one in batch.events]
        try:
            await search.refresh(client, EVENTS_STREAM)
        except NotFoundError:
            return 0
        return sum((await search.count(client, ids, EVENTS_STREAM)).values())

    assert desk.ask(ask) == 0
