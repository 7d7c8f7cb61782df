"""A panel's question as an Elasticsearch search, and the answer as rows. Pure.

Kibana asks the same: groups nest as Lens nests them, a measure of some of a group's documents stands in a
filter of its own, the last value of a field is that of the latest document that has one. What Kibana
computes after the answer (rates, the group of the rest) is computed here in `read`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.kibana.measures import Bucket, Count, Last, Measure, Of, OverTime, Percentile, Split, Top
from dashboards.kibana.panels import Asking, Chart, Search, Share, Table
from dashboards.kibana.views import TIME_FIELD
from dashboards.kibana.where import Query, Where

Value = str | int | float | None

_UNIT_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000}
_STEPS_MS = tuple(
    seconds * 1_000 for seconds in (1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 43_200, 86_400)
)
_BARS = 100
"""Kibana's `histogram:maxBars`."""

_METRIC = {
    "sum": "sum",
    "average": "avg",
    "min": "min",
    "max": "max",
    "unique_count": "cardinality",
}
_COUNTED = "_index"
"""A field that every document has once: counts the documents of a group."""

_HITS = 50

WITHOUT = "(missing value)"
"""What Kibana calls the group of documents without the field."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """A time range, in milliseconds since the epoch; its end belongs to it."""

    from_ms: int
    to_ms: int

    @property
    def interval_ms(self) -> int:
        """The width of a group of `OverTime`: the smallest step that makes at most a hundred of them."""
        for step in _STEPS_MS:
            if (self.to_ms - self.from_ms) <= step * _BARS:
                return step
        return _STEPS_MS[-1]

    def dsl(self) -> Query:
        """Documents within it."""
        limits = {"gte": self.from_ms, "lte": self.to_ms, "format": "epoch_millis"}
        return {"range": {TIME_FIELD: limits}}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A group: what it is called in every bucket, outermost first, and a value for each measure."""

    labels: tuple[str, ...]
    values: tuple[Value, ...]
    says: bool
    """Whether any of it is more than nothing: a value, and of counts and sums one other than 0."""


def buckets(asking: Asking) -> tuple[Bucket, ...]:
    """What a panel groups by, outermost first.

    A split over time is the outer one, so that it has the same series at every time.
    """
    match asking:
        case Chart(x=x, split=split):
            if split is None:
                return (x,)
            return (split, x) if isinstance(x, OverTime) else (x, split)
        case Share(by=by):
            return by
        case Table(rows=rows):
            return rows
        case _:
            return ()


def ask(asking: Asking, span: Span) -> dict[str, Any]:
    """The body of a search in the panel's view."""
    return {
        "size": 0,
        "track_total_hits": True,
        "query": _query(asking.where, span),
        "aggs": _groups(buckets(asking), asking.measures, span),
    }


def ask_search(search: Search, span: Span) -> dict[str, Any]:
    """The body of a saved search: its newest documents with the columns' fields."""
    return {
        "size": _HITS,
        "track_total_hits": True,
        "query": _query(search.where, span),
        "sort": [{TIME_FIELD: {"order": "desc"}}],
        "fields": [TIME_FIELD, *search.columns],
        "_source": False,
    }


def read(asking: Asking, span: Span, answer: dict[str, Any]) -> tuple[Row, ...]:
    """Rows of the answer to `ask`, in its order."""
    by = buckets(asking)
    whole = {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}
    per_ms = span.interval_ms if any(isinstance(one, OverTime) for one in by) else None
    return tuple(_rows(by, asking.measures, whole, (), per_ms))


def read_search(search: Search, answer: dict[str, Any]) -> tuple[Row, ...]:
    """A row for each document: its time, and its columns."""
    return tuple(
        Row(
            labels=(_text(hit["fields"].get(TIME_FIELD)),),
            values=tuple(_text(hit["fields"].get(column)) or None for column in search.columns),
            says=True,
        )
        for hit in answer["hits"]["hits"]
    )


def _query(where: Where | None, span: Span) -> Query:
    return {"bool": {"filter": [span.dsl(), *([] if where is None else [where.dsl()])]}}


