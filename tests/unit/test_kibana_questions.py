"""How panels become searches, and answers rows."""

from __future__ import annotations

from typing import Any

import pytest

from dashboards.kibana import needs, questions
from dashboards.kibana.measures import Count, Last, Of, OverTime, Percentile, Split, Top
from dashboards.kibana.needs import Need, Use
from dashboards.kibana.panels import Chart, Number, Place, Search, Share, Table
from dashboards.kibana.questions import Row, Span
from dashboards.kibana.views import VERDICTS
from dashboards.kibana.where import All, AnyOf, Exists, Greater, Is, Not

PLACE = Place(x=0, y=0, w=8, h=8)
HOUR = Span(from_ms=0, to_ms=3_600_000)
COUNT = Count(label="Count")
TIME, NAMESPACE = OverTime(), Top(label="Namespace", field="orchestrator.namespace")
SPLIT = Split(label="", parts=(("Denied", Is("lictor.decision", "block")),))


def chart(x: Any, split: Any = None, *measures: Any) -> Chart:
    return Chart(
        id="c",
        title="C",
        place=PLACE,
        view=VERDICTS,
        kind="line",
        x=x,
        split=split,
        measures=measures or (COUNT,),
    )


def number(measure: Any) -> Number:
    return Number(id="n", title="N", place=PLACE, view=VERDICTS, measures=(measure,))


@pytest.mark.parametrize(
    ("minutes", "interval_s"),
    [(0, 1), (1, 1), (5, 5), (60, 60), (8 * 60, 300), (24 * 60, 1_800), (7 * 24 * 60, 10_800)],
)
def test_a_time_range_has_at_most_a_hundred_groups(minutes: int, interval_s: int) -> None:
    span = Span(from_ms=1_000, to_ms=1_000 + minutes * 60_000)
    assert span.interval_ms == interval_s * 1_000
    assert minutes * 60 <= interval_s * 100


def test_a_range_of_years_has_groups_of_a_day() -> None:
    assert Span(from_ms=0, to_ms=10**12).interval_ms == 86_400_000


def test_splits_over_time_are_the_outer_groups_and_others_the_inner_ones() -> None:
    assert questions.buckets(chart(TIME, NAMESPACE)) == (NAMESPACE, TIME)
    assert questions.buckets(chart(NAMESPACE, SPLIT)) == (NAMESPACE, SPLIT)
    assert questions.buckets(chart(TIME)) == (TIME,)
    assert questions.buckets(number(COUNT)) == ()


def test_a_question_is_about_the_condition_within_the_time_range() -> None:
    asking = Number(
        id="n", title="N", place=PLACE, view=VERDICTS, measures=(COUNT,), where=Is("event.kind", "alert")
    )
    body = questions.ask(asking, HOUR)
    assert body["query"] == {
        "bool": {
            "filter": [
                {"range": {"@timestamp": {"gte": 0, "lte": 3_600_000, "format": "epoch_millis"}}},
                {"terms": {"event.kind": ["alert"]}},
            ]
        }
    }
    assert (body["size"], body["aggs"]) == (0, {})


@pytest.mark.parametrize(
    ("measure", "order"),
    [
        (COUNT, "_count"),
        (Count(label="", where=Exists("x")), "m0>v.value"),
        (Of(label="", what="max", field="x"), "m0>v.value"),
        (Percentile(label="", field="x", percent=95), "m0>v.95"),
        (Last(label="", field="x"), "_count"),
    ],
)
def test_groups_are_ordered_by_the_first_measure_where_that_orders(measure: Any, order: str) -> None:
    asking = Table(
        id="t", title="T", place=PLACE, view=VERDICTS, rows=(NAMESPACE,), measures=(measure, COUNT)
    )
    terms = questions.ask(asking, HOUR)["aggs"]["by"]["terms"]
    assert terms["order"] == [{order: "desc"}, {"_key": "asc"}]


def test_documents_without_the_field_are_a_group_only_where_wanted() -> None:
    wanted = Top(label="", field="orchestrator.namespace", missing=True)
    asked = [questions.ask(chart(one), HOUR)["aggs"]["by"]["terms"] for one in (NAMESPACE, wanted)]
    assert ["missing" in one for one in asked] == [False, True]
    assert asked[1]["missing"] == "(missing value)"


def answer(total: int = 0, **aggregations: Any) -> dict[str, Any]:
    return {"hits": {"total": {"value": total}}, "aggregations": aggregations}


def test_rates_are_per_unit_of_time_and_only_over_time() -> None:
    per_second = Count(label="", per="s")
    groups = {"buckets": [{"key": 0, "key_as_string": "then", "doc_count": 120}]}
    (row,) = questions.read(chart(TIME, None, per_second), HOUR, answer(by=groups))
    assert row == Row(labels=("then",), values=(2.0,), says=True)
    (row,) = questions.read(number(per_second), HOUR, answer(120))
    assert row.values == (120,)


