"""The export for Kibana: whole, of itself consistent, and always the same bytes."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboards.kibana import boards, questions, saved_objects, searches, views
from dashboards.kibana.measures import OverTime, Top
from dashboards.kibana.panels import Asking, Chart, Listing, Note
from dashboards.template import EVENTS, HEALTH, VERDICTS

FILE = Path(saved_objects.__file__).with_name("lictor.ndjson")
OBJECTS = saved_objects.objects()
DASHBOARDS = [one for one in OBJECTS if one["type"] == "dashboard"]
VIEW_IDS = {view.id for view in views.ALL}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OPERATIONS = {
    "date_histogram",
    "terms",
    "filters",
    "count",
    "sum",
    "average",
    "min",
    "max",
    "unique_count",
    "percentile",
    "last_value",
}
"""Of Kibana 9's form-based data source; the ones made here."""

SERIES = {"line", "area", "area_stacked", "bar", "bar_stacked", "bar_horizontal"}
every_dashboard = pytest.mark.parametrize("saved", DASHBOARDS, ids=[one["id"] for one in DASHBOARDS])


def strings_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Every named value below, JSON within JSON opened."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield name, one
            yield from strings_of(json.loads(one) if name.endswith("JSON") else one)
    elif isinstance(value, list):
        for one in value:
            yield from strings_of(one)


def lens_panels() -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{saved['id']}-{panel['panelIndex']}", panel)
        for saved in DASHBOARDS
        for panel in json.loads(saved["attributes"]["panelsJSON"])
        if panel["type"] == "lens"
    ]


every_lens = pytest.mark.parametrize(
    "panel", [panel for _, panel in lens_panels()], ids=[name for name, _ in lens_panels()]
)


def layer_of(panel: dict[str, Any]) -> dict[str, Any]:
    state = panel["embeddableConfig"]["attributes"]["state"]
    (layer,) = state["datasourceStates"]["formBased"]["layers"].values()
    return dict(layer)


def test_the_file_in_the_tree_is_what_the_code_makes() -> None:
    made = saved_objects.ndjson()
    if os.environ.get("LICTOR_WRITE_DOCS"):
        FILE.write_bytes(made)
    assert FILE.read_bytes() == made, "run the tests with LICTOR_WRITE_DOCS=1 and look at the difference"


def test_another_process_makes_the_same_bytes() -> None:
    program = (
        "import sys; from dashboards.kibana.saved_objects import ndjson; sys.stdout.buffer.write(ndjson())"
    )
    other = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        cwd=Path(__file__).parents[2],
    )
    assert other.stdout == saved_objects.ndjson()


def test_an_object_a_line_and_a_summary() -> None:
    raw = saved_objects.ndjson()
    assert raw.endswith(b"\n")
    *lines, last = [json.loads(line) for line in raw.splitlines()]
    assert lines == json.loads(json.dumps(OBJECTS))
    assert last == {
        "excludedObjects": [],
        "excludedObjectsCount": 0,
        "exportedCount": len(OBJECTS),
        "missingRefCount": 0,
        "missingReferences": [],
    }


def test_every_kind_is_there() -> None:
    kinds = [one["type"] for one in OBJECTS]
    assert kinds.count("index-pattern") == len(views.ALL)
    assert kinds.count("search") == len(searches.ALL)
    assert kinds.count("dashboard") == len(boards.ALL) == 5
    assert kinds.count("alert") == 4
    assert len(kinds) == len(views.ALL) + len(searches.ALL) + 5 + 4


def test_envelopes() -> None:
    assert len({(one["type"], one["id"]) for one in OBJECTS}) == len(OBJECTS)
    for one in OBJECTS:
        assert one["coreMigrationVersion"] == "8.8.0"
        assert one["managed"] is False
        assert not {"updated_at", "created_at", "version"} & set(one)
    versions = {one["type"]: one["typeMigrationVersion"] for one in OBJECTS if one["type"] != "alert"}
    assert versions == {"index-pattern": "8.0.0", "search": "8.0.0", "dashboard": "8.9.0"}
    assert all(UUID.fullmatch(one["id"]) for one in OBJECTS if one["type"] == "alert")


ATTRIBUTES = {
    "dashboard": {
        "title",
        "description",
        "kibanaSavedObjectMeta",
        "timeRestore",
        "timeFrom",
        "timeTo",
        "refreshInterval",
        "controlGroupInput",
        "panelsJSON",
        "optionsJSON",
        "hits",
        "version",
    },
    "search": {
        "title",
        "description",
        "columns",
        "sort",
        "grid",
        "rowHeight",
        "rowsPerPage",
        "hideChart",
        "breakdownField",
        "kibanaSavedObjectMeta",
        "isTextBasedQuery",
        "usesAdHocDataView",
        "timeRestore",
        "timeRange",
        "refreshInterval",
        "viewMode",
        "hideAggregatedPreview",
        "hits",
        "version",
    },
}
"""All that Kibana's schemas of these versions know (`dashboardAttributesSchema` v1, `SCHEMA_SEARCH_V8_8_0`):
an import with any other is refused."""


