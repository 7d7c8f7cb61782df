r"""Globs of policies: `*` within one component, `**` across components, `?`, `[...]`, `{a,b}`.

A backslash takes the next character as it stands. Compiled once; matching a path takes time linear in
the path without `**` and at most quadratic with it, because a workload chooses its paths and must not
be able to choose how long judging them takes: what follows a `*` is sought once, never again.
"""

import re
from collections.abc import Iterator

from policy.text import as_seen

LONGEST = 512
"""Characters of a pattern."""
MOST_ALTERNATIVES = 64
"""Globs that a pattern's braces may expand to."""

_ANY_CHARACTER = r"(?:\\\\|\\x[0-9a-f]{2}|[^/\\])"
"""One character of a path in the form in which events carry it."""


class GlobError(ValueError):
    """The pattern cannot be read; the message says why."""


class Glob:
    """A compiled pattern."""

    __slots__ = ("_tails", "_whole", "pattern")

    def __init__(self, pattern: str) -> None:
        """Compile `pattern`.

        Raises:
            GlobError: it is empty or too long, a bracket or brace is open, or it has too many alternatives.
        """
        if not pattern:
            raise GlobError("it is empty")
        if len(pattern) > LONGEST:
            raise GlobError(f"it is longer than {LONGEST} characters")
        self.pattern = pattern
        alternatives = [_tokens(one) for one in alternatives_of(pattern)]
        self._whole = re.compile("|".join(f"(?:{_regex(one)})" for one in alternatives), re.DOTALL)
        self._tails = tuple(_components(one) for one in alternatives)

    def matches(self, path: str) -> bool:
        """Whether the whole of `path` matches."""
        return self._whole.fullmatch(path) is not None

    def may_match(self, tail: str) -> bool:
        """Whether a path whose front was cut off and that ends in `tail` may match.

        Components are compared from the end until the pattern crosses components or `tail` is used up;
        the first component of `tail` may itself be cut, so it is not compared.
        """
        seen = tail.split("/")[1:][::-1]
        return any(_ends_alike(components, seen) for components in self._tails)


_Component = re.Pattern[str] | None
"""None stands for a component with `**`, which reaches across any number of others."""


def _ends_alike(components: tuple[_Component, ...], seen: list[str]) -> bool:
    for index, component in enumerate(seen):
        if index >= len(components):
            return False
        wanted = components[-1 - index]
        if wanted is None:
            return True
        if wanted.fullmatch(component) is None:
            return False
    return True


def _components(tokens: list[str]) -> tuple[_Component, ...]:
    components: list[list[str]] = [[]]
    for token in tokens:
        if token == "/":
            components.append([])
        else:
            components[-1].append(token)
    return tuple(
        None if "**" in component else re.compile(_regex(component), re.DOTALL) for component in components
    )


def alternatives_of(pattern: str) -> Iterator[str]:
    """The alternatives that a pattern's braces stand for. Escapes and brackets are left as they are."""
    waiting = [pattern]
    number = 1
    while waiting:
        one = waiting.pop()
        parts = _first_braces(one)
        if parts is None:
            yield one
            continue
        before, choices, after = parts
        number += len(choices) - 1
        if number > MOST_ALTERNATIVES:
            raise GlobError(f"its braces stand for more than {MOST_ALTERNATIVES} patterns")
        waiting += [before + choice + after for choice in reversed(choices)]


def _first_braces(pattern: str) -> tuple[str, list[str], str] | None:
    depth = start = choice = 0
    choices: list[str] = []
    for index, character in _plain_characters(pattern):
        if character == "{":
            depth += 1
            if depth == 1:
                start, choice = index, index + 1
        elif character == "}" and depth:
            depth -= 1
            if depth == 0:
                choices.append(pattern[choice:index])
                return pattern[:start], choices, pattern[index + 1 :]
        elif character == "," and depth == 1:
            choices.append(pattern[choice:index])
            choice = index + 1
    if depth:
        raise GlobError("a { is never closed")
    return None


