"""Buckets and measures as columns of a Lens layer.

The structure is that of Kibana 8.9 and 9: x-pack/platform/plugins/shared/lens,
`FormBasedPersistedState` and the column types of its operations.
"""

from typing import Any

from dashboards.kibana.measures import Bucket, Count, Last, Measure, Of, OverTime, Percentile, Split, Top
from dashboards.kibana.views import TIME_FIELD
from dashboards.kibana.where import All, Exists, Where

Json = dict[str, Any]

RECORDS = "___records___"
"""Lens's name for documents as a whole, which a count is of."""

_FORMATS: dict[str, Json] = {
    "percent": {"id": "percent", "params": {"decimals": 1}},
    "ms": {"id": "number", "params": {"decimals": 2, "suffix": " ms"}},
    "bytes": {"id": "bytes", "params": {"decimals": 1}},
}
"""`number` is shown as the data view's field formats have it."""


def kuery(where: Where | None) -> Json:
    """A condition as Kibana keeps queries; without one, all documents."""
    return {"language": "kuery", "query": "" if where is None else where.kql()}


def bucket_column(bucket: Bucket, order_by: str | None) -> Json:
    """Groups as a column. `order_by` is the id of the measure that ranks values; None: by name."""
    match bucket:
        case OverTime():
            return {
                **_column(bucket.label, "date_histogram", "date", "interval"),
                "isBucketed": True,
                "sourceField": TIME_FIELD,
                "params": {"interval": "auto", "includeEmptyRows": True, "dropPartials": False},
            }
        case Split():
            return {
                **_column(bucket.label, "filters", "string", "ordinal"),
                "isBucketed": True,
                "params": {
                    "filters": [{"label": label, "input": kuery(where)} for label, where in bucket.parts]
                },
            }
        case Top():
            return {
                **_column(bucket.label, "terms", "string", "ordinal"),
                "isBucketed": True,
                "sourceField": bucket.field,
                "params": _terms(bucket, order_by),
            }


def measure_column(measure: Measure, *, zero: bool) -> Json:
    """A measure as a column. `zero`: whether nothing is shown as 0 instead of as a gap."""
    column: Json
    match measure:
        case Count():
            column = {
                **_column(measure.label, "count", "number", "ratio"),
                "sourceField": RECORDS,
                "params": {"emptyAsNull": not zero},
            }
        case Of(what="sum" | "unique_count"):
            column = {**_of_field(measure, measure.what), "params": {"emptyAsNull": not zero}}
        case Of():
            column = {**_of_field(measure, measure.what), "params": {}}
        case Percentile():
            column = {**_of_field(measure, "percentile"), "params": {"percentile": measure.percent}}
        case Last():
            column = {
                **_column(
                    measure.label, "last_value", _type(measure), "ordinal" if measure.text else "ratio"
                ),
                "sourceField": measure.field,
                "params": {"sortField": TIME_FIELD, "showArrayValues": measure.several},
            }
        case _:
            raise TypeError(f"{type(measure).__name__} is no measure of Lens")
    if isinstance(measure, Count | Of) and measure.per is not None:
        column["timeScale"] = measure.per
    where = narrowed(measure)
    if where is not None:
        column["filter"] = kuery(where)
    if measure.unit != "number":
        column["params"]["format"] = _FORMATS[measure.unit]
    return column


def narrowed(measure: Measure) -> Where | None:
    """Which of a group's documents a measure is of: a last value is of those that have the field."""
    if not isinstance(measure, Last):
        return measure.where
    has = Exists(measure.field)
    return has if measure.where is None else All(measure.where, has)


def _terms(top: Top, order_by: str | None) -> Json:
    order: Json = {"type": "alphabetical", "fallback": True}
    if order_by is not None:
        order = {"type": "column", "columnId": order_by}
    return {
        "size": top.size,
        "orderBy": order,
        "orderDirection": "asc" if order_by is None else "desc",
        "otherBucket": top.other,
        "missingBucket": top.missing,
        "parentFormat": {"id": "terms"},
        "include": [],
        "exclude": [],
        "includeIsRegex": False,
        "excludeIsRegex": False,
    }


def _of_field(measure: Of | Percentile, operation: str) -> Json:
    return {
        **_column(measure.label, operation, _type(measure), "ratio"),
        "sourceField": measure.field,
    }


def _type(measure: Of | Percentile | Last) -> str:
    if isinstance(measure, Last) and measure.text:
        return "string"
    return "date" if measure.field == TIME_FIELD else "number"


def _column(label: str, operation: str, data_type: str, scale: str) -> Json:
    return {
        "label": label,
        "customLabel": True,
        "dataType": data_type,
        "operationType": operation,
        "isBucketed": False,
        "scale": scale,
    }
