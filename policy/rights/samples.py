"""Paths that stand for a target: the file itself, a child and a grandchild of a directory, a glob's match."""

from collections.abc import Iterable, Iterator
from itertools import islice

from policy.glob import Glob, GlobError, alternatives_of
from policy.target import Target

CHILD = "any-file"
FOLDER = "any-folder"
UNLISTED = f"/{FOLDER}/{CHILD}"
"""A path that hardly any rule is about."""

_TRIED = "xa0A._-~"
"""Characters that are tried for one that a bracket expression takes."""
MOST_NAMED = 50_000
"""Paths that are made of names and folders: more than are tried of one section."""
MOST_PER_PATTERN = 32
"""Examples of one glob."""


def paths_of(targets: Iterable[Target]) -> list[str]:
    """Paths for every target, and for names and open globs within every directory too; sorted."""
    every = list(targets)
    directories = sorted({one.text for one in every if one.kind == "directory"})
    found = {UNLISTED}
    for target in every:
        found.update(_of(target, directories))
    # A name may stand wherever a glob reaches.
    folders = {f"/{FOLDER}", *directories, *(path.rpartition("/")[0] for path in found if path != "/")}
    names = {one.text for one in every if one.kind == "execname"}
    named = (f"{folder}/{name}" for folder in sorted(folders) for name in sorted(names))
    found.update(islice(named, MOST_NAMED))
    return sorted(found)


def without_example(targets: Iterable[Target]) -> list[str]:
    """The globs for which `paths_of` knows no path, as they were written."""
    return sorted({one.text for one in targets if one.glob is not None and not matches_of(one.glob)})


def _of(target: Target, directories: list[str]) -> Iterator[str]:
    if target.kind == "path":
        yield target.text
    elif target.kind == "directory":
        yield target.text or "/"
        yield f"{target.text}/{CHILD}"
        yield f"{target.text}/{FOLDER}/{CHILD}"
    elif target.glob is not None:
        yield from matches_of(target.glob, directories)


def matches_of(glob: Glob, directories: Iterable[str] = ()) -> list[str]:
    """Absolute paths that a glob matches: some of each alternative, and what lies in `directories`.

    Empty where none was found: then the glob has no example, and nothing is said about it.
    """
    found: list[str] = []
    try:
        alternatives = list(alternatives_of(glob.pattern))
    except GlobError:
        return []
    for alternative in alternatives:
        before = alternative.partition("**")[0]
        within = [
            one[len(before) :] for one in directories if one.startswith(before or "/") and one != before
        ]
        fillings = ["x", f"{FOLDER}/x", *(f"{one.lstrip('/')}/x" for one in within)]
        for wide in fillings:
            path = _filled(alternative, wide)
            for candidate in (path, f"/{path}", path.replace("//", "/")):
                if candidate.startswith("/") and "//" not in candidate and glob.matches(candidate):
                    found.append(candidate)
                    break
            if len(found) >= MOST_PER_PATTERN:
                return list(dict.fromkeys(found))
    return list(dict.fromkeys(found))


def _filled(pattern: str, wide: str) -> str:
    """A pattern without braces with something in the place of each wildcard: `wide` for the first `**`."""
    path = ""
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == "*":
            end = index
            while pattern[end : end + 1] == "*":
                end += 1
            path += "x" if end - index == 1 else wide
            wide = wide if end - index == 1 else "x"
            index = end
        elif character == "[":
            end = _bracket_end(pattern, index)
            path += _member(pattern[index:end])
            index = end
        elif character == "\\" and index + 1 < len(pattern):
            path += "\\\\" if pattern[index + 1] == "\\" else pattern[index + 1]
            index += 2
        else:
            path += "x" if character == "?" else character
            index += 1
    return path


def _bracket_end(pattern: str, start: int) -> int:
    first = start + 2 if pattern[start + 1 : start + 2] in {"!", "^"} else start + 1
    index = first
    while index < len(pattern):
        if pattern[index] == "\\":
            index += 1
        elif pattern[index] == "]" and index > first:
            return index + 1
        index += 1
    return len(pattern)


def _member(bracket: str) -> str:
    """A character that a bracket expression takes; the last tried where none does."""
    glob = Glob(f"/{bracket}")
    tried = [one for one in bracket[1:-1] if one.isprintable() and one not in "\\/"] + list(_TRIED)
    return next((one for one in tried if glob.matches(f"/{one}")), tried[-1])
