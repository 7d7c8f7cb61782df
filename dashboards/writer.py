"""Documents into a data stream, each once, however long Elasticsearch is away.

A deterministic `_id` and `create` make a repeat a 409, which is success, within one backing index.
After a rollover the same `create` would store the document again, in the new index. So where there
is more than one backing index, whatever may have been stored before is looked up first: what stood in
the topic when the partition was assigned (an earlier owner may have sent it), and what was sent in a
request whose answer never came. What remains is a rollover in the milliseconds between the look-up of
such a document and its `create`.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

import structlog
from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch

from dashboards import bulk, metrics
from dashboards.backoff import Backoff
from dashboards.bulk import Answer, Entry, Rejection
from dashboards.elastic import explained
from wire.errors import OperatorError

log = structlog.get_logger(__name__)

REJECTED = "elasticsearch-rejected"
"""Dead letter code: Elasticsearch refuses the document itself, whenever it is sent."""

_DOCUMENTS_FAULT = frozenset(
    {"action_request_validation_exception", "x_content_parse_exception", "json_parse_exception"}
)
"""Errors of a whole request that one of its documents caused."""

_PATIENCE = frozenset({401, 403, 404, 408, 429})
"""Statuses, beside 5xx, that pass or that an operator mends: nothing is wrong with the documents."""


_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}

_LATELY_WRITTEN = 3
"""Backing indices before the newest that may have been written to within a refresh interval."""


class WriterError(OperatorError):
    """Elasticsearch answers in a way that waiting will not mend."""


class _NotYetError(TransportError):
    """Elasticsearch is up, and not yet able to say what it has."""


@dataclass(kw_only=True)
class _Sent:
    """What came of one request: the rest is stored."""

    left: list[Entry] = field(default_factory=list)
    unsure: bool = False
    """Whether some of what is left may be stored all the same."""
    problem: Answer | None = None
    rejections: list[Rejection] = field(default_factory=list)


class Writer:
    """Writes batches into one data stream; many may be under way at once."""

    def __init__(self, client: AsyncElasticsearch, stream: str, backoff: Backoff) -> None:
        """`client` must not retry by itself: a repeat has to be looked up first."""
        self._client = client
        self._stream = stream
        self._backoff = backoff

    async def write(self, entries: Sequence[Entry], *, unsure: bool = False) -> list[Rejection]:
        """Return once each document is stored or found stored; those that are refused come back.

        `unsure` says that any of them may have been sent before, as `Entry.suspect` does of one.

        Raises:
            WriterError: a request that Elasticsearch calls wrong for no document's fault.
        """
        pending = list(entries)
        rejections: list[Rejection] = []
        unsure = unsure or any(entry.suspect for entry in pending)
        failures = 0
        while pending:
            try:
                if unsure:
                    pending = await self._missing(pending)
                    unsure = False
                if not pending:
                    break
                sent = await self._send(pending)
            except ApiError as error:
                if error.status_code in (400, 413) and _is_documents_fault(error):
                    return rejections + await self._halve(pending, error, unsure=failures > 0)
                reason, sentence = _patience_or_raise(error), explained(error)
                unsure = True
                metrics.elasticsearch_up.set(0)
            except TransportError as error:
                reason, sentence = type(error).__name__, explained(error)
                unsure = True
                metrics.elasticsearch_up.set(0)
            else:
                metrics.elasticsearch_up.set(1)
                rejections += sent.rejections
                pending = sent.left
                if sent.problem is None:
                    break
                reason, sentence = sent.problem.code, sent.problem.sentence
                unsure = sent.unsure
            failures += 1
            await self._wait(failures, reason, sentence, len(pending))
        return rejections

    async def _send(self, entries: Sequence[Entry]) -> _Sent:
        started = time.monotonic()
        response = await self._client.perform_request(
            # The client's own `bulk` is a PUT, which aiohttp takes for idempotent and sends again by itself
            # where a connection ends without an answer: unseen, and so without a look-up.
            "POST",
            f"/{quote(self._stream)}/_bulk",
            params={
                "filter_path": ",".join(bulk.FILTER_PATH),
                "include_source_on_error": "false",
                "require_data_stream": "true",
            },
            headers=_HEADERS,
            body=bulk.body(entries),
        )
        metrics.bulk_seconds.observe(time.monotonic() - started)
        metrics.bulk_documents.observe(len(entries))
        sent = _Sent()
        stored = present = 0
        for entry, answer in zip(entries, bulk.answers(response.body, entries), strict=True):
            if answer.fate == "stored":
                stored += 1
            elif answer.fate == "present":
                present += 1
            elif answer.fate == "rejected":
                sent.rejections.append(_rejection(entry, answer.code, answer.sentence))
            else:
                sent.left.append(entry)
                sent.problem = answer
                sent.unsure = sent.unsure or answer.fate == "unsure"
        metrics.documents.labels("stored").inc(stored)
        metrics.documents.labels("present").inc(present)
        return sent

    async def _missing(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries that no index before the newest has; `create` itself sees what the newest has."""
        older = await self._older_indices()
        if not older:
            return list(entries)
        # A search sees only what was refreshed, and a rollover may just have been. Right after a start the
        # older indices' shards may not be there yet: neither call may pass over them, as it would by itself.
        lately = older[-_LATELY_WRITTEN:]
        refreshed = await self._client.indices.refresh(index=lately)
        if refreshed.body["_shards"]["successful"] < len(lately):
            raise _NotYetError("shards of older indices are not there yet")
        found = await self._client.search(
            index=self._stream,
            query={"ids": {"values": [entry.id for entry in entries]}},
            source=False,
            size=2 * len(entries),
            track_total_hits=False,
            allow_partial_search_results=False,
            filter_path=["hits.hits._id"],
        )
        metrics.lookups.inc(len(entries))
        present = {hit["_id"] for hit in found.body.get("hits", {}).get("hits", ())}
        missing = [entry for entry in entries if entry.id not in present]
        metrics.documents.labels("present").inc(len(entries) - len(missing))
        return missing

    async def _older_indices(self) -> list[str]:
        """The stream's backing indices but the one that is written to, oldest first."""
        # Unlike the look-up of names, this one waits until the node has its state back after a start.
        response = await self._client.indices.get(
            index=self._stream, features=["aliases"], ignore_unavailable=True
        )
        return sorted(response.body)[:-1]

    async def _halve(self, entries: Sequence[Entry], error: ApiError, *, unsure: bool) -> list[Rejection]:
        """The whole request was refused for one document: find it by halves, store the rest."""
        if len(entries) == 1:
            return [_rejection(entries[0], _error_type(error), str(error))]
        middle = len(entries) // 2
        first = await self.write(entries[:middle], unsure=unsure)
        return first + await self.write(entries[middle:], unsure=unsure)

    async def _wait(self, failures: int, reason: str, sentence: str, documents: int) -> None:
        delay = self._backoff.delay(failures)
        metrics.tries_again.labels(reason).inc()
        log.warning(
            "elasticsearch did not take a batch; it will be sent again",
            reason=reason,
            error=sentence,
            documents=documents,
            failures=failures,
            delay_s=round(delay, 3),
        )
        await asyncio.sleep(delay)


def _rejection(entry: Entry, error_type: str, sentence: str) -> Rejection:
    metrics.documents.labels("rejected").inc()
    return Rejection(
        origin=entry.origin, code=REJECTED, sentence=f"{error_type}: {sentence}", part=entry.part
    )


def _is_documents_fault(error: ApiError) -> bool:
    return error.status_code == 413 or _error_type(error) in _DOCUMENTS_FAULT


def _error_type(error: ApiError) -> str:
    body = error.body
    details = body.get("error") if isinstance(body, dict) else None
    return str(details.get("type", "")) if isinstance(details, dict) else ""


def _patience_or_raise(error: ApiError) -> str:
    status = error.status_code
    if status in _PATIENCE or status >= 500:
        return f"status-{status}"
    raise WriterError(f"Elasticsearch refuses the sink's requests, whatever is in them: {error}") from error
