"""Rules found by what they are about and by who acts, at a cost that their number does not change."""

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec


class SeenPath(msgspec.Struct, frozen=True, gc=False):
    """A path of an event."""

    text: str
    truncated: bool = False
    """`text` is the end of a longer path."""
    exact: bool = True
    """Whether it is the kernel's own resolved path. No Allow rule is satisfied by anything less."""


class Tabled(Protocol):
    """A rule as far as tables go."""

    @property
    def found_by(self) -> tuple[str, ...]:
        """Paths of the programs that have to act for it to match; empty: any may."""

    @property
    def meaning(self) -> Hashable:
        """What it says of what it is about. Where two match and mean the same, they differ in credit only."""


AnyRule = TypeVar("AnyRule")
R = TypeVar("R", bound=Tabled)
K = TypeVar("K", bound=Hashable)


class Placed(NamedTuple, Generic[AnyRule]):
    """A rule and its place in the order in which policies were applied."""

    order: int
    rule: AnyRule


class Entry(Generic[R]):
    """The rules under one key."""

    __slots__ = ("_by_source", "_plain", "every")

    def __init__(self, every: Sequence[Placed[R]]) -> None:
        """`every` in the order in which their policies were applied."""
        self.every = every
        self._plain = every
        self._by_source: dict[str, Sequence[Placed[R]]] | None = None
        by_source: dict[str, list[Placed[R]]] = {}
        for placed in every:
            for source in dict.fromkeys(placed.rule.found_by):
                by_source.setdefault(source, []).append(placed)
        if by_source:
            self._plain = [placed for placed in every if not placed.rule.found_by]
            self._by_source = {source: _first_of_equals(rules) for source, rules in by_source.items()}
        self._plain = _first_of_equals(self._plain)

    def by(self, source: SeenPath | None) -> Sequence[Placed[R]]:
        """Those that can decide what `source` does: of rules that say the same the first.

        A source that is truncated may be any of many programs, and then they are `every` rule.
        """
        if source is None or self._by_source is None:
            return self._plain
        if source.truncated:
            return self.every
        own = self._by_source.get(source.text)
        return (*self._plain, *own) if own else self._plain


def _first_of_equals(rules: Sequence[Placed[R]]) -> Sequence[Placed[R]]:
    if len(rules) < 2:
        return rules
    firsts: dict[Hashable, Placed[R]] = {}
    for placed in rules:
        firsts.setdefault(placed.rule.meaning, placed)
    return list(firsts.values())


class RuleTable(Generic[K, R]):
    """Entries by key: a path, a directory, a protocol."""

    __slots__ = ("entries", "find")

    def __init__(self, rules: Iterable[tuple[K, Placed[R]]]) -> None:
        """`rules` in the order in which their policies were applied, each with a key of its own."""
        collected: dict[K, list[Placed[R]]] = {}
        for key, placed in rules:
            collected.setdefault(key, []).append(placed)
        self.entries = {key: Entry(found) for key, found in collected.items()}
        self.find = self.entries.get
        """The entry of a key, or None."""


class Endings(Generic[R]):
    """Entries found by the end of their texts."""

    __slots__ = ("_backwards", "_entries")

    def __init__(self, entries: Mapping[str, Entry[R]]) -> None:
        """`entries` by text."""
        ordered = sorted((text[::-1], text) for text in entries)
        self._backwards = [backwards for backwards, _ in ordered]
        self._entries = [entries[text] for _, text in ordered]

    def find(self, end: str) -> Iterator[Entry[R]]:
        """The entries whose text ends in `end`: a search, and then each of them."""
        backwards = end[::-1]
        for at in range(bisect_left(self._backwards, backwards), len(self._backwards)):
            if not self._backwards[at].startswith(backwards):
                return
            yield self._entries[at]
