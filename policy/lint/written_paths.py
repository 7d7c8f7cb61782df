"""The paths, names and globs that a rule holds, and where each stands."""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from policy.documents.problems import Place
from policy.lint.linted import WrittenRule

FieldName = Literal["path", "dir", "pattern", "execname"]
_FIELDS: tuple[FieldName, ...] = ("path", "dir", "pattern", "execname")


class WrittenPath(NamedTuple):
    """One of them."""

    field: FieldName
    text: str
    place: Place
    source: bool
    """Whether it stands in `fromSource`."""
    program: bool
    """Whether it is about a program that is executed or acts."""


def paths_of(written: WrittenRule) -> Iterator[WrittenPath]:
    """The rule's own first, then its sources'."""
    rule: Any = written.rule
    yield from _of(rule, written.place, source=False, program=written.section == "process")
    for number, source in enumerate(getattr(rule, "from_source", ())):
        yield from _of(source, (*written.place, "fromSource", number), source=True, program=True)


def _of(holder: Any, place: Place, *, source: bool, program: bool) -> Iterator[WrittenPath]:
    for field in _FIELDS:
        text = getattr(holder, field, None)
        if isinstance(text, str):
            yield WrittenPath(field, text, (*place, field), source, program)


def literal_prefix(pattern: str) -> str:
    """The part of a glob before the first character that may stand for others."""
    for index, character in enumerate(pattern):
        if character in "*?[{\\":
            return pattern[:index]
    return pattern
