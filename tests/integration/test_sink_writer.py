"""The writer against a real Elasticsearch: what is refused, what is waited out, what is looked up."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from elasticsearch import AsyncElasticsearch

from dashboards import documents, metrics, template
from dashboards.backoff import Backoff
from dashboards.bulk import Entry, Origin
from dashboards.documents import VERDICTS_STREAM
from dashboards.elastic import Elastic
from dashboards.install import install_all
from dashboards.progress import PartitionProgress
from dashboards.search import count, refresh
from dashboards.writer import Writer
from tests.fixtures.verdict_records import verdict_record

T = TypeVar("T")

QUICK = Backoff(first=0.01, longest=0.1)


def entries(number: int, *, suspect: bool = False) -> list[Entry]:
    incarnation = uuid.uuid4().hex[:16]
    progress = PartitionProgress("verdicts", 0)
    records = [verdict_record(sequence, incarnation=incarnation) for sequence in range(number)]
    return [
        Entry(
            id=record.id,
            document=documents.encode(documents.verdict_document(record)),
            origin=Origin(progress=progress, offset=record.event.sequence, key=None, value=b"{}"),
            suspect=suspect,
        )
        for record in records
    ]


def ask(url: str, question: Callable[[AsyncElasticsearch], Awaitable[T]]) -> T:
    async def run() -> T:
        client = Elastic(url=url).client()
        try:
            await install_all(client)
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(run())


async def stored(client: AsyncElasticsearch, wanted: list[Entry]) -> list[int]:
    await refresh(client)
    return list((await count(client, [entry.id for entry in wanted])).values())


def test_document_that_spoils_the_whole_request_is_found_and_the_rest_is_stored(
    elasticsearch_url: str,
) -> None:
    async def question(client: AsyncElasticsearch) -> None:
        good = entries(30)
        # Elasticsearch refuses a whole request for one id that is too long, before it looks at the others.
        spoiler = Entry(id="x" * 600, document=good[0].document, origin=good[0].origin)
        writer = Writer(client, VERDICTS_STREAM, QUICK)
        (rejection,) = await writer.write([*good[:17], spoiler, *good[17:]])
        assert rejection.origin is spoiler.origin
        assert rejection.code == "elasticsearch-rejected"
        assert "too long" in rejection.sentence
        assert await stored(client, good) == [1] * 30

    ask(elasticsearch_url, question)


def test_missing_stream_is_waited_out_since_the_documents_are_fine(elasticsearch_url: str) -> None:
    async def question(client: AsyncElasticsearch) -> None:
        name = f"not-yet-{uuid.uuid4().hex}"
        wanted = entries(3)
        writing = asyncio.create_task(Writer(client, name, QUICK).write(wanted))
        await asyncio.sleep(1)
        assert not writing.done()
        await client.indices.put_index_template(
            name=name,
            index_patterns=[name],
            data_stream={},
            priority=600,
            template={"mappings": template.load().mappings},
        )
        async with asyncio.timeout(60):
            assert await writing == []
        await client.indices.refresh(index=name)
        assert (await client.count(index=name))["count"] == 3

    ask(elasticsearch_url, question)


@pytest.mark.parametrize("suspect", [False, True])
def test_only_a_look_up_sees_what_stands_in_an_older_index(elasticsearch_url: str, suspect: bool) -> None:
    async def question(client: AsyncElasticsearch) -> None:
        writer = Writer(client, VERDICTS_STREAM, QUICK)
        wanted = entries(50, suspect=suspect)
        assert await writer.write(wanted[:30]) == []
        await client.indices.rollover(alias=VERDICTS_STREAM)
        looked_up = metrics.lookups._value.get()
        assert await writer.write(wanted) == []
        assert metrics.lookups._value.get() - looked_up == (50 if suspect else 0)
        # Without the look-up a repeat after a rollover is stored again: that is why it is made.
        assert await stored(client, wanted) == [1 if suspect else 2] * 30 + [1] * 20

    ask(elasticsearch_url, question)
