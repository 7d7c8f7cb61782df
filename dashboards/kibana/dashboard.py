"""Boards as saved objects of type dashboard.

The structure is that of Kibana 8.9 (`dashboard` of src/platform/plugins/shared/dashboard, before the
model versions of Kibana 9, which migrates from it): panels, options and controls are JSON within JSON, and
what they refer to stands in `references` under names that begin with the panel's.
"""

from dashboards.kibana import lens
from dashboards.kibana.columns import Json, kuery
from dashboards.kibana.panels import Asking, Board, Listing, Note, Panel
from dashboards.kibana.saved import packed, saved_object, view_reference

MIGRATION = "8.9.0"
REFRESH_MS = 60_000
"""How often an open dashboard asks again, once someone starts it: it opens paused."""


def dashboard_object(board: Board) -> Json:
    """A dashboard, whole but for what it refers to: data views and saved searches."""
    panels, references = [], []
    for panel in board.panels:
        shown, its_references = _panel(panel)
        panels.append(shown)
        references += its_references
    controls, of_controls = _controls(board)
    attributes = {
        "title": board.title,
        "description": board.description,
        "panelsJSON": packed(panels),
        "optionsJSON": packed(
            {
                "hidePanelTitles": False,
                "syncColors": True,
                "syncCursor": True,
                "syncTooltips": False,
                "useMargins": True,
            }
        ),
        "controlGroupInput": controls,
        "kibanaSavedObjectMeta": {"searchSourceJSON": packed({"filter": [], "query": kuery(None)})},
        "timeRestore": True,
        "timeFrom": board.since,
        "timeTo": "now",
        "refreshInterval": {"pause": True, "value": REFRESH_MS},
        "version": 1,
    }
    return saved_object("dashboard", board.id, attributes, [*references, *of_controls], migration=MIGRATION)


def _panel(panel: Panel) -> tuple[Json, list[Json]]:
    """A panel, and what the dashboard refers to because of it."""
    place = panel.place
    shown: Json = {
        "panelIndex": panel.id,
        "gridData": {"i": panel.id, "x": place.x, "y": place.y, "w": place.w, "h": place.h},
        "title": panel.title,
    }
    config: Json = {"enhancements": {}, "hidePanelTitles": isinstance(panel, Note)}
    if panel.description:
        config["description"] = panel.description
    match panel:
        case Note():
            config["savedVis"] = _markdown(panel)
            return {**shown, "type": "visualization", "embeddableConfig": config}, []
        case Listing():
            name = f"panel_{panel.id}"
            reference = {"id": panel.search.id, "name": f"{panel.id}:{name}", "type": "search"}
            return {**shown, "type": "search", "embeddableConfig": config, "panelRefName": name}, [reference]
        case Asking():
            config["attributes"] = lens.attributes(panel)
            own = lens.layer_reference(panel)
            reference = {**own, "name": f"{panel.id}:{own['name']}"}
            return {**shown, "type": "lens", "embeddableConfig": config}, [reference]
        case _:
            raise TypeError(f"{type(panel).__name__} is no panel of a dashboard")


def _markdown(note: Note) -> Json:
    return {
        "title": note.title,
        "description": "",
        "type": "markdown",
        "params": {"fontSize": 12, "markdown": note.text, "openLinksInNewTab": False},
        "uiState": {},
        "data": {"aggs": [], "searchSource": {"filter": [], "query": kuery(None)}},
    }


def _controls(board: Board) -> tuple[Json, list[Json]]:
    """The controls above the panels. Each narrows the choices of those to its right."""
    controls: Json = {}
    references = []
    for order, (label, view, field) in enumerate(board.controls):
        name = f"control-{order}"
        controls[name] = {
            "type": "optionsListControl",
            "order": order,
            "width": "medium",
            "grow": True,
            "explicitInput": {
                "id": name,
                "title": label,
                "fieldName": field,
                "selectedOptions": [],
                "searchTechnique": "wildcard",
                "sort": {"by": "_count", "direction": "desc"},
                "enhancements": {},
            },
        }
        references.append(view_reference(view, f"controlGroup_{name}:optionsListDataView"))
    ignored = dict.fromkeys(("ignoreFilters", "ignoreQuery", "ignoreTimerange", "ignoreValidations"), False)
    group = {
        "chainingSystem": "HIERARCHICAL",
        "controlStyle": "oneLine",
        "ignoreParentSettingsJSON": packed(ignored),
        "panelsJSON": packed(controls),
    }
    return group, references