def _plain_characters(pattern: str) -> Iterator[tuple[int, str]]:
    """Characters outside of brackets that no backslash precedes, with their places."""
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == "\\":
            index += 2
        elif character == "[":
            index = _bracket_end(pattern, index)
        else:
            yield index, character
            index += 1


def _bracket_end(pattern: str, start: int) -> int:
    """The place after the bracket expression that begins at `start`. A `]` may stand first in it."""
    index = start + 1
    if pattern[index : index + 1] in {"!", "^"}:
        index += 1
    first = index
    while index < len(pattern):
        if pattern[index] == "\\":
            index += 1
        elif pattern[index] == "]" and index > first:
            return index + 1
        index += 1
    raise GlobError("a [ is never closed")


def _tokens(pattern: str) -> list[str]:
    """`*`, `**` and `/`, and for all else a regular expression of what one character may be."""
    tokens: list[str] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == "*":
            end = index
            while pattern[end : end + 1] == "*":
                end += 1
            tokens.append("*" if end - index == 1 else "**")
            index = end
            continue
        if character == "[":
            end = _bracket_end(pattern, index)
            tokens.append(_class(pattern[index + 1 : end - 1]))
            index = end
            continue
        if character == "\\":
            index += 1
            if index == len(pattern):
                raise GlobError("it ends in a backslash")
            character = pattern[index]
            tokens.append("/" if character == "/" else re.escape(as_seen(character)))
        else:
            tokens.append(
                _ANY_CHARACTER if character == "?" else "/" if character == "/" else re.escape(character)
            )
        index += 1
    return tokens


def _class(inside: str) -> str:
    negated = inside[0] in "!^"
    characters = [*_unescaped(inside[1:] if negated else inside)]
    ranges: list[str] = []
    index = 0
    while index < len(characters):
        character, literal = characters[index]
        last = characters[index + 2][0] if index + 2 < len(characters) else ""
        if last and characters[index + 1] == ("-", False):
            if last < character:
                raise GlobError(f"the range {character}-{last} runs backwards")
            ranges.append(f"{re.escape(character)}-{re.escape(last)}")
            index += 3
        else:
            ranges.append(re.escape(character) if literal or character != "-" else r"\-")
            index += 1
    return f"(?!/){'(?!' if negated else '(?='}[{''.join(ranges)}]){_ANY_CHARACTER}"


def _unescaped(inside: str) -> Iterator[tuple[str, bool]]:
    index = 0
    while index < len(inside):
        literal = inside[index] == "\\" and index + 1 < len(inside)
        index += literal
        yield inside[index], literal
        index += 1


def _regex(tokens: list[str]) -> str:
    """A regular expression that looks for what follows a `*` only once.

    Between two `**` the leftmost match of each stretch is also the one that ends first, so that a group
    that has matched never has to be tried again (an atomic group), and only `**` looks further on. The
    last stretch is different: it has to end where the path ends, which the leftmost match need not do.
    """
    stretches: list[list[str]] = [[]]
    for token in tokens:
        if token == "**":
            stretches.append([])
        else:
            stretches[-1].append(token)
    if len(stretches) == 1:
        return _to_the_end(stretches[0])
    regex = _in_passing(stretches[0])
    for stretch in stretches[1:-1]:
        regex += f"(?>.*?{_in_passing(stretch)})"
    return f"{regex}.*?{_to_the_end(stretches[-1])}"


def _pieces(stretch: list[str]) -> list[str]:
    pieces = [""]
    for token in stretch:
        if token == "*":
            pieces.append("")
        else:
            pieces[-1] += token
    return pieces


def _in_passing(stretch: list[str]) -> str:
    first, *rest = _pieces(stretch)
    return first + "".join(f"(?>[^/]*?{piece})" for piece in rest)


def _to_the_end(stretch: list[str]) -> str:
    first, *rest = _pieces(stretch)
    if not rest:
        return f"{first}\\Z"
    passing = "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1])
    return f"{first}{passing}[^/]*?{rest[-1]}\\Z"
