"""Elasticsearch's bulk protocol: documents to a request's body, its answer to what became of each. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from dashboards.progress import PartitionProgress

Fate = Literal["stored", "present", "again", "unsure", "rejected"]
"""`present`: it stood there already. `again`: surely not stored, try again. `unsure`: perhaps stored."""

FILTER_PATH = (
    "errors",
    "items.create.status",
    "items.create.error.type",
    "items.create.error.reason",
    "items.create.error.caused_by.reason",
)
"""What of the answer is read; the rest would be most of its bytes."""

_encode = msgspec.json.Encoder().encode


class Origin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The record that a document came from."""

    progress: PartitionProgress
    offset: int
    key: bytes | None
    value: bytes


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One document to store. `suspect`: it may be stored already, and not only in the newest index."""

    id: str
    document: bytes
    origin: Origin
    suspect: bool = False
    part: int | None = None
    """Which event of the record's it is, where the record has several."""


class Rejection(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What goes to the dead letters, with a stable code and a sentence for people."""

    origin: Origin
    code: str
    sentence: str
    part: int | None = None
    """Only this event of the record; None for the whole of it."""


class Answer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one document. `code` and `sentence` are empty unless it failed."""

    fate: Fate
    code: str = ""
    sentence: str = ""


_STORED = Answer(fate="stored")
_PRESENT = Answer(fate="present")


def body(entries: Iterable[Entry]) -> bytes:
    """NDJSON: an action and a document a line. `create` never overwrites, and is all a data stream takes."""
    lines: list[bytes] = []
    for entry in entries:
        lines += (b'{"create":{"_id":', _encode(entry.id), b"}}\n", entry.document, b"\n")
    return b"".join(lines)


def answers(response: dict[str, Any], entries: Sequence[Entry]) -> list[Answer]:
    """What became of each entry, in their order.

    Raises:
        ValueError: the answer is not one to these entries.
    """
    items = response["items"]
    if len(items) != len(entries):
        raise ValueError(f"{len(entries)} documents were sent and {len(items)} answered")
    return [answer(item["create"]) for item in items]


def answer(item: dict[str, Any]) -> Answer:
    """What became of one document.

    Only a 400 is the document's own fault. Missing rights (401, 403) or a missing stream (404) would
    befall any document: they are waited out, since the documents are fine.
    """
    status = item["status"]
    if status in (200, 201):
        return _STORED
    if status == 409:
        return _PRESENT
    error = item.get("error", {})
    code = str(error.get("type", f"status-{status}"))
    cause = error.get("caused_by", {}).get("reason")
    sentence = f"{error.get('reason', f'status {status}')}" + (f": {cause}" if cause else "")
    fate: Fate = "rejected" if status == 400 else "unsure" if status >= 500 else "again"
    return Answer(fate=fate, code=code, sentence=sentence)
