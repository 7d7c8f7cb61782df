"""The sink with an API key that is wrong, mended, withdrawn and exchanged while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from elasticsearch import AsyncElasticsearch
from structlog.testing import capture_logs

from dashboards import access, search
from dashboards.access import ANALYST, SINK
from dashboards.backoff import Backoff
from dashboards.elastic import Elastic
from dashboards.install import install_all
from lictor.pipeline.provisioned import elastic_of
from tests.fixtures.runtime import running
from tests.fixtures.sinks import Desk, RunningSink, document_id, eventually

T = TypeVar("T")

NONSENSE = "bm90OmFrZXk="


@pytest.fixture(scope="module")
def admin() -> Iterator[Elastic]:
    with running(elasticsearch=True, secured=True) as servers:
        assert servers.elasticsearch is not None
        yield elastic_of(servers.elasticsearch)


def ask(elastic: Elastic, question: Callable[[AsyncElasticsearch], Awaitable[T]]) -> T:
    async def run() -> T:
        client = elastic.client()
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(run())


def said(lines: list[Any], text: str) -> bool:
    """Whether a warning has said this."""
    return any(text in str(line.get("error", "")) for line in lines if line["log_level"] == "warning")


def test_sink_says_that_its_key_is_wrong_and_goes_on_once_it_is_mended(
    kafka_broker: str, admin: Elastic, tmp_path: Path
) -> None:
    desk = Desk(kafka_broker, admin.url)
    path = tmp_path / "sink.key"
    path.write_text(NONSENSE)
    elastic = Elastic(url=admin.url, api_key_file=path)
    sink = RunningSink(replace(desk.config(), elastic=elastic, backoff=Backoff(longest=0.3)))
    verdicts = [desk.record(sequence) for sequence in range(30)]

    def key(role: str) -> str:
        return ask(admin, lambda client: access.make_key(client, "of-the-sink", role)).encoded

    def stored() -> list[int]:
        async def question(client: AsyncElasticsearch) -> list[int]:
            await search.refresh(client)
            return list((await search.count(client, map(document_id, verdicts))).values())

        return ask(admin, question)

    with capture_logs() as lines:
        sink.begin()
        try:
            eventually("the sink says what is wrong", lambda: said(lines, "does not know who this is"))
            assert said(lines, "lictor dashboards key sink --to FILE")
            ask(admin, install_all)
            path.write_text(key(SINK))
            eventually("the sink runs", sink.ready.is_set)
            assert any("templates are left as they are" in line["event"] for line in lines)
            desk.publish(*verdicts[:10])
            eventually("ten are stored", lambda: stored() == [1] * 10 + [0] * 20)

            lines.clear()
            key(SINK)  # the one in the file does not count any more
            desk.publish(*verdicts[10:20])
            eventually("the sink says so again", lambda: said(lines, "does not know who this is"))
            assert stored() == [1] * 10 + [0] * 20
            path.write_text(key(ANALYST))
            eventually("rights that do not do are said too", lambda: said(lines, "does not allow it"))
            path.unlink()
            eventually("and a file that is gone", lambda: said(lines, "cannot be read"))
            path.write_text(key(SINK))
            desk.publish(*verdicts[20:])
            eventually("all are stored, each once", lambda: stored() == [1] * 30)
            desk.wait_until_done()
        finally:
            sink.stop()
    assert NONSENSE not in str(lines)
