"""Rules that are about a word: a protocol, a domain, a capability, a preset."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from policy.rule import Rule
from policy.rule_table import Placed, RuleTable, SeenPath
from policy.sections.judging import RuleIndex


class TermRule(Rule):
    """A rule that has one."""

    __slots__ = ()

    @property
    @abstractmethod
    def term(self) -> str:
        """What it is about."""


T = TypeVar("T", bound=TermRule)


class TermIndex(RuleIndex[T], Generic[T]):
    """Rules found by the word that they are about."""

    def __init__(self, rules: Sequence[T]) -> None:
        """`rules` in the order in which their policies were applied."""
        super().__init__(rules)
        self._by_term = RuleTable((placed.rule.term, placed) for placed in self.placed)

    def about(self, terms: Iterable[str]) -> list[Placed[T]]:
        """All rules about any of `terms`, each of which is asked for once."""
        return [placed for entry in map(self._by_term.find, terms) if entry for placed in entry.every]

    def deciding(self, terms: Iterable[str], source: SeenPath | None) -> list[Placed[T]]:
        """Those of them that can decide what `source` does: where several say the same, the first."""
        return [placed for entry in map(self._by_term.find, terms) if entry for placed in entry.by(source)]
