"""Which documents a panel is about, said once: as KQL for Kibana, and as Elasticsearch's query DSL."""

import json
from dataclasses import dataclass
from typing import Any, Protocol

Query = dict[str, Any]
Value = str | int | float | bool


_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\t": "\\t", "\r": "\\r", "\n": "\\n"})
"""All that KQL knows to escape between quotes; everything else stands for itself."""


def literal(value: Value) -> str:
    """A value in KQL: text in quotes, where nothing is an operator or a wildcard."""
    return f'"{value.translate(_ESCAPED)}"' if isinstance(value, str) else json.dumps(value)


class Where(Protocol):
    """A condition on documents."""

    def kql(self) -> str:
        """As Kibana's query bar has it."""
        ...

    def dsl(self) -> Query:
        """As a search has it, in filter context."""
        ...


@dataclass(frozen=True)
class Is:
    """A field has one of these values."""

    field: str
    values: tuple[Value, ...]

    def __init__(self, field: str, *values: Value) -> None:
        """At least one value."""
        if not values:
            raise ValueError(f"{field} is compared with nothing")
        object.__setattr__(self, "field", field)
        object.__setattr__(self, "values", values)

    def kql(self) -> str:
        """`field : "a"` or `field : ("a" or "b")`."""
        said = " or ".join(literal(value) for value in self.values)
        return f"{self.field} : {said}" if len(self.values) == 1 else f"{self.field} : ({said})"

    def dsl(self) -> Query:
        """A terms query."""
        return {"terms": {self.field: list(self.values)}}


@dataclass(frozen=True)
class Exists:
    """A field has a value."""

    field: str

    def kql(self) -> str:
        """`field : *`."""
        return f"{self.field} : *"

    def dsl(self) -> Query:
        """An exists query."""
        return {"exists": {"field": self.field}}


@dataclass(frozen=True)
class Greater:
    """A number is greater than another."""

    field: str
    than: int | float

    def kql(self) -> str:
        """`field > 3`."""
        return f"{self.field} > {json.dumps(self.than)}"

    def dsl(self) -> Query:
        """A range query."""
        return {"range": {self.field: {"gt": self.than}}}


@dataclass(frozen=True)
class Not:
    """The condition does not hold."""

    other: Where

    def kql(self) -> str:
        """`not (...)`."""
        return f"not ({self.other.kql()})"

    def dsl(self) -> Query:
        """A must_not."""
        return {"bool": {"must_not": [self.other.dsl()]}}


@dataclass(frozen=True)
class All:
    """Every one of several conditions holds."""

    others: tuple[Where, ...]

    def __init__(self, *others: Where) -> None:
        """At least two conditions."""
        object.__setattr__(self, "others", others)

    def kql(self) -> str:
        """`(...) and (...)`."""
        return " and ".join(f"({one.kql()})" for one in self.others)

    def dsl(self) -> Query:
        """A filter."""
        return {"bool": {"filter": [one.dsl() for one in self.others]}}


@dataclass(frozen=True)
class AnyOf:
    """At least one of several conditions holds."""

    others: tuple[Where, ...]

    def __init__(self, *others: Where) -> None:
        """At least two conditions."""
        object.__setattr__(self, "others", others)

    def kql(self) -> str:
        """`(...) or (...)`."""
        return " or ".join(f"({one.kql()})" for one in self.others)

    def dsl(self) -> Query:
        """A should of which one must match."""
        return {"bool": {"should": [one.dsl() for one in self.others], "minimum_should_match": 1}}
