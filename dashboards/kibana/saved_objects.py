"""Everything Kibana is to have, as one export: data views, searches, dashboards and alert rules.

`lictor.ndjson` beside this file holds `ndjson()`, so that it can be imported without Python; a test keeps
it equal. Made from the same code, the bytes are the same: no times, no drawn ids.
"""

import json

from dashboards.kibana import boards, searches, views
from dashboards.kibana.columns import Json, kuery
from dashboards.kibana.dashboard import dashboard_object
from dashboards.kibana.panels import Search
from dashboards.kibana.rules import rule_objects
from dashboards.kibana.saved import packed, saved_object, view_reference
from dashboards.kibana.views import TIME_FIELD, View

_WHOLE_NUMBER: Json = {"id": "number", "params": {"pattern": "0"}}
"""Without separators: these are names rather than amounts."""


def _duration(unit: str) -> Json:
    return {
        "id": "duration",
        "params": {
            "inputFormat": unit,
            "outputFormat": "humanizePrecise",
            "outputPrecision": 2,
            "useShortSuffix": True,
        },
    }


FIELD_FORMATS: dict[str, dict[str, Json]] = {
    views.VERDICTS.id: {
        "event.duration": _duration("nanoseconds"),
        "event.sequence": _WHOLE_NUMBER,
        "lictor.outcome.exec_to_kill_ms": _duration("milliseconds"),
        "lictor.outcome.exec_to_kill_ns": _duration("nanoseconds"),
        "lictor.policies.offset": _WHOLE_NUMBER,
        "lictor.process.namespace_pid": _WHOLE_NUMBER,
        "process.parent.pid": _WHOLE_NUMBER,
        "process.pid": _WHOLE_NUMBER,
        "destination.port": _WHOLE_NUMBER,
        "source.port": _WHOLE_NUMBER,
    },
    views.EVENTS.id: {
        "event.sequence": _WHOLE_NUMBER,
        "lictor.process.namespace_pid": _WHOLE_NUMBER,
        "process.parent.pid": _WHOLE_NUMBER,
        "process.pid": _WHOLE_NUMBER,
        "destination.port": _WHOLE_NUMBER,
        "source.port": _WHOLE_NUMBER,
    },
    views.HEALTH.id: {
        "event.duration": _duration("nanoseconds"),
        "lictor.policies.offset": _WHOLE_NUMBER,
    },
}
"""How fields are shown, by data view."""


def objects() -> list[Json]:
    """Every saved object, those that others refer to first."""
    return [
        *(_view_object(view) for view in views.ALL),
        *(_search_object(search) for search in searches.ALL),
        *(dashboard_object(board) for board in boards.ALL),
        *rule_objects(),
    ]


def ndjson() -> bytes:
    """The export: an object a line, and at its end the line in which Kibana sums it up."""
    saved = objects()
    summary = {
        "excludedObjects": [],
        "excludedObjectsCount": 0,
        "exportedCount": len(saved),
        "missingRefCount": 0,
        "missingReferences": [],
    }
    return b"".join(_line(one) for one in [*saved, summary])


def _line(value: Json) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _view_object(view: View) -> Json:
    attributes = {
        "title": view.pattern,
        "name": view.name,
        "timeFieldName": TIME_FIELD,
        "allowNoIndex": True,
        "fieldAttrs": packed({}),
        "fieldFormatMap": packed(FIELD_FORMATS[view.id]),
        "fields": packed([]),
        "runtimeFieldMap": packed({}),
        "sourceFilters": packed([]),
        "typeMeta": packed({}),
    }
    return saved_object("index-pattern", view.id, attributes, [], migration="8.0.0")


def _search_object(search: Search) -> Json:
    index = "kibanaSavedObjectMeta.searchSourceJSON.index"
    source = {
        "filter": [],
        "highlightAll": True,
        "indexRefName": index,
        "query": kuery(search.where),
        "version": True,
    }
    attributes = {
        "title": search.title,
        "description": search.description,
        "columns": list(search.columns),
        "sort": [[TIME_FIELD, "desc"]],
        "grid": {},
        "hideChart": False,
        "isTextBasedQuery": False,
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": packed(source)},
    }
    return saved_object(
        "search", search.id, attributes, [view_reference(search.view, index)], migration="8.0.0"
    )