def test_the_rest_is_a_row_whose_size_alone_is_known() -> None:
    rest = Top(label="", field="x", other=True)
    asking = Table(
        id="t",
        title="T",
        place=PLACE,
        view=VERDICTS,
        rows=(rest, NAMESPACE),
        measures=(COUNT, Of(label="", what="max", field="y")),
    )
    found = answer(by={"buckets": [], "sum_other_doc_count": 7})
    assert questions.read(asking, HOUR, found) == (Row(labels=("Other", ""), values=(7, None), says=True),)
    nothing = answer(by={"buckets": [], "sum_other_doc_count": 0})
    assert questions.read(asking, HOUR, nothing) == ()


@pytest.mark.parametrize(
    ("measure", "found", "says"),
    [
        (COUNT, {}, False),
        (Count(label="", where=Exists("x")), {"v": {"value": 0}}, False),
        (Of(label="", what="sum", field="x"), {"v": {"value": 0.0}}, False),
        (Of(label="", what="unique_count", field="x"), {"v": {"value": 0}}, False),
        (Of(label="", what="max", field="x"), {"v": {"value": 0.0}}, True),
        (Of(label="", what="max", field="x"), {"v": {"value": None}}, False),
        (Percentile(label="", field="x", percent=50), {"v": {"values": {"50.0": None}}}, False),
        (Percentile(label="", field="x", percent=50), {"v": {"values": {"50.0": 0.0}}}, True),
        (Last(label="", field="x"), {"v": {"hits": {"hits": []}}}, False),
        (Last(label="", field="x"), {"v": {"hits": {"hits": [{"fields": {"x": [0]}}]}}}, True),
    ],
)
def test_nothing_counted_says_nothing_and_a_least_value_of_0_says_something(
    measure: Any, found: Any, says: bool
) -> None:
    (row,) = questions.read(number(measure), HOUR, answer(0, m0=found))
    assert row.says is says


def test_the_latest_of_several_values_are_shown_together() -> None:
    found = {"v": {"hits": {"hits": [{"fields": {"x": ["exec", "exit"]}}]}}}
    (row,) = questions.read(number(Last(label="", field="x", text=True)), HOUR, answer(1, m0=found))
    assert row.values == ("exec, exit",)


def test_conditions_name_their_rows() -> None:
    found = answer(by={"buckets": {"Denied": {"doc_count": 3}}})
    (row,) = questions.read(chart(SPLIT), HOUR, found)
    assert row == Row(labels=("Denied",), values=(3,), says=True)


def test_a_panel_needs_every_field_that_stands_anywhere_in_it() -> None:
    asking = Share(
        id="s",
        title="S",
        place=PLACE,
        view=VERDICTS,
        by=(NAMESPACE, SPLIT),
        where=All(Not(Exists("a")), AnyOf(Greater("b", 1), Is("c", "d"))),
        measures=(
            Of(label="", what="unique_count", field="e"),
            Percentile(label="", field="f", percent=50, where=Exists("g")),
            Last(label="", field="h", text=True),
        ),
    )
    assert {(need.field, need.use) for need in needs.of_panel(asking)} == {
        ("@timestamp", Use.COMPARED),
        ("orchestrator.namespace", Use.GROUPED),
        ("lictor.decision", Use.SEARCHED),
        ("a", Use.SEARCHED),
        ("b", Use.COMPARED),
        ("c", Use.SEARCHED),
        ("e", Use.GROUPED),
        ("f", Use.COUNTED),
        ("g", Use.SEARCHED),
        ("h", Use.GROUPED),
    }


def test_a_saved_search_shows_its_columns() -> None:
    search = Search(id="s", title="", description="", view=VERDICTS, columns=("a",), where=Exists("b"))
    assert {(need.field, need.use) for need in needs.of_search(search)} == {
        ("@timestamp", Use.COMPARED),
        ("a", Use.SHOWN),
        ("b", Use.SEARCHED),
    }


@pytest.mark.parametrize(
    ("use", "types", "wrong"),
    [
        (Use.SHOWN, {"text": {"searchable": False, "aggregatable": False}}, None),
        (
            Use.SEARCHED,
            {"text": {"searchable": False, "aggregatable": False}},
            "x (text) cannot be searched",
        ),
        (Use.COMPARED, {"boolean": {"searchable": True, "aggregatable": True}}, None),
        (
            Use.COUNTED,
            {"ip": {"searchable": True, "aggregatable": True}},
            "x is ip, and is counted as a number",
        ),
        (Use.SHOWN, {"long": {}, "keyword": {}}, "x has several types: keyword, long"),
    ],
)
def test_what_a_field_lacks_is_said_in_words(use: Use, types: Any, wrong: str | None) -> None:
    assert needs.unmet(Need(field="x", use=use), types) == wrong
