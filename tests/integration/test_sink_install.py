"""The template is installed once, and follows the release; on a real Elasticsearch of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest

from dashboards import documents, template
from dashboards.elastic import Elastic
from dashboards.install import Done, Installed, InstallError, install_all
from dashboards.template import STREAMS, VERDICTS
from tests.fixtures.runtime import running
from tests.fixtures.verdict_records import verdict_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elasticsearch import AsyncElasticsearch

T = TypeVar("T")
Edit = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(elasticsearch=True) as servers:
        assert servers.url is not None
        yield servers.url


def ask(url: str, question: Callable[[AsyncElasticsearch], Awaitable[T]]) -> T:
    async def run() -> T:
        client = Elastic(url=url).client()
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(run())


async def install(client: AsyncElasticsearch) -> Installed:
    """All templates; what was done about the verdicts'."""
    done = await install_all(client)
    assert [one.of for one in done] == list(STREAMS)
    return done[0]


def did(template: Done, stream: Done) -> Installed:
    return Installed(of=VERDICTS, version=VERDICTS.version, template=template, stream=stream)


async def store(client: AsyncElasticsearch, sequence: int) -> None:
    record = verdict_record(sequence, incarnation="1" * 16)
    document = msgspec.json.decode(documents.encode(documents.verdict_document(record)))
    await client.create(index=documents.VERDICTS_STREAM, id=record.id, document=document)


def another_release(url: str, version: int, edit: Edit) -> None:
    """Leave the template and a newest index as another release would have made them."""

    async def question(client: AsyncElasticsearch) -> None:
        await install(client)
        if not await client.indices.exists(index=documents.VERDICTS_STREAM):
            await store(client, 0)
        body = template.load().body
        meta = {"version": version, "digest": "another"}
        body["_meta"] = body["template"]["mappings"]["_meta"] = meta
        edit(body["template"]["mappings"]["properties"])
        await client.indices.put_index_template(name=VERDICTS.template, **body)
        await client.indices.rollover(alias=documents.VERDICTS_STREAM)

    ask(url, question)


def back_to_this_release(url: str) -> None:
    ask(url, lambda client: client.indices.put_index_template(name=VERDICTS.template, **template.load().body))


def had_no_terminal(properties: dict[str, Any]) -> None:
    del properties["lictor"]["properties"]["process"]["properties"]["tty"]


def had_pids_as_words(properties: dict[str, Any]) -> None:
    properties["process"]["properties"]["pid"] = {"type": "keyword", "ignore_above": 64}


def was_the_same(_: dict[str, Any]) -> None:
    pass


def test_first_time_creates_and_the_second_changes_nothing(url: str) -> None:
    first, second = ask(url, install), ask(url, install)
    assert first == did("created", "absent")
    assert second == did("unchanged", "absent")
    ask(url, lambda client: store(client, 1))
    assert ask(url, install) == did("unchanged", "unchanged")
    assert str(first) == (
        "index template logs-lictor.verdicts version 1: created; "
        "data stream logs-lictor.verdicts-default: absent"
    )


def test_new_field_reaches_the_index_that_is_written_to(url: str) -> None:
    another_release(url, 0, had_no_terminal)
    assert ask(url, install) == did("updated", "updated")
    ask(url, lambda client: store(client, 2))
    assert ask(url, install) == did("unchanged", "unchanged")


def test_change_that_the_index_cannot_take_rolls_the_stream_over(url: str) -> None:
    another_release(url, 0, had_pids_as_words)
    assert ask(url, install) == did("updated", "rolled over")
    ask(url, lambda client: store(client, 3))
    assert ask(url, install) == did("unchanged", "unchanged")


def test_newer_releases_template_stays(url: str) -> None:
    another_release(url, 99, was_the_same)
    try:
        with pytest.raises(InstallError, match="version 99"):
            ask(url, install)
    finally:
        back_to_this_release(url)
