"""One document as plain values that remember where they stood."""

from typing import NamedTuple

from policy.documents.problems import Place, Problem

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]


class Mark(NamedTuple):
    """A place in a text, both from 1."""

    line: int
    column: int


class Tree(NamedTuple):
    """One document of a text."""

    value: Value
    keys: dict[Place, Mark]
    """Where the keys of mappings stand."""
    values: dict[Place, Mark]
    """Where values begin."""
    start: Mark
    problems: tuple[Problem, ...]

    def mark(self, place: Place, *, key: bool = False) -> Mark:
        """Where the value (or its key) at `place` stands, else the nearest value around it."""
        if key and place in self.keys:
            return self.keys[place]
        while place:
            if place in self.values:
                return self.values[place]
            place = place[:-1]
        return self.start
