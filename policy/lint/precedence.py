"""Which of two rules decides wherever both match: asked of the judge's own precedence."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from policy.documents.fields import ActionName
from policy.rule import Rule
from policy.ruling import Answer, Finding, Qualified, consulted, outcome_of
from policy.sections.file import FileRule
from policy.sections.paths import PathRule
from policy.sections.process import ProcessRule

_SAID: Mapping[str, tuple[Answer, ...]] = {
    "owner": (Answer.PERMITS, Answer.FORBIDS, Answer.UNKNOWN),
    "terminal": (Answer.PERMITS, Answer.FORBIDS),
    "reading": (Answer.PERMITS, Answer.FORBIDS),
    "arguments": (Answer.PERMITS, Answer.FORBIDS, Answer.UNKNOWN),
}
"""What each qualifier may say about an event."""
_ALERTS = frozenset({Answer.UNQUALIFIED, Answer.FORBIDS})


class Qualifiers(NamedTuple):
    """What of a rule depends on more than target and source."""

    action: ActionName
    owner: bool = False
    terminal: bool = False
    reading: bool = False
    arguments: frozenset[str] = frozenset()


def qualifiers_of(rule: Rule) -> Qualifiers:
    """`ownerOnly`, `pts: false`, `readOnly` and `allowedArgs`."""
    if not isinstance(rule, PathRule):
        return Qualifiers(rule.action)
    return Qualifiers(
        action=rule.action,
        owner=rule.owner_only,
        terminal=rule.without_terminal,
        reading=isinstance(rule, FileRule) and rule.read_only,
        arguments=rule.allowed_args if isinstance(rule, ProcessRule) else frozenset(),
    )


def always_wins(winner: Rule, loser: Rule, *, earlier: bool) -> bool:
    """Whether of two equally specific Allow and Block rules that match, `winner` always decides.

    `earlier` says whether it was applied first.
    """
    answers = _answers(qualifiers_of(winner), qualifiers_of(loser))
    outcomes = (
        (outcome_of(_finding(winner, one)), outcome_of(_finding(loser, other))) for one, other in answers
    )
    return all(one > other or (one == other and earlier) for one, other in outcomes)


def always_alerts_first(first: Rule, second: Rule) -> bool:
    """Whether of two Audit rules that match, the alert is the first one's wherever the second has one."""
    for one, other in _answers(qualifiers_of(first), qualifiers_of(second)):
        if other in _ALERTS and one not in _ALERTS:
            return False
        if other is Answer.UNKNOWN and one is Answer.PERMITS:
            return False
    return True


@lru_cache(maxsize=1024)
def _answers(one: Qualifiers, other: Qualifiers) -> tuple[tuple[Answer, Answer], ...]:
    """Every pair of answers that the two rules may give about one event."""
    return tuple(dict.fromkeys(_asked(one, other)))


def _asked(one: Qualifiers, other: Qualifiers) -> Iterator[tuple[Answer, Answer]]:
    # The setting matchArgs: false turns allowedArgs off, so both ways are tried.
    for with_arguments in (True, False):
        for owner, terminal, reading in product(_SAID["owner"], _SAID["terminal"], _SAID["reading"]):
            for mine, theirs in product(_SAID["arguments"], repeat=2):
                if one.arguments == other.arguments and mine is not theirs:
                    continue
                said = {"owner": owner, "terminal": terminal, "reading": reading}
                yield (
                    _answer(one, said, mine if with_arguments else None),
                    _answer(other, said, theirs if with_arguments else None),
                )


def _answer(rule: Qualifiers, said: Mapping[str, Answer], arguments: Answer | None) -> Answer:
    asked = [Qualified(answer) for name, answer in said.items() if getattr(rule, name)]
    if rule.arguments and arguments is not None:
        asked.append(Qualified(arguments))
    return consulted(asked).answer


def _finding(rule: Rule, answer: Answer) -> Finding:
    return Finding(rule, 0, answer)