def _groups(by: tuple[Bucket, ...], measures: tuple[Measure, ...], span: Span) -> dict[str, Any]:
    own = {f"m{place}": _measure(measure) for place, measure in enumerate(measures) if _is_asked(measure)}
    if not by:
        return own
    inner = _groups(by[1:], measures, span)
    match by[0]:
        case OverTime():
            interval = f"{span.interval_ms}ms"
            group = {"date_histogram": {"field": TIME_FIELD, "fixed_interval": interval, "min_doc_count": 1}}
        case Top(field=field, size=size, missing=missing):
            order = [{_order(measures[0]): "desc"}, {"_key": "asc"}]
            without = {"missing": WITHOUT} if missing else {}
            group = {"terms": {"field": field, "size": size, "order": order, **without}}
            inner = {**own, **inner}
        case Split(parts=parts):
            group = {"filters": {"filters": {label: where.dsl() for label, where in parts}}}
    return {"by": {**group, "aggs": inner}} if inner else {"by": group}


def _is_asked(measure: Measure) -> bool:
    """Whether it is more than how many documents a group has, which every group says anyway."""
    return not isinstance(measure, Count) or measure.where is not None


def _measure(measure: Measure) -> dict[str, Any]:
    """Always a filter with the measure in it, so that all are read alike."""
    conditions = [] if measure.where is None else [measure.where.dsl()]
    match measure:
        case Count():
            metric: dict[str, Any] = {"value_count": {"field": _COUNTED}}
        case Of(what=what, field=field):
            metric = {_METRIC[what]: {"field": field}}
        case Percentile(field=field, percent=percent):
            metric = {"percentiles": {"field": field, "percents": [percent]}}
        case Last(field=field):
            conditions.append({"exists": {"field": field}})
            latest = {"size": 1, "sort": [{TIME_FIELD: {"order": "desc"}}]}
            metric = {"top_hits": {**latest, "_source": False, "fields": [field]}}
        case _:
            raise TypeError(f"no aggregation measures {measure!r}")
    return {"filter": {"bool": {"filter": conditions}}, "aggs": {"v": metric}}


def _order(first: Measure) -> str:
    """What terms are ordered by. The value of a latest document orders nothing."""
    match first:
        case Percentile(percent=percent):
            return f"m0>v.{percent}"
        case Of():
            return "m0>v.value"
        case Count(where=where) if where is not None:
            return "m0>v.value"
        case _:
            return "_count"


def _rows(
    by: tuple[Bucket, ...],
    measures: tuple[Measure, ...],
    group: dict[str, Any],
    labels: tuple[str, ...],
    per_ms: int | None,
) -> Iterator[Row]:
    if not by:
        values = tuple(_value(one, place, group, per_ms) for place, one in enumerate(measures))
        says = any(_says(one, value) for one, value in zip(measures, values, strict=True))
        yield Row(labels=labels, values=values, says=says)
        return
    found = group["by"]["buckets"]
    named = found.items() if isinstance(found, dict) else ((_label(one), one) for one in found)
    for label, inner in named:
        yield from _rows(by[1:], measures, inner, (*labels, label), per_ms)
    rest = group["by"].get("sum_other_doc_count", 0)
    if isinstance(by[0], Top) and by[0].other and rest:
        # Of the rest only its size is known without asking again, as Kibana does.
        values = tuple(None if _is_asked(one) else rest for one in measures)
        yield Row(labels=(*labels, "Other", *("" for _ in by[1:])), values=values, says=True)


def _label(bucket: dict[str, Any]) -> str:
    return str(bucket.get("key_as_string", bucket["key"]))


def _value(measure: Measure, place: int, group: dict[str, Any], per_ms: int | None) -> Value:
    if not _is_asked(measure):
        value: Value = group["doc_count"]
    else:
        found = group[f"m{place}"]["v"]
        match measure:
            case Last(field=field):
                hits = found["hits"]["hits"]
                values = hits[0]["fields"][field] if hits else [None]
                value = values[0] if len(values) == 1 else ", ".join(map(str, values))
            case Percentile():
                value = next(iter(found["values"].values()))
            case _:
                value = found["value"]
    if isinstance(measure, Count | Of) and measure.per and per_ms and isinstance(value, int | float):
        return value * _UNIT_MS[measure.per] / per_ms
    return value


def _says(measure: Measure, value: Value) -> bool:
    if isinstance(measure, Count) or (isinstance(measure, Of) and measure.what in {"sum", "unique_count"}):
        return bool(value)
    return value is not None


def _text(values: list[Any] | None) -> str:
    return ", ".join(map(str, values or ()))
