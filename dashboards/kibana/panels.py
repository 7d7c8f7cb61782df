"""Panels and the dashboards that hold them."""

from dataclasses import dataclass
from typing import Literal

from dashboards.kibana.measures import Bucket, Measure
from dashboards.kibana.views import View
from dashboards.kibana.where import Where

COLUMNS = 48
"""Width of Kibana's grid."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a panel is on the grid, in its units: 48 columns; a row is some 20 pixels."""

    x: int
    y: int
    w: int
    h: int


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Something on a dashboard. `id` is unique and stable within its dashboard."""

    id: str
    title: str
    place: Place
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Asking(Panel):
    """A panel that asks Elasticsearch for groups and measures."""

    view: View
    measures: tuple[Measure, ...]
    where: Where | None = None
    may_be_empty: bool = False
    """Whether nothing to show is a good sign, so that a run of the sample need not fill it."""


@dataclass(frozen=True, kw_only=True)
class Number(Asking):
    """One figure: exactly one measure."""


@dataclass(frozen=True, kw_only=True)
class Chart(Asking):
    """Lines, areas or bars over `x`, one series for each of `split`."""

    kind: Literal["line", "area", "area_stacked", "bar", "bar_stacked", "bar_horizontal"]
    x: Bucket
    split: Bucket | None = None


@dataclass(frozen=True, kw_only=True)
class Share(Asking):
    """A donut: exactly one measure, split by one bucket or, in rings, by several."""

    by: tuple[Bucket, ...]


@dataclass(frozen=True, kw_only=True)
class Table(Asking):
    """A row for each group of `rows`, a column for each measure."""

    rows: tuple[Bucket, ...]


@dataclass(frozen=True, kw_only=True)
class Search:
    """A saved search: the documents themselves, newest first. `id` is its saved object's."""

    id: str
    title: str
    description: str
    view: View
    columns: tuple[str, ...]
    where: Where | None = None
    may_be_empty: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing(Panel):
    """A saved search on a dashboard."""

    search: Search


@dataclass(frozen=True, kw_only=True)
class Note(Panel):
    """Text in Markdown."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Board:
    """A dashboard. `id` is its saved object's, stable for ever: links of users point to it."""

    id: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    controls: tuple[tuple[str, View, str], ...] = ()
    """Fields to choose values of, above the panels: label, view, field."""
    since: str = "now-24h"
    """The time range when it is opened, to now."""
