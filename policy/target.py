"""What a rule is about: a path, a name, a glob or a directory, and how to find the rules for a path."""

from collections.abc import Iterable
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from policy.glob import Glob
from policy.text import as_seen

Specificity = tuple[int, int, int]
"""Greater is more specific: kind of target, depth of a directory, whether it is not recursive."""


class SeenPath(NamedTuple):
    """A path of an event."""

    text: str
    truncated: bool = False
    """`text` is the end of a longer path."""
    exact: bool = True
    """Whether it is the kernel's own resolved path. No Allow rule is satisfied by anything less."""


class Target(NamedTuple):
    """What one rule matches. Texts are in the form in which events carry paths."""

    kind: Literal["path", "execname", "pattern", "directory"]
    text: str
    """A directory's is without the `/` at its end, so that `/` is the empty text."""
    recursive: bool = False
    glob: Glob | None = None

    @property
    def specificity(self) -> Specificity:
        """Exact path beats execname beats pattern beats directory; deeper beats shallower."""
        if self.kind == "directory":
            return (0, self.text.count("/"), int(not self.recursive))
        return ({"path": 3, "execname": 2, "pattern": 1}[self.kind], 0, 0)


def written_path(path: str) -> str:
    """A path of a document in the form in which events carry it; doubled slashes count once."""
    path = as_seen(path)
    while "//" in path:
        path = path.replace("//", "/")
    return path


def path_target(path: str) -> Target:
    """One file."""
    return Target("path", written_path(path))


def execname_target(name: str) -> Target:
    """Any file of that name."""
    return Target("execname", as_seen(name))


def directory_target(directory: str, *, recursive: bool) -> Target:
    """A directory and its direct children, or all below it."""
    return Target("directory", written_path(directory).removesuffix("/"), recursive)


def pattern_target(pattern: str) -> Target:
    """Files whose paths match a glob."""
    return Target("pattern", pattern, glob=Glob(pattern))


class Targeted(Protocol):
    """A rule that has a target."""

    @property
    def target(self) -> Target:
        """What it matches."""


AnyRule = TypeVar("AnyRule")


class Placed(NamedTuple, Generic[AnyRule]):
    """A rule and its place in the order in which policies were applied."""

    order: int
    rule: AnyRule


R = TypeVar("R", bound=Targeted)


class TargetIndex(Generic[R]):
    """The rules of a section, found by look-ups on a path and its ancestors.

    Only globs are tried one by one, so the cost does not grow with the number of the other rules.
    """

    def __init__(self, rules: Iterable[R]) -> None:
        """`rules` come in the order in which their policies were applied."""
        self._all = [Placed(order, rule) for order, rule in enumerate(rules)]
        self._paths: dict[str, list[Placed[R]]] = {}
        self._names: dict[str, list[Placed[R]]] = {}
        self._directories: dict[str, list[Placed[R]]] = {}
        self._globs: list[tuple[Glob, Placed[R]]] = []
        for placed in self._all:
            target = placed.rule.target
            if target.glob is not None:
                self._globs.append((target.glob, placed))
            else:
                tables = {"path": self._paths, "execname": self._names, "directory": self._directories}
                tables[target.kind].setdefault(target.text, []).append(placed)

    def matching(self, path: SeenPath) -> list[Placed[R]]:
        """The rules whose target `path` is, in no particular order."""
        if path.truncated:
            return [placed for placed in self._all if _may_match(placed.rule.target, path.text)]
        text = "" if path.text == "/" else path.text
        found = [*self._paths.get(text, ()), *self._names.get(_name(text), ())]
        found += [placed for glob, placed in self._globs if glob.matches(text)]
        if self._directories:
            found += self._directories.get(text, ())
            end = text.rfind("/")
            found += self._directories.get(text[:end], ()) if end >= 0 else ()
            while (end := text.rfind("/", 0, max(end, 0))) >= 0:
                found += [one for one in self._directories.get(text[:end], ()) if one.rule.target.recursive]
        return found


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]


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
    parent = tail[: max(tail.rfind("/"), 0)]
    return target.recursive or target.text.endswith((parent, tail))
