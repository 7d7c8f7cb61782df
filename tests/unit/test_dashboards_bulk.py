"""The bulk protocol: what is sent, and what an answer means for each document."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards import bulk
from dashboards.backoff import Backoff
from dashboards.bulk import Answer, Entry, Fate, Origin
from dashboards.progress import PartitionProgress
from dashboards.search import curl, kql

ORIGIN = Origin(progress=PartitionProgress("verdicts", 0), offset=0, key=None, value=b"")


def entry(identifier: str, document: bytes = b"{}") -> Entry:
    return Entry(id=identifier, document=document, origin=ORIGIN)


@given(st.lists(st.text(), max_size=5))
def test_body_is_an_action_and_a_document_a_line(ids: list[str]) -> None:
    body = bulk.body([entry(identifier, json.dumps({"n": n}).encode()) for n, identifier in enumerate(ids)])
    lines = body.split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines[::2]] == [{"create": {"_id": i}} for i in ids]
    assert [json.loads(line) for line in lines[1::2]] == [{"n": n} for n in range(len(ids))]


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (201, "stored"),
        (200, "stored"),
        (409, "present"),
        (400, "rejected"),
        (429, "again"),
        (401, "again"),
        (403, "again"),
        (404, "again"),
        (500, "unsure"),
        (503, "unsure"),
    ],
)
def test_what_a_status_means(status: int, fate: Fate) -> None:
    error = {"type": "some_exception", "reason": "so it is"}
    item: dict[str, Any] = {"status": status} if status < 400 else {"status": status, "error": error}
    assert bulk.answer(item).fate == fate


def test_refusal_says_its_cause() -> None:
    error = {
        "type": "document_parsing_exception",
        "reason": "[1:9] failed to parse field [process.pid]",
        "caused_by": {"reason": "out of range"},
    }
    assert bulk.answer({"status": 400, "error": error}) == Answer(
        fate="rejected",
        code="document_parsing_exception",
        sentence="[1:9] failed to parse field [process.pid]: out of range",
    )


def test_failure_without_a_reason_still_has_a_code() -> None:
    assert bulk.answer({"status": 503}) == Answer(fate="unsure", code="status-503", sentence="status 503")


def test_answer_to_other_documents_is_no_answer() -> None:
    with pytest.raises(ValueError, match="2 documents were sent and 1 answered"):
        bulk.answers({"items": [{"create": {"status": 201}}]}, [entry("a"), entry("b")])


@given(st.integers(1, 10_000))
def test_backoff_is_bounded_and_drawn_from_nothing_up(failures: int) -> None:
    backoff = Backoff(first=0.1, longest=5.0)
    assert 0.0 <= backoff.delay(failures) <= backoff.bound(failures) <= 5.0


def test_backoff_doubles_until_its_longest() -> None:
    backoff = Backoff(first=0.1, longest=1.0)
    assert [backoff.bound(n) for n in range(1, 6)] == [0.1, 0.2, 0.4, 0.8, 1.0]


def test_backoff_spreads_those_that_failed_together() -> None:
    assert len({Backoff().delay(3) for _ in range(100)}) > 90


def test_printed_queries_quote_what_an_attacker_named() -> None:
    assert kql('a"b\\c') == r'lictor.verdict.id : "a\"b\\c"'
    assert "'$(id)'" not in curl("http://127.0.0.1:9200/", "$(id)")
    assert curl("http://127.0.0.1:9200/", "$(id)").endswith("""'q=lictor.verdict.id:"$(id)"'""")
