"""The template is installed once, and follows the release; on a real Elasticsearch of its own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest

from dashboards import documents, template
from dashboards.elastic import Elastic
from dashboards.install import Done, Installed, InstallError, install_all
from dashboards.template import HEALTH, STREAMS, VERDICTS
from lictor.exit_codes import INFRASTRUCTURE
from tests.fixtures.runtime import running
from tests.fixtures.verdict_records import verdict_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elasticsearch import AsyncElasticsearch

T = TypeVar("T")
COMMAND_S = 120.0
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
        f"index template logs-lictor.verdicts version {VERDICTS.version}: created; "
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


def command(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`lictor dashboards install`, with no settings but these."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LICTOR_")}
    return subprocess.run(
        [sys.executable, "-m", "lictor", "--elasticsearch", url, "dashboards", "install", *arguments],
        env=environment | {"LICTOR_CONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_S,
    )


async def _delete_template(name: str, client: AsyncElasticsearch) -> None:
    if await client.indices.exists_index_template(name=name):
        await client.indices.delete_index_template(name=name)


def test_command_says_what_it_did_to_each_and_the_second_time_does_nothing(url: str) -> None:
    fresh = [stream for stream in STREAMS if stream is not VERDICTS]  # a stream in use keeps its template
    for stream in fresh:
        ask(url, partial(_delete_template, stream.template))
    first = command(url)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    for stream in fresh:
        assert f"index template {stream.template} version {stream.version}: created" in lines
    assert len(lines) == 2 * len(STREAMS)
    second = command(url, "-o", "json")
    assert second.returncode == 0, second.stderr
    rows = [json.loads(line) for line in second.stdout.splitlines()]
    assert [row["name"] for row in rows if row["kind"] == "template"] == [one.template for one in STREAMS]
    assert [row["name"] for row in rows if row["kind"] == "stream"] == [one.name for one in STREAMS]
    assert {row["done"] for row in rows} <= {"unchanged", "absent"}


def test_command_refuses_to_go_back_and_changes_none_of_the_templates(url: str) -> None:
    another_release(url, 99, was_the_same)
    try:
        ask(url, lambda client: client.indices.delete_index_template(name=HEALTH.template))
        refused = command(url)
        assert refused.returncode == INFRASTRUCTURE
        assert "version 99" in refused.stderr
        exists = ask(url, lambda client: client.indices.exists_index_template(name=HEALTH.template))
        assert not exists
    finally:
        back_to_this_release(url)


def test_command_says_where_nobody_answers() -> None:
    refused = command("http://127.0.0.1:9")
    assert refused.returncode == INFRASTRUCTURE
    assert "Elasticsearch at http://127.0.0.1:9" in refused.stderr
