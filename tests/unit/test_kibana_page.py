"""The generated parts of docs/kibana.md are what the boards, searches and rules say."""

import re

from dashboards.kibana import boards, rules, searches
from dashboards.kibana.panels import Asking, Board, Chart, Listing, Note, Number, Panel, Share, Table
from tests.documented.page import DOCS, hold, table

PAGE = "kibana.md"
KINDS: dict[type[Panel], str] = {Number: "figure", Share: "donut", Table: "table", Listing: "documents"}
CHARTS = {
    "line": "lines",
    "area": "areas",
    "area_stacked": "areas, stacked",
    "bar": "bars",
    "bar_stacked": "bars, stacked",
    "bar_horizontal": "horizontal bars",
}


def kind(panel: Panel) -> str:
    return CHARTS[panel.kind] if isinstance(panel, Chart) else KINDS[type(panel)]


def of(panel: Panel) -> str:
    """Which data view a panel looks into."""
    assert isinstance(panel, Asking | Listing)
    view = panel.view if isinstance(panel, Asking) else panel.search.view
    return view.name.removeprefix("Lictor ")


def plain(text: str) -> str:
    """Links between boards lead nowhere on a page."""
    return re.sub(r"\[([^]]+)\]\(#/view/[^)]+\)", r"*\1*", text)


def sketch(board: Board) -> str:
    """The grid as text: two characters a column, a line for each row of panels."""
    lines = []
    rows = sorted({panel.place.y for panel in board.panels})
    for y in rows:
        row = sorted((one for one in board.panels if one.place.y == y), key=lambda one: one.place.x)
        lines.append("|".join(["", *(panel.title.center(2 * panel.place.w - 1) for panel in row), ""]))
    return "```text\n" + "\n".join(lines) + "\n```\n"


def section(board: Board) -> str:
    about = board.panels[0]
    assert isinstance(about, Note)
    controls = ", ".join(label.lower() for label, _, _ in board.controls)
    rows = [
        (panel.title, kind(panel), of(panel), panel.description)
        for panel in sorted(board.panels, key=lambda one: (one.place.y, one.place.x))
        if not isinstance(panel, Note)
    ]
    name = board.title.removeprefix("[Lictor] ")
    opens = f"Opens with the last {board.since.removeprefix('now-')}; controls: {controls}."
    head = f"### {name}\n\n{plain(about.text)}\n\n{opens}\n\n{sketch(board)}\n"
    return head + table(("panel", "shown as", "of", "what it says"), rows)


def test_boards() -> None:
    hold(PAGE, "boards", "\n" + "\n".join(section(board) for board in boards.ALL) + "\n")


def test_searches() -> None:
    rows = [
        (one.title, one.description, ", ".join(f"`{field}`" for field in one.columns)) for one in searches.ALL
    ]
    hold(PAGE, "searches", table(("search", "what it lists", "columns"), rows))


def test_rules() -> None:
    rows = [(one.name, f"every {one.every}", one.description) for one in rules.ALL]
    hold(PAGE, "rules", table(("rule", "looks", "fires when"), rows))


def test_the_page_says_what_was_not_done() -> None:
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    assert "It was not loaded in Kibana here" in text
