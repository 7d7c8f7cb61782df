"""The rules that may meet at one event, found without comparing each with each."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from policy.glob import alternatives_of
from policy.lint.linted import Compiled, Linted
from policy.rule import Rule
from policy.sections import SECTIONS, SectionName
from policy.sections.dns import DomainRule
from policy.sections.network import ProtocolRule
from policy.sections.paths import PathRule
from policy.sections.syscalls import SyscallRule
from policy.sections.terms import TermRule
from policy.target import SeenPath, Target, TargetIndex


class Ordered(NamedTuple):
    """A rule, the entry that it was made of, and its place in the order applied."""

    order: int
    entry: Compiled
    rule: Rule


Numbered = tuple[int, Linted]
"""A document with its place in the order applied."""


class RuleGroup:
    """The rules of one section that concern one namespace, the cluster or the nodes."""

    def __init__(self, section: SectionName, own: Sequence[Numbered], wider: Sequence[Numbered]) -> None:
        """`own` documents with their places in the order applied; `wider` ones may select the same pods."""
        self.entries: list[tuple[Compiled, list[Ordered]]] = []
        self._all: list[Ordered] = []
        mine = {place for place, _ in own}
        for place, linted in sorted([*own, *wider], key=lambda one: one[0]):
            for entry in linted.compiled:
                if entry.section != section:
                    continue
                parts = [
                    Ordered(len(self._all) + number, entry, rule) for number, rule in enumerate(entry.rules)
                ]
                self._all += parts
                if place in mine:
                    self.entries.append((entry, parts))
        self._by_word: dict[str, list[Ordered]] = {}
        for one in self._all:
            for word in _words_of(one.rule):
                self._by_word.setdefault(word, []).append(one)
        paths = [one for one in self._all if isinstance(one.rule, PathRule)]
        self._paths = paths
        self._targets = TargetIndex([one.rule for one in paths if isinstance(one.rule, PathRule)])

    def candidates(self, part: Ordered) -> Iterator[Ordered]:
        """The rules that may match wherever `part` does, in the order applied, `part` among them."""
        if isinstance(part.rule, PathRule):
            return self._about(part.rule.target)
        words = dict.fromkeys(word for one in _words_of(part.rule) for word in _wider_words(part.rule, one))
        found = {other.order: other for word in words for other in self._by_word.get(word, ())}
        return (found[order] for order in sorted(found))

    def _about(self, target: Target) -> Iterator[Ordered]:
        """What includes a target matches each of its paths, so one of them finds all that may."""
        sample = _sample(target)
        if sample is None:
            return iter(self._paths)
        found = sorted(placed.order for placed in self._targets.matching(SeenPath(sample)))
        return (self._paths[order] for order in found)


def groups_of(every: Sequence[Linted]) -> Iterator[RuleGroup]:
    """Every entry of every document stands in exactly one group's entries."""
    numbered = list(enumerate(every))
    cluster = [one for one in numbered if one[1].document.kind == "KubeArmorClusterPolicy"]
    hosts = [one for one in numbered if one[1].document.kind == "KubeArmorHostPolicy"]
    by_namespace: dict[str, list[Numbered]] = {}
    for number, linted in numbered:
        if linted.document.kind == "KubeArmorPolicy":
            by_namespace.setdefault(linted.document.namespace, []).append((number, linted))
    for section in SECTIONS:
        for own, wider in ((cluster, []), (hosts, []), *((own, cluster) for own in by_namespace.values())):
            if any(linted.rules[section.name] for _, linted in own):
                yield RuleGroup(section.name, own, wider)


def _words_of(rule: Rule) -> Iterable[str]:
    if isinstance(rule, SyscallRule):
        return sorted(rule.syscalls)
    return (rule.term,) if isinstance(rule, TermRule) else ()


def _wider_words(rule: Rule, word: str) -> Iterator[str]:
    """The words of rules that may be about all that a rule about `word` is about."""
    yield word
    if isinstance(rule, ProtocolRule):
        yield from ("all", "tcp", "udp")
    elif isinstance(rule, DomainRule):
        while "." in word:
            word = word.partition(".")[2]
            yield word


def _sample(target: Target) -> str | None:
    """Some path that a target matches; None where none is at hand."""
    if target.glob is None:
        return f"/{target.text}" if target.kind == "execname" else target.text or "/"
    first = next(iter(alternatives_of(target.text)))
    guess = first.replace("**", "x").replace("*", "x").replace("?", "x")
    return guess if "\\" not in guess and target.glob.matches(guess) else None
