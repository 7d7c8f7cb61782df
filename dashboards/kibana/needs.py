"""Which fields a panel or saved search names, and what it needs each of them to be. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from dashboards.kibana.measures import Bucket, Last, Measure, Of, Percentile, Split, Top
from dashboards.kibana.panels import Asking, Search
from dashboards.kibana.questions import buckets
from dashboards.kibana.views import TIME_FIELD
from dashboards.kibana.where import All, AnyOf, Exists, Greater, Is, Not, Where


class Use(Enum):
    """What is done with a field."""

    SHOWN = "shown"
    SEARCHED = "searched"
    COMPARED = "compared as a number"
    GROUPED = "grouped by"
    COUNTED = "counted as a number"


@dataclass(frozen=True, kw_only=True)
class Need:
    """A field, and one use of it."""

    field: str
    use: Use


NUMBERS = frozenset({"long", "integer", "double", "float", "unsigned_long", "boolean", "date", "date_nanos"})
"""Field types that are measured and compared."""


def of_panel(asking: Asking) -> frozenset[Need]:
    """Everything that a panel needs of its view's indices."""
    return frozenset(
        {
            Need(field=TIME_FIELD, use=Use.COMPARED),
            *of_where(asking.where),
            *(need for one in buckets(asking) for need in _of_bucket(one)),
            *(need for one in asking.measures for need in _of_measure(one)),
        }
    )


def of_search(search: Search) -> frozenset[Need]:
    """Everything that a saved search needs of its view's indices."""
    columns = (Need(field=column, use=Use.SHOWN) for column in search.columns)
    return frozenset({Need(field=TIME_FIELD, use=Use.COMPARED), *of_where(search.where), *columns})


def of_where(where: Where | None) -> Iterator[Need]:
    """Everything that a condition needs."""
    match where:
        case None:
            return
        case Is(field=field) | Exists(field=field):
            yield Need(field=field, use=Use.SEARCHED)
        case Greater(field=field):
            yield Need(field=field, use=Use.COMPARED)
        case Not(other=other):
            yield from of_where(other)
        case All(others=others) | AnyOf(others=others):
            for one in others:
                yield from of_where(one)
        case _:
            raise TypeError(f"nobody knows which fields {where!r} names")


def _of_bucket(bucket: Bucket) -> Iterator[Need]:
    match bucket:
        case Top(field=field):
            yield Need(field=field, use=Use.GROUPED)
        case Split(parts=parts):
            for _, where in parts:
                yield from of_where(where)
        case _:
            return


def _of_measure(measure: Measure) -> Iterator[Need]:
    yield from of_where(measure.where)
    match measure:
        case Of(what="unique_count", field=field):
            yield Need(field=field, use=Use.GROUPED)
        case Of(field=field) | Percentile(field=field):
            yield Need(field=field, use=Use.COUNTED)
        case Last(field=field, text=text):
            yield Need(field=field, use=Use.GROUPED if text else Use.COUNTED)
        case _:
            return


def unmet(need: Need, types: dict[str, dict[str, bool]]) -> str | None:
    """What is wrong, in words, with a field's capabilities (type name to what it can); None if nothing.

    `types` is what Elasticsearch's `_field_caps` says of the field.
    """
    if not types:
        return f"{need.field} is in no index"
    if len(types) > 1:
        return f"{need.field} has several types: {', '.join(sorted(types))}"
    ((kind, able),) = types.items()
    if need.use is not Use.SHOWN and not able["searchable"]:
        return f"{need.field} ({kind}) cannot be searched"
    if need.use in {Use.GROUPED, Use.COUNTED} and not able["aggregatable"]:
        return f"{need.field} ({kind}) cannot be aggregated"
    if need.use in {Use.COMPARED, Use.COUNTED} and kind not in NUMBERS:
        return f"{need.field} is {kind}, and is {need.use.value}"
    return None
