"""Is it on record? Every verdict and outcome, looked up in Elasticsearch."""

import asyncio
import time
from collections.abc import Iterable

from dashboards import search
from dashboards.documents import outcome_document_id, verdict_document_id
from dashboards.elastic import Elastic
from wire.records import Outcome, VerdictRecord


async def missing(
    elastic: Elastic, verdicts: Iterable[VerdictRecord], outcomes: Iterable[Outcome], timeout_s: float
) -> list[str]:
    """The `_id`s that are not stored exactly once, after waiting up to `timeout_s` for the sink."""
    ids = [*map(verdict_document_id, verdicts), *map(outcome_document_id, outcomes)]
    deadline = time.monotonic() + timeout_s
    client = elastic.client()
    try:
        while True:
            await search.refresh(client)
            counts = await search.count(client, ids)
            wrong = [one for one, times in counts.items() if times != 1]
            if not wrong or time.monotonic() > deadline:
                return wrong
            await asyncio.sleep(0.2)
    finally:
        await client.close()
