"""Columns of a panel: what documents are grouped by, and what is measured of each group."""

from dataclasses import dataclass
from typing import Literal

from dashboards.kibana.where import Where


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number for each group. `where` narrows it to some of the group's documents."""

    label: str
    where: Where | None = None
    unit: Literal["number", "percent", "ms", "bytes"] = "number"


@dataclass(frozen=True, kw_only=True)
class Count(Measure):
    """How many documents."""

    per: Literal["s", "m", "h"] | None = None
    """As a rate, where a panel is over time."""


@dataclass(frozen=True, kw_only=True)
class Of(Measure):
    """A sum, an average, a smallest or greatest value, or how many distinct values, of a field."""

    what: Literal["sum", "average", "min", "max", "unique_count"]
    field: str
    per: Literal["s", "m", "h"] | None = None
    """Of a sum: as a rate, where a panel is over time."""


@dataclass(frozen=True, kw_only=True)
class Percentile(Measure):
    """The value below which `percent` of a field's values are."""

    field: str
    percent: int


@dataclass(frozen=True, kw_only=True)
class Last(Measure):
    """A field's value in the latest of the group's documents that have it."""

    field: str
    text: bool = False
    """Whether the value is text rather than a number."""
    several: bool = False
    """Whether a document may have several values, all of which are shown."""


@dataclass(frozen=True, kw_only=True)
class OverTime:
    """Groups by time. Kibana chooses the interval."""

    label: str = "Time"


@dataclass(frozen=True, kw_only=True)
class Top:
    """Groups by the most frequent values of a field, or by those with the greatest first measure."""

    label: str
    field: str
    size: int = 10
    other: bool = False
    """Whether the rest stands as one more group."""
    missing: bool = False
    """Whether documents without the field are one more group, as those of hosts have no namespace.
    Kibana makes that group only where it makes the one of the rest: with `other`."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Groups by conditions, each with its label."""

    label: str
    parts: tuple[tuple[str, Where], ...]


Bucket = OverTime | Top | Split
