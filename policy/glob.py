r"""Globs of policies: `*` within one component, `**` across components, `?`, `[...]`, `{a,b}`.

A backslash takes the next character as it stands. Matching a path takes time linear in
the path without `**` and at most quadratic with it, because a workload chooses its paths and must not
be able to choose how long judging them takes: what follows a `*` is sought once, never again.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import NamedTuple

from policy.text import as_seen

LONGEST = 512
"""Characters of a pattern."""
MOST_ALTERNATIVES = 64
"""Globs that a pattern's braces may expand to."""
EXPRESSIONS_KEPT = 4096
"""Compiled expressions that are shared: what follows the fixed beginning is the same in many patterns."""

_ANY_CHARACTER = r"(?:\\\\|\\x[0-9a-f]{2}|[^/\\])"
"""One character of a path in the form in which events carry it."""


class GlobError(ValueError):
    """The pattern cannot be read; the message says why."""


class Anchor(NamedTuple):
    """What every path that matches an alternative of a pattern begins and ends with."""

    start: str
    end: str

    @property
    def directory(self) -> str | None:
        """The deepest directory that surely holds what matches, without `/` at its end; None: any."""
        slash = self.start.rfind("/")
        return None if slash < 0 else self.start[:slash]


class Glob:
    """A compiled pattern.

    It is read at once and its regular expressions are made at the first path that is compared: of many
    patterns most never meet one.
    """

    __slots__ = ("_alternatives", "_rests", "_tails", "pattern")

    def __init__(self, pattern: str) -> None:
        """Read `pattern`.

        Raises:
            GlobError: it is empty or too long, a bracket or brace is open, or it has too many alternatives.
        """
        if not pattern:
            raise GlobError("it is empty")
        if len(pattern) > LONGEST:
            raise GlobError(f"it is longer than {LONGEST} characters")
        self.pattern = pattern
        self._alternatives = tuple(_tokens(one) for one in alternatives_of(pattern))
        self._rests: tuple[tuple[str, re.Pattern[str]], ...] | None = None
        self._tails: tuple[tuple[_Component, ...], ...] | None = None

    def anchors(self) -> Iterator[Anchor]:
        """For each alternative what all that matches it begins and ends with."""
        for tokens in self._alternatives:
            yield Anchor(_literals(tokens), _literals(tokens[::-1], backwards=True))

    def matches(self, path: str) -> bool:
        """Whether the whole of `path` matches."""
        if self._rests is None:
            self._rests = tuple(map(_start_and_rest, self._alternatives))
        return any(path.startswith(start) and rest.match(path, len(start)) for start, rest in self._rests)

    def may_match(self, tail: str) -> bool:
        """Whether a path whose front was cut off and that ends in `tail` may match.

        Components are compared from the end until the pattern crosses components or `tail` is used up;
        the first component of `tail` may itself be cut, so it is not compared.
        """
        if self._tails is None:
            self._tails = tuple(_components(one) for one in self._alternatives)
        seen = tail.split("/")[1:][::-1]
        return any(_ends_alike(components, seen) for components in self._tails)


class _Token(NamedTuple):
    """A piece of a pattern."""

    regex: str
    """What one character may be; for `*`, `**` and `/` these themselves."""
    literal: str = ""
    """The text that it stands for, where it stands for one only."""


def _literals(tokens: Sequence[_Token], *, backwards: bool = False) -> str:
    """The text that the tokens before the first wildcard stand for."""
    texts = [one.literal for one in takewhile(lambda one: one.literal, tokens)]
    return "".join(reversed(texts) if backwards else texts)


def _start_and_rest(tokens: Sequence[_Token]) -> tuple[str, re.Pattern[str]]:
    """What a match begins with, and the expression of all that follows it."""
    literal = sum(1 for _ in takewhile(lambda one: one.literal, tokens))
    return _literals(tokens), _compiled(_regex(tokens[literal:]))


@lru_cache(EXPRESSIONS_KEPT)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL)


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


def _components(tokens: Sequence[_Token]) -> tuple[_Component, ...]:
    components: list[list[_Token]] = [[]]
    for token in tokens:
        if token is _SLASH:
            components.append([])
        else:
            components[-1].append(token)
    return tuple(None if _ACROSS in component else _compiled(_regex(component)) for component in components)


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


_SLASH = _Token("/", "/")
_WITHIN, _ACROSS = _Token("*"), _Token("**")
_ANY = _Token(_ANY_CHARACTER)


def _tokens(pattern: str) -> tuple[_Token, ...]:
    tokens: list[_Token] = []
    index = 0
    while index < len(pattern):
        character = pattern[index]
        if character == "*":
            end = index
            while pattern[end : end + 1] == "*":
                end += 1
            tokens.append(_WITHIN if end - index == 1 else _ACROSS)
            index = end
            continue
        if character == "[":
            end = _bracket_end(pattern, index)
            tokens.append(_Token(_class(pattern[index + 1 : end - 1])))
            index = end
            continue
        if character == "\\":
            index += 1
            if index == len(pattern):
                raise GlobError("it ends in a backslash")
            tokens.append(_literal(as_seen(pattern[index])))
        else:
            tokens.append(_ANY if character == "?" else _literal(character))
        index += 1
    return tuple(tokens)


def _literal(text: str) -> _Token:
    return _SLASH if text == "/" else _Token(re.escape(text), text)


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


def _regex(tokens: Iterable[_Token]) -> str:
    """A regular expression that looks for what follows a `*` only once.

    Between two `**` the leftmost match of each stretch is also the one that ends first, so that a group
    that has matched never has to be tried again (an atomic group), and only `**` looks further on. The
    last stretch is different: it has to end where the path ends, which the leftmost match need not do.
    """
    stretches: list[list[_Token]] = [[]]
    for token in tokens:
        if token is _ACROSS:
            stretches.append([])
        else:
            stretches[-1].append(token)
    if len(stretches) == 1:
        return _to_the_end(stretches[0])
    regex = _in_passing(stretches[0])
    for stretch in stretches[1:-1]:
        regex += f"(?>.*?{_in_passing(stretch)})"
    return f"{regex}.*?{_to_the_end(stretches[-1])}"


def _pieces(stretch: list[_Token]) -> list[str]:
    pieces = [""]
    for token in stretch:
        if token is _WITHIN:
            pieces.append("")
        else:
            pieces[-1] += token.regex
    return pieces


def _in_passing(stretch: list[_Token]) -> str:
    first, *rest = _pieces(stretch)
    return first + "".join(f"(?>[^/]*?{piece})" for piece in rest)


def _to_the_end(stretch: list[_Token]) -> str:
    first, *rest = _pieces(stretch)
    if not rest:
        return f"{first}\\Z"
    passing = "".join(f"(?>[^/]*?{piece})" for piece in rest[:-1])
    return f"{first}{passing}[^/]*?{rest[-1]}\\Z"
