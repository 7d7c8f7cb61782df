"""Globs by trying everything. No escapes, no brackets in braces, no nesting."""

from functools import cache


def braces(pattern: str) -> list[str]:
    """All patterns that the braces of `pattern` stand for. No escapes, no brackets, no nesting."""
    start = pattern.find("{")
    if start < 0:
        return [pattern]
    end = pattern.index("}", start)
    return [
        rest
        for choice in pattern[start + 1 : end].split(",")
        for rest in braces(pattern[:start] + choice + pattern[end + 1 :])
    ]


def glob_matches(pattern: str, path: str) -> bool:
    """Whether the whole path matches; `[...]` holds plain characters only, or `!` and such."""
    return any(_match(one, path) for one in braces(pattern))


@cache
def _match(pattern: str, path: str) -> bool:  # noqa: PLR0911 - one return a construct
    if not pattern:
        return not path
    if pattern.startswith("**"):
        rest = pattern.lstrip("*")
        return any(_match(rest, path[i:]) for i in range(len(path) + 1))
    if pattern[0] == "*":
        for i in range(len(path) + 1):
            if "/" in path[:i]:
                break
            if _match(pattern[1:], path[i:]):
                return True
        return False
    if not path:
        return False
    if pattern[0] == "?":
        return path[0] != "/" and _match(pattern[1:], path[1:])
    if pattern[0] == "[":
        end = pattern.index("]", 2)
        inside = pattern[1:end]
        listed = path[0] in inside.lstrip("!")
        fits = listed != inside.startswith("!") and path[0] != "/"
        return fits and _match(pattern[end + 1 :], path[1:])
    return pattern[0] == path[0] and _match(pattern[1:], path[1:])


def glob_could_match(pattern: str, tail: str) -> bool:
    """Whether a path whose front was cut off and that ends in `tail` could match, component by component.

    They are compared from the end, up to the first with `**`; the first of `tail` may itself be cut.
    """
    return any(_could_match(one.split("/"), tail.split("/")[1:]) for one in braces(pattern))


def _could_match(wanted: list[str], seen: list[str]) -> bool:
    if not seen:
        return True
    if not wanted:
        return False
    if "**" in wanted[-1]:
        return True
    return _match(wanted[-1], seen[-1]) and _could_match(wanted[:-1], seen[:-1])
