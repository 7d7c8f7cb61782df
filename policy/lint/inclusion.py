"""Whether what one rule is about is part of what another is about: certain, or not said at all."""

import re
from enum import IntEnum

from policy.glob import alternatives_of
from policy.lint.written_paths import literal_prefix
from policy.rule import Rule
from policy.sections.dns import DomainRule
from policy.sections.network import ALL, IP_PROTOCOLS, SOCKET_TYPES, ProtocolRule
from policy.sections.paths import PathRule
from policy.sections.syscalls import SyscallRule
from policy.sections.terms import TermRule
from policy.target import Target

_ALL_BELOW = re.compile(r"((?:/[^/*?\[\]{}\\]+)*)/\*\*")
_SOCKETS = (*((name,) for name in IP_PROTOCOLS.values()), *SOCKET_TYPES.values())
"""All that a socket may be called at once."""


class Inclusion(IntEnum):
    """How far one rule's targets are among another's."""

    NO = 0
    """Not, or it cannot be known."""
    WHOLE = 1
    """For every path that is seen whole."""
    ALWAYS = 2
    """For paths whose front was cut as well."""


def includes(outer: Rule, inner: Rule) -> Inclusion:
    """Whether `outer` matches wherever `inner` does, sources and qualifiers aside. Both of one section."""
    if isinstance(outer, PathRule) and isinstance(inner, PathRule):
        return targets_include(outer.target, inner.target)
    if isinstance(outer, SyscallRule) and isinstance(inner, SyscallRule):
        return _calls_include(outer, inner)
    if isinstance(outer, ProtocolRule) and isinstance(inner, ProtocolRule):
        return _held(_protocol_includes(outer.protocol, inner.protocol))
    if isinstance(outer, DomainRule) and isinstance(inner, DomainRule):
        below = inner.domain.endswith(f".{outer.domain}")
        return _held(below or inner.domain == outer.domain)
    if isinstance(outer, TermRule) and isinstance(inner, TermRule):
        return _held(outer.term == inner.term)
    return Inclusion.NO


def sources_include(outer: Rule, inner: Rule) -> bool:
    """Whether `outer` is about every program that `inner` is about."""
    if not outer.by_source:
        return True
    if isinstance(outer, SyscallRule) and isinstance(inner, SyscallRule):
        return (
            inner.by_source
            and set(inner.sources) <= set(outer.sources)
            and set(inner.source_directories) <= set(outer.source_directories)
        )
    return inner.by_source and set(inner.sources) <= set(outer.sources)


def same_target(one: Rule, other: Rule) -> bool:
    """Whether both are written about the same."""
    if isinstance(one, PathRule) and isinstance(other, PathRule):
        return same_targets(one.target, other.target)
    return isinstance(one, TermRule) and isinstance(other, TermRule) and one.term == other.term


def same_targets(one: Target, other: Target) -> bool:
    """Whether two targets were written alike."""
    return (one.kind, one.text, one.recursive) == (other.kind, other.text, other.recursive)


def targets_include(outer: Target, inner: Target) -> Inclusion:
    """Whether every path that `inner` is, `outer` is too."""
    if same_targets(outer, inner):
        return Inclusion.ALWAYS
    if inner.kind == "path":
        return _held(_matches(outer, inner.text))
    if outer.kind == "directory":
        return _held(_directory_includes(outer, inner))
    if outer.kind == "pattern" and _pattern_includes(outer, inner):
        return Inclusion.ALWAYS
    if inner.kind == "pattern":
        listed = _literals(inner)
        return Inclusion.WHOLE if listed and all(_matches(outer, one) for one in listed) else Inclusion.NO
    return Inclusion.NO


def _held(holds: bool) -> Inclusion:
    return Inclusion.ALWAYS if holds else Inclusion.NO


def _matches(target: Target, path: str) -> bool:
    """Whether a whole path is what a target matches."""
    if target.glob is not None:
        return target.glob.matches(path)
    if target.kind == "path":
        return target.text == path
    if target.kind == "execname":
        return path.rpartition("/")[2] == target.text
    return path in {target.text, target.text or "/"} or _is_below(path, target)


def _is_below(path: str, directory: Target) -> bool:
    parent, slash, _ = path.rpartition("/")
    if not slash:
        return False
    return parent == directory.text or (directory.recursive and path.startswith(f"{directory.text}/"))


def _directory_includes(outer: Target, inner: Target) -> bool:
    if not outer.recursive:
        # Its own kind apart, a directory of direct children holds no other target whole.
        return False
    if inner.kind == "directory":
        return inner.text == outer.text or inner.text.startswith(f"{outer.text}/")
    if inner.kind == "pattern":
        return all(_begin_below(inner, outer.text))
    return False


def _pattern_includes(outer: Target, inner: Target) -> bool:
    """For the globs `**` and `/some/folder/**`: what is certainly below the folder."""
    if outer.text == "**":
        return True
    everything_below = _ALL_BELOW.fullmatch(outer.text)
    if everything_below is None:
        return False
    folder = everything_below[1]
    if inner.kind == "directory":
        return inner.text.startswith(f"{folder}/")
    return inner.kind == "pattern" and all(_begin_below(inner, folder))


def _begin_below(pattern: Target, folder: str) -> list[bool]:
    return [literal_prefix(one).startswith(f"{folder}/") for one in alternatives_of(pattern.text)]


def _literals(pattern: Target) -> list[str]:
    """The paths that a glob without wildcards stands for; empty where it has some."""
    listed = list(alternatives_of(pattern.text))
    return listed if all(literal_prefix(one) == one for one in listed) else []


def _protocol_includes(outer: str, inner: str) -> bool:
    if outer in {ALL, inner}:
        return True
    called = [names for names in _SOCKETS if inner in names]
    return bool(called) and all(outer in names for names in called)


def _calls_include(outer: SyscallRule, inner: SyscallRule) -> Inclusion:
    if not inner.syscalls <= outer.syscalls:
        return Inclusion.NO
    if outer.target is None:
        return Inclusion.ALWAYS
    return targets_include(outer.target, inner.target) if inner.target else Inclusion.NO
