"""What rules about paths have in common, whether they execute or access them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from policy.rule import Rule
from policy.ruling import PERMITTED, Answer, Qualified
from policy.sections.judging import Question, RuleIndex
from policy.target import SeenPath, Specificity, Target, TargetIndex
from policy.verdict import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRule(Rule):
    """A compiled rule about one file, the files in a directory, or those of a glob."""

    target: Target
    owner_only: bool = False
    without_terminal: bool = False
    """`pts: false`."""

    @property
    def specificity(self) -> Specificity:
        """Its target's."""
        return self.target.specificity


P = TypeVar("P", bound=PathRule)


class PathRules(RuleIndex[P], Generic[P]):
    """Rules about paths, found by path, and what of an event can matter to them."""

    def __init__(self, rules: Sequence[P]) -> None:
        """`rules` in the order in which their policies were applied."""
        super().__init__(rules)
        self.targets = TargetIndex(rules)
        self.placed = self.targets.placed
        self.by_owner = any(rule.owner_only for rule in rules)
        self.by_terminal = any(rule.without_terminal for rule in rules)


class PathQuestion(Question, frozen=True, kw_only=True):
    """Something that is done to one path."""

    path: SeenPath
    is_owner: bool | None
    """Whether the acting user owns the file; None where the event does not tell."""
    terminal: bool


def owner_and_terminal(rule: PathRule, question: PathQuestion) -> Iterable[Qualified]:
    """What `ownerOnly` and `pts: false` say."""
    return _said(rule, question) if rule.owner_only or rule.without_terminal else ()


def _said(rule: PathRule, question: PathQuestion) -> Iterator[Qualified]:
    if rule.owner_only:
        if question.is_owner is None:
            why = "the event does not tell who owns the script"
            yield Qualified(Answer.UNKNOWN, why, Reason.OWNER_UNKNOWN)
        elif question.is_owner:
            yield PERMITTED
        else:
            yield Qualified(Answer.FORBIDS, "the user is not the file's owner")
    if rule.without_terminal:
        yield Qualified(Answer.FORBIDS, "a terminal is attached") if question.terminal else PERMITTED
