"""Rules that are about a word: a protocol, a domain, a capability, a preset."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from policy.rule import Rule
from policy.sections.judging import RuleIndex
from policy.target import Placed


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
        self._by_term: dict[str, list[Placed[T]]] = {}
        for placed in self.placed:
            self._by_term.setdefault(placed.rule.term, []).append(placed)

    def about(self, terms: Iterable[str]) -> list[Placed[T]]:
        """The rules about any of `terms`, each of which is asked for once."""
        return [placed for term in terms for placed in self._by_term.get(term, ())]