@pytest.mark.parametrize("kind", ATTRIBUTES)
def test_kibana_knows_every_attribute(kind: str) -> None:
    found = [one["attributes"] for one in OBJECTS if one["type"] == kind]
    assert found
    for attributes in found:
        assert set(attributes) <= ATTRIBUTES[kind]
        assert isinstance(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"], str)


def test_every_reference_leads_to_an_object_before_it() -> None:
    seen: set[tuple[str, str]] = set()
    for one in OBJECTS:
        names = [reference["name"] for reference in one["references"]]
        assert len(names) == len(set(names))
        for reference in one["references"]:
            assert set(reference) == {"id", "name", "type"}
            assert (reference["type"], reference["id"]) in seen
        seen.add((one["type"], one["id"]))


@every_dashboard
def test_references_of_panels_stand_in_the_dashboard_too(saved: dict[str, Any]) -> None:
    expected = []
    for panel in json.loads(saved["attributes"]["panelsJSON"]):
        index = panel["panelIndex"]
        assert panel["gridData"]["i"] == index
        assert ":" not in index, "Kibana finds a panel's references by what stands before the colon"
        if panel["type"] == "lens":
            attributes = panel["embeddableConfig"]["attributes"]
            (layer,) = attributes["state"]["datasourceStates"]["formBased"]["layers"]
            (own,) = attributes["references"]
            assert own["name"] == f"indexpattern-datasource-layer-{layer}"
            assert own["id"] in VIEW_IDS
            expected.append({**own, "name": f"{index}:{own['name']}"})
        if panel["type"] == "search":
            found = [one for one in saved["references"] if one["name"] == f"{index}:{panel['panelRefName']}"]
            assert [one["type"] for one in found] == ["search"]
            expected += found
    for name, control in json.loads(saved["attributes"]["controlGroupInput"]["panelsJSON"]).items():
        assert control["explicitInput"]["id"] == name
        assert "dataViewId" not in control["explicitInput"]
        wanted = f"controlGroup_{name}:optionsListDataView"
        expected += [one for one in saved["references"] if one["name"] == wanted]
    assert saved["references"] == expected
    assert len(expected) == len(
        [p for p in json.loads(saved["attributes"]["panelsJSON"]) if p["type"] != "visualization"]
    ) + len(json.loads(saved["attributes"]["controlGroupInput"]["panelsJSON"]))


@every_dashboard
def test_a_dashboard_holds_what_its_board_says(saved: dict[str, Any]) -> None:
    board = next(one for one in boards.ALL if one.id == saved["id"])
    attributes = saved["attributes"]
    assert (attributes["title"], attributes["description"]) == (board.title, board.description)
    assert (attributes["timeFrom"], attributes["timeTo"]) == (board.since, "now")
    kinds = {Note: "visualization", Listing: "search"}
    for said, panel in zip(board.panels, json.loads(attributes["panelsJSON"]), strict=True):
        place = said.place
        assert panel["gridData"] == {"i": said.id, "x": place.x, "y": place.y, "w": place.w, "h": place.h}
        assert panel["title"] == said.title
        assert panel["type"] == kinds.get(type(said), "lens")
        assert panel["embeddableConfig"].get("description", "") == said.description
        if isinstance(said, Note):
            assert panel["embeddableConfig"]["savedVis"]["params"]["markdown"] == said.text
        if isinstance(said, Asking):
            state = panel["embeddableConfig"]["attributes"]["state"]
            assert state["query"] == {"language": "kuery", "query": said.where.kql() if said.where else ""}
    fields = [one["explicitInput"]["fieldName"] for one in _controls(saved)]
    assert fields == [field for _, _, field in board.controls]


def _controls(saved: dict[str, Any]) -> list[dict[str, Any]]:
    controls = json.loads(saved["attributes"]["controlGroupInput"]["panelsJSON"])
    return sorted(controls.values(), key=lambda one: int(one["order"]))


@every_lens
def test_columns_of_a_layer(panel: dict[str, Any]) -> None:
    layer = layer_of(panel)
    columns, order = layer["columns"], layer["columnOrder"]
    assert sorted(order) == sorted(columns)
    assert len(order) == len(set(order))
    grouped = [columns[name]["isBucketed"] for name in order]
    assert grouped == sorted(grouped, reverse=True), "Lens nests groups in this order, measures last"
    for name, column in columns.items():
        operation = column["operationType"]
        assert operation in OPERATIONS
        assert column["label"]
        assert ("sourceField" in column) == (operation != "filters"), name
        assert (operation == "count") == (column.get("sourceField") == "___records___")
        if operation == "terms":
            ranking = column["params"]["orderBy"]
            assert not columns[ranking["columnId"]]["isBucketed"]
            assert columns[ranking["columnId"]]["operationType"] != "last_value"
        if operation == "last_value":
            assert column["params"]["sortField"] == "@timestamp"
            assert column["filter"]["query"].endswith(f"{column['sourceField']} : *") or column["filter"][
                "query"
            ].endswith(f"{column['sourceField']} : *)")


@every_lens
def test_a_visualization_shows_all_of_its_columns(panel: dict[str, Any]) -> None:
    attributes = panel["embeddableConfig"]["attributes"]
    shown, columns = attributes["state"]["visualization"], layer_of(panel)["columns"]
    (name,) = attributes["state"]["datasourceStates"]["formBased"]["layers"]
    match attributes["visualizationType"]:
        case "lnsMetric":
            assert shown["layerId"] == name
            used = [shown["metricAccessor"]]
        case "lnsXY":
            (layer,) = shown["layers"]
            assert layer["layerId"] == name
            assert layer["seriesType"] in SERIES
            used = [
                layer["xAccessor"],
                *layer["accessors"],
                *([layer["splitAccessor"]] if "splitAccessor" in layer else []),
            ]
        case "lnsPie":
            (layer,) = shown["layers"]
            assert layer["layerId"] == name
            used = [*layer["primaryGroups"], *layer["metrics"]]
        case "lnsDatatable":
            assert shown["layerId"] == name
            used = [one["columnId"] for one in shown["columns"]]
        case other:
            pytest.fail(f"no visualization of Lens: {other}")
    assert sorted(used) == sorted(columns)


def test_lens_and_the_search_ask_for_the_same_groups_and_measures() -> None:
    made = dict(lens_panels())
    asking = [(board, panel) for board in boards.ALL for panel in board.panels if isinstance(panel, Asking)]
    assert len(asking) == len(made)
    for board, panel in asking:
        layer = layer_of(made[f"{board.id}-{panel.id}"])
        columns = [layer["columns"][name] for name in layer["columnOrder"]]
        groups = [column for column in columns if column["isBucketed"]]
        measures = [column for column in columns if not column["isBucketed"]]
        nested = questions.buckets(panel)
        assert [group["label"] for group in groups] == [bucket.label for bucket in nested]
        for group, bucket in zip(groups, nested, strict=True):
            if isinstance(bucket, Top):
                parameters = group["params"]
                assert (group["sourceField"], parameters["size"]) == (bucket.field, bucket.size)
                assert parameters["otherBucket"] == bucket.other
                assert parameters["missingBucket"] == bucket.missing
        for column, measure in zip(measures, panel.measures, strict=True):
            assert column["label"] == measure.label
            assert column["sourceField"] == getattr(measure, "field", "___records___")
            said = measure.where.kql() if measure.where else ""
            assert said in column.get("filter", {"query": ""})["query"]
            assert bool(said) <= ("filter" in column)


def test_a_series_over_time_is_ranked_as_a_whole() -> None:
    chart = next(
        (board, panel)
        for board in boards.ALL
        for panel in board.panels
        if isinstance(panel, Chart) and isinstance(panel.x, OverTime) and panel.split
    )
    board, said = chart
    panel = dict(lens_panels())[f"{board.id}-{said.id}"]
    assert layer_of(panel)["columnOrder"] == ["split", "x", "measure-0"]


def queries() -> list[str]:
    return [
        value["query"]
        for one in OBJECTS
        for name, value in strings_of(one["attributes"])
        if isinstance(value, dict) and value.get("language") == "kuery"
    ]


def test_every_kql_is_balanced_and_only_whole_boards_have_none() -> None:
    found = queries()
    notes_and_boards = 2 * len(boards.ALL)
    assert found.count("") == notes_and_boards
    for kql in filter(None, found):
        unquoted = re.sub(r'"(\\.|[^"\\])*"', "value", kql)
        assert '"' not in unquoted
        depth = 0
        for character in unquoted:
            depth += {"(": 1, ")": -1}.get(character, 0)
            assert depth >= 0, kql
        assert depth == 0, kql
        assert re.fullmatch(r"[\w@.:*()<> ]+", unquoted), kql
        assert "()" not in unquoted


def test_data_views() -> None:
    streams = {views.VERDICTS: VERDICTS, views.EVENTS: EVENTS, views.HEALTH: HEALTH}
    for view in views.ALL:
        mapped = streams[view].body()["template"]["mappings"]["properties"]
        saved = next(one for one in OBJECTS if one["id"] == view.id)
        attributes = saved["attributes"]
        assert attributes["title"] == view.pattern
        assert attributes["timeFieldName"] == "@timestamp"
        assert json.loads(attributes["runtimeFieldMap"]) == {}
        formats = json.loads(attributes["fieldFormatMap"])
        assert {one["id"] for one in formats.values()} <= {"duration", "number"}
        for field, shown in formats.items():
            below = {"properties": mapped}
            for name in field.split("."):
                below = below["properties"][name]
            assert below["type"] in {"long", "double"}
            if field.endswith("_ms"):
                assert shown["params"]["inputFormat"] == "milliseconds"
            if field.endswith(("_ns", "duration")):
                assert shown["params"]["inputFormat"] == "nanoseconds"


def test_links_between_boards_lead_somewhere() -> None:
    ids = {board.id for board in boards.ALL}
    texts = [panel.text for board in boards.ALL for panel in board.panels if isinstance(panel, Note)]
    links = [link for text in texts for link in re.findall(r"\(#/view/([^)]+)\)", text)]
    assert links
    assert set(links) <= ids
