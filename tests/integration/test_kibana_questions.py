"""Panels' questions asked of a real Elasticsearch, and their answers beside plain arithmetic."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from dashboards import documents
from dashboards.kibana import needs, questions
from dashboards.kibana.measures import Bucket, Count, Last, Measure, Of, OverTime, Percentile, Split, Top
from dashboards.kibana.panels import Asking, Chart, Number, Place, Search, Share, Table
from dashboards.kibana.questions import Row, Span
from dashboards.kibana.views import VERDICTS
from dashboards.kibana.where import Greater, Is
from tests.fixtures.stored import Stored
from tests.fixtures.verdict_records import AUDITED_BY_RULE, BLOCKED_BY_POSTURE, outcome, verdict_record

PLACE = Place(x=0, y=0, w=24, h=10)
START_NS = (time.time_ns() // 3_600_000_000_000) * 3_600_000_000_000
SPAN = Span(from_ms=START_NS // 1_000_000, to_ms=START_NS // 1_000_000 + 3_600_000)
DENIED = Is("lictor.decision", "block")
NAMESPACES = ("shop", "shop", "shop", "bank", "bank", "mail")
COUNT = Count(label="Verdicts")


def stored_documents() -> list[dict[str, Any]]:
    """Verdicts of three namespaces over half an hour, and an outcome of every denial."""
    made: list[Any] = []
    for number in range(48):
        denied = number % 3 == 0
        record = verdict_record(
            number,
            verdict=BLOCKED_BY_POSTURE if denied else AUDITED_BY_RULE,
            event_changes={"time_ns": START_NS + number * 37_000_000_000, "pid": 100 + number % 5},
            workload_changes={"namespace": NAMESPACES[number % len(NAMESPACES)]},
        )
        made.append(documents.verdict_document(record))
        if denied:
            became = outcome(record, exec_to_kill_ns=1_000_000 * (1 + number))
            made.append(documents.outcome_document(became))
    return [msgspec.json.decode(documents.encode(one)) for one in made]


ALL = stored_documents()
VERDICT_DOCUMENTS = [one for one in ALL if one["lictor"]["document"] == "verdict"]
KILLED_MS = [one["lictor"]["outcome"]["exec_to_kill_ms"] for one in ALL if "outcome" in one["lictor"]]


@pytest.fixture(scope="module")
def stored(elasticsearch_url: str) -> Iterator[Stored]:
    held = Stored(elasticsearch_url)
    held.put(VERDICTS, ALL)
    yield held
    held.close()


def answered(stored: Stored, asking: Asking, span: Span = SPAN) -> tuple[Row, ...]:
    answer = stored.search(asking.view, questions.ask(asking, span))
    return questions.read(asking, span, answer)


def number(measure: Measure, **more: Any) -> Number:
    return Number(id="n", title="N", place=PLACE, view=VERDICTS, measures=(measure,), **more)


def table(*rows: Bucket, measures: tuple[Measure, ...] = (COUNT,), **more: Any) -> Table:
    return Table(id="t", title="T", place=PLACE, view=VERDICTS, rows=rows, measures=measures, **more)


def namespace(one: dict[str, Any]) -> str:
    return str(one["orchestrator"]["namespace"])


@pytest.mark.parametrize(
    ("measure", "expected"),
    [
        (COUNT, len(ALL)),
        (Count(label="", where=DENIED), sum(one["lictor"]["decision"] == "block" for one in ALL)),
        (Of(label="", what="unique_count", field="process.pid"), 5),
        (Of(label="", what="sum", field="lictor.outcome.exec_to_kill_ms"), sum(KILLED_MS)),
        (Of(label="", what="average", field="lictor.outcome.exec_to_kill_ms"), statistics.mean(KILLED_MS)),
        (Of(label="", what="min", field="lictor.outcome.exec_to_kill_ms"), min(KILLED_MS)),
        (Of(label="", what="max", field="lictor.outcome.exec_to_kill_ms"), max(KILLED_MS)),
        (Of(label="", what="max", field="process.pid", where=Is("process.pid", 101, 102)), 102),
        (
            Percentile(label="", field="lictor.outcome.exec_to_kill_ms", percent=50),
            statistics.median(KILLED_MS),
        ),
        (Last(label="", field="event.severity", where=Is("lictor.decision", "audit")), 7),
        (Last(label="", field="lictor.reason", text=True, where=DENIED), "posture-block"),
    ],
    ids=lambda given: f"{type(given).__name__}-{getattr(given, 'what', '')}" if given != [] else "",
)
def test_a_number_is_what_arithmetic_says(stored: Stored, measure: Measure, expected: Any) -> None:
    ((value,),) = [row.values for row in answered(stored, number(measure))]
    assert value == (pytest.approx(expected) if isinstance(expected, float) else expected)


def test_only_documents_of_the_condition_and_of_the_time_range_count(stored: Stored) -> None:
    (row,) = answered(stored, number(COUNT, where=Greater("process.pid", 102)))
    assert row.values == (sum(one["process"]["pid"] > 102 for one in ALL),)
    before = Span(from_ms=SPAN.from_ms - 3_600_000, to_ms=SPAN.from_ms - 1)
    (row,) = answered(stored, number(COUNT), before)
    assert (row.values, row.says) == ((0,), False)


def test_groups_are_the_most_frequent_ones_and_the_rest_is_counted(stored: Stored) -> None:
    counted = Counter(map(namespace, ALL))
    rows = answered(stored, table(Top(label="", field="orchestrator.namespace", size=2, other=True)))
    assert [(row.labels, row.values) for row in rows] == [
        (("shop",), (counted["shop"],)),
        (("bank",), (counted["bank"],)),
        (("Other",), (counted["mail"],)),
    ]


@pytest.mark.parametrize(
    "first",
    [
        Percentile(label="", field="process.pid", percent=95),
        Of(label="", what="average", field="process.pid"),
        Count(label="", where=Is("process.pid", 100)),
        Last(label="", field="process.pid"),
    ],
    ids=lambda measure: type(measure).__name__,
)
def test_groups_are_ordered_by_the_first_measure(stored: Stored, first: Measure) -> None:
    rows = answered(stored, table(Top(label="", field="orchestrator.namespace"), measures=(first, COUNT)))
    order = 1 if isinstance(first, Last) else 0
    values = [row.values[order] for row in rows]
    assert len(values) == 3
    assert values == sorted(values, reverse=True)  # type: ignore[type-var]


def test_groups_within_groups_and_conditions(stored: Stored) -> None:
    parts = (("Denied", DENIED), ("Audited", Is("lictor.decision", "audit")))
    rings = Share(
        id="s",
        title="S",
        place=PLACE,
        view=VERDICTS,
        measures=(COUNT,),
        by=(Split(label="", parts=parts), Top(label="", field="orchestrator.namespace")),
        where=Is("lictor.document", "verdict"),
    )
    expected = Counter(
        ("Denied" if one["lictor"]["decision"] == "block" else "Audited", namespace(one))
        for one in VERDICT_DOCUMENTS
    )
    assert {row.labels: row.values[0] for row in answered(stored, rings)} == expected


def test_over_time_every_series_has_its_own_times_and_rates_are_per_unit(stored: Stored) -> None:
    per_minute = Count(label="", per="m")
    chart = Chart(
        id="c",
        title="C",
        place=PLACE,
        view=VERDICTS,
        kind="line",
        measures=(per_minute,),
        x=OverTime(),
        split=Top(label="", field="orchestrator.namespace", size=3),
    )
    assert SPAN.interval_ms == 60_000
    rows = answered(stored, chart)
    per_series: Counter[str] = Counter()
    for row in rows:
        assert isinstance(row.values[0], float | int)
        per_series[row.labels[0]] += int(row.values[0])
    assert per_series == Counter(map(namespace, ALL))
    assert all(row.labels[1].endswith("Z") for row in rows)


def test_a_saved_search_is_its_newest_documents(stored: Stored) -> None:
    search = Search(
        id="s",
        title="S",
        description="",
        view=VERDICTS,
        columns=("process.executable", "lictor.outcome.result", "event.reason"),
        where=Is("lictor.document", "outcome"),
    )
    answer = stored.search(VERDICTS, questions.ask_search(search, SPAN))
    rows = questions.read_search(search, answer)
    outcomes = [one for one in ALL if one["lictor"]["document"] == "outcome"]
    newest = max(outcomes, key=lambda one: str(one["@timestamp"]))
    assert len(rows) == len(outcomes)
    assert rows[0].values == ("/usr/bin/bash", "terminated", newest["event"]["reason"])
    assert [row.labels for row in rows] == sorted((row.labels for row in rows), reverse=True)


def test_what_a_field_cannot_do_is_said(stored: Stored) -> None:
    fields = ("message", "process.pid", "process.name", "nobody.wrote.this")
    found = stored.client.field_caps(index=stored.stream(VERDICTS), fields=list(fields)).body["fields"]

    def wrong(field: str, use: needs.Use) -> str | None:
        return needs.unmet(needs.Need(field=field, use=use), found.get(field, {}))

    assert wrong("message", needs.Use.SEARCHED) is None
    assert wrong("message", needs.Use.GROUPED) == "message (text) cannot be aggregated"
    assert wrong("process.pid", needs.Use.COUNTED) is None
    assert wrong("process.name", needs.Use.GROUPED) is None
    assert wrong("process.name", needs.Use.COMPARED) == "process.name is keyword, and is compared as a number"
    assert wrong("nobody.wrote.this", needs.Use.SHOWN) == "nobody.wrote.this is in no index"
