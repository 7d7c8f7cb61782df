"""What a rule is about: a path, a name, a glob or a directory, and how to find the rules for a path."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from policy.glob import Glob
from policy.glob_table import GlobsOfDirectory, GlobTable
from policy.rule_table import Endings, Entry, Placed, RuleTable, SeenPath, Tabled
from policy.text import as_seen

__all__ = ["Placed", "SeenPath"]

Specificity = tuple[int, int, int]
"""Greater is more specific: kind of target, depth of a directory, whether it is not recursive."""


class Target(NamedTuple):
    """What one rule matches. Texts are in the form in which events carry paths."""

    kind: Literal["path", "execname", "pattern", "directory"]
    text: str
    """A directory's is without the `/` at its end, so that `/` is the empty text."""
    specificity: Specificity
    """Exact path beats execname beats pattern beats directory; deeper beats shallower."""
    recursive: bool = False
    glob: Glob | None = None


def written_path(path: str) -> str:
    """A path of a document in the form in which events carry it; doubled slashes count once."""
    path = as_seen(path)
    while "//" in path:
        path = path.replace("//", "/")
    return path


def path_target(path: str) -> Target:
    """One file."""
    return Target("path", written_path(path), (3, 0, 0))


def execname_target(name: str) -> Target:
    """Any file of that name."""
    return Target("execname", as_seen(name), (2, 0, 0))


def directory_target(directory: str, *, recursive: bool) -> Target:
    """A directory and its direct children, or all below it."""
    text = written_path(directory).removesuffix("/")
    return Target("directory", text, (0, text.count("/"), int(not recursive)), recursive)


def pattern_target(pattern: str) -> Target:
    """Files whose paths match a glob."""
    return Target("pattern", pattern, (1, 0, 0), glob=Glob(pattern))


class Targeted(Tabled, Protocol):
    """A rule that has a target."""

    @property
    def target(self) -> Target:
        """What it matches."""


R = TypeVar("R", bound=Targeted)


class _Below(NamedTuple, Generic[R]):
    """What all that lies below a directory has to be compared with."""

    tree: Entry[R] | None
    globs: GlobsOfDirectory[R] | None


class TargetIndex(Generic[R]):
    """The rules of a section, found by look-ups on a path, its ancestors and who acts.

    What a look-up costs depends on the path's depth, not on the number of rules.
    """

    def __init__(self, rules: Iterable[R]) -> None:
        """`rules` come in the order in which their policies were applied."""
        self.placed = [Placed(order, rule) for order, rule in enumerate(rules)]
        self._paths = self._table("path")
        self._names = self._table("execname")
        self._folders = self._table("directory", recursive=False)
        self._trees = self._table("directory", recursive=True)
        globs = GlobTable(
            (placed.rule.target.glob, placed) for placed in self.placed if placed.rule.target.glob is not None
        ).by_directory
        self._unbound = globs.pop(None, None)
        """Globs that may match in any directory."""
        self._below = {
            directory: _Below(self._trees.find(directory), globs.get(directory))
            for directory in (*self._trees.entries, *globs)
            if directory is not None
        }

    def _table(self, kind: str, *, recursive: bool = False) -> RuleTable[str, R]:
        targets = ((placed.rule.target, placed) for placed in self.placed)
        return RuleTable(
            (target.text, placed)
            for target, placed in targets
            if target.kind == kind and target.recursive == recursive
        )

    def matching(self, path: SeenPath) -> list[Placed[R]]:
        """All rules whose target `path` is, in no particular order."""
        if path.truncated:
            return [placed for placed in self.placed if _may_match(placed.rule.target, path.text)]
        return list(chain.from_iterable(entry.every for entry in self._entries(path.text)))

    def deciding(self, path: SeenPath, source: SeenPath | None) -> list[Placed[R]]:
        """Those of them that can decide what `source` does: where several say the same, the first."""
        if path.truncated:
            return self._of_cut_paths.deciding(path.text, source)
        found: list[Placed[R]] = []
        for entry in self._entries(path.text):
            found += entry.by(source)
        return found

    @cached_property
    def _of_cut_paths(self) -> "_CutIndex[R]":
        return _CutIndex(self.placed, self._paths, self._names, self._folders)

    def _entries(self, text: str) -> list[Entry[R]]:
        """What is kept under a path, its name, its directories and the globs that it matches."""
        if text == "/":
            text = ""
        end = text.rfind("/")
        itself = (
            self._paths.find(text),
            self._names.find(text[end + 1 :]),
            self._folders.find(text),
            self._trees.find(text),
            self._folders.find(text[:end]) if end >= 0 else None,
        )
        found = [entry for entry in itself if entry is not None]
        globs = [] if self._unbound is None else [self._unbound]
        below = self._below.get
        while end >= 0:
            there = below(text[:end])
            if there is not None:
                if there.tree is not None:
                    found.append(there.tree)
                if there.globs is not None:
                    globs.append(there.globs)
            end = text.rfind("/", 0, end)
        if globs:
            # An entry comes once for each alternative of its glob that matches.
            found += dict.fromkeys(chain.from_iterable(one.matching(text) for one in globs))
        return found


class _CutIndex(Generic[R]):
    """The rules that a path may meet of which only the end is known: as `_may_match`, by look-ups.

    Patterns are tried one by one.
    """

    def __init__(
        self,
        placed: Sequence[Placed[R]],
        paths: RuleTable[str, R],
        names: RuleTable[str, R],
        folders: RuleTable[str, R],
    ) -> None:
        self._paths, self._folders = Endings(paths.entries), Endings(folders.entries)
        self._names, self._name_endings = names, Endings(names.entries)
        self._trees = RuleTable(
            (one.rule.target.specificity, one) for one in placed if one.rule.target.recursive
        )
        """By what makes one directory win over another, since each of them may be the one."""
        self._globs = [(one.rule.target.glob, one) for one in placed if one.rule.target.glob is not None]

    def deciding(self, tail: str, source: SeenPath | None) -> list[Placed[R]]:
        """As of `TargetIndex`."""
        # Without a slash even the name may be cut.
        named = [self._names.find(_name(tail))] if "/" in tail else self._name_endings.find(tail)
        entries = [
            *self._paths.find(tail),
            *named,
            *self._folders.find(tail),
            *self._folders.find(_parent(tail)),
            *self._trees.entries.values(),
        ]
        found = [one for entry in dict.fromkeys(entries) if entry for one in entry.by(source)]
        return found + [one for glob, one in self._globs if glob.may_match(tail)]


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _parent(path: str) -> str:
    return path[: max(path.rfind("/"), 0)]


def _may_match(target: Target, tail: str) -> bool:
    """Whether a path that ends in `tail`, and whose front was cut off, may be what `target` matches."""
    if target.glob is not None:
        return target.glob.may_match(tail)
    if target.kind == "path":
        return target.text.endswith(tail)
    name = _name(tail)
    if target.kind == "execname":
        return target.text == name if "/" in tail else target.text.endswith(name)
    # Any directory may have stood in the part that is missing.
    return target.recursive or target.text.endswith((_parent(tail), tail))
