"""Questions to a data stream, the verdicts' unless another is named, and how people ask them themselves."""

import shlex
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from elasticsearch import ApiError, AsyncElasticsearch, NotFoundError

from dashboards.documents import VERDICTS_STREAM

_MANY = 5_000
"""Ids a request; `index.max_result_window` allows 10,000 hits."""


async def refresh(client: AsyncElasticsearch, stream: str = VERDICTS_STREAM) -> None:
    """Make everything acknowledged until now visible to searches.

    Once, at the end, is cheap; `refresh=wait_for` on every write costs seconds.
    """
    await client.indices.refresh(index=stream, ignore_unavailable=True)


async def find(
    client: AsyncElasticsearch, ids: Iterable[str], stream: str = VERDICTS_STREAM
) -> dict[str, dict[str, Any]]:
    """The documents with these `_id`s, by `_id`; those that are missing are left out. See `refresh`."""
    wanted = list(dict.fromkeys(ids))
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(wanted), _MANY):
        for hit in await _hits(client, stream, wanted[start : start + _MANY], source=True):
            found[hit["_id"]] = hit["_source"]
    return found


async def count(
    client: AsyncElasticsearch, ids: Iterable[str], stream: str = VERDICTS_STREAM
) -> dict[str, int]:
    """How often each of these `_id`s is stored: 0 is missing, more than 1 a repeat."""
    counts = dict.fromkeys(ids, 0)
    wanted = list(counts)
    for start in range(0, len(wanted), _MANY):
        for hit in await _hits(client, stream, wanted[start : start + _MANY], source=False):
            counts[hit["_id"]] += 1
    return counts


async def _hits(
    client: AsyncElasticsearch, stream: str, ids: list[str], *, source: bool
) -> list[dict[str, Any]]:
    try:
        response = await client.search(
            index=stream,
            query={"ids": {"values": ids}},
            source=source,
            size=2 * _MANY,
            track_total_hits=False,
            allow_partial_search_results=False,
        )
    except NotFoundError:  # no document yet: the first one makes the stream
        return []
    except ApiError as error:
        if error.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return []  # none of its shards answers: the first document has just made it
    hits: list[dict[str, Any]] = response.body["hits"]["hits"]
    return hits


def kql(verdict_id: str) -> str:
    """Kibana's query for a verdict and its outcome."""
    quoted = verdict_id.replace("\\", "\\\\").replace('"', '\\"')
    return f'lictor.verdict.id : "{quoted}"'


def curl(url: str, verdict_id: str, netrc: Path | None = None) -> str:
    """A shell command that finds a verdict and its outcome.

    Name and password come from the file `netrc`, so that nobody sees them in the list of processes.
    """
    query = kql(verdict_id).replace(" : ", ":", 1)
    target = f"{url.rstrip('/')}/{VERDICTS_STREAM}/_search?pretty"
    named = f"--netrc-file {shlex.quote(str(netrc))} " if netrc is not None else ""
    return f"curl -sG {named}{shlex.quote(target)} --data-urlencode {shlex.quote(f'q={query}')}"
