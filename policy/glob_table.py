"""Globs found by where they can match, so that of many only few are tried on a path."""

from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from policy.glob import Glob
from policy.rule_table import Entry, Placed, Tabled

R = TypeVar("R", bound=Tabled)


class GlobTable(Generic[R]):
    """Rules by glob.

    Each alternative of a pattern is kept under the deepest directory that it names whole, and there
    under the text that its matches begin and end with. What is tried are those that share all three
    with the path; only patterns that differ in nothing but their middle are tried one by one.
    """

    __slots__ = ("by_directory",)

    def __init__(self, rules: Iterable[tuple[Glob, Placed[R]]]) -> None:
        """`rules` in the order in which their policies were applied."""
        globs: dict[str, Glob] = {}
        collected: dict[str, list[Placed[R]]] = {}
        for glob, placed in rules:
            globs.setdefault(glob.pattern, glob)
            collected.setdefault(glob.pattern, []).append(placed)
        self.by_directory: dict[str | None, GlobsOfDirectory[R]] = {}
        """Those whose matches all lie below a directory (written without `/` at its end); under None those
        that name no directory."""
        for pattern, glob in globs.items():
            entry = Entry(collected[pattern])
            for anchor in dict.fromkeys(glob.anchors()):
                there = self.by_directory.setdefault(anchor.directory, GlobsOfDirectory())
                there.add(anchor.start, anchor.end, glob, entry)


class GlobsOfDirectory(Generic[R]):
    """Globs by the lengths of the fixed text at both ends, and by that text."""

    __slots__ = ("_by_lengths",)

    def __init__(self) -> None:
        """Without any."""
        self._by_lengths: dict[tuple[int, int], dict[tuple[str, str], list[tuple[Glob, Entry[R]]]]] = {}

    def add(self, start: str, end: str, glob: Glob, entry: Entry[R]) -> None:
        """Add a glob of which an alternative's matches begin with `start` and end with `end`."""
        by_text = self._by_lengths.setdefault((len(start), len(end)), {})
        by_text.setdefault((start, end), []).append((glob, entry))

    def matching(self, path: str) -> Iterator[Entry[R]]:
        """The entries of those that match; one may come more than once."""
        for (start, end), by_text in self._by_lengths.items():
            for glob, entry in by_text.get((path[:start], path[len(path) - end :]), ()):
                if glob.matches(path):
                    yield entry
