"""Rules of one workload that never decide, since another always does where they match.

What is certain about two rules is lint's to say (`policy.lint`); here both are known to select the same
workload, so that selectors need not be compared.
"""

from collections.abc import Sequence

from policy.lint.inclusion import Inclusion, includes, sources_include
from policy.lint.precedence import always_alerts_first, always_wins
from policy.rule import Rule
from policy.sections.paths import PathRule

MOST_COMPARED = 400
"""Rules of a section up to which each is compared with every other; of more, nothing is said."""


def never_decide(rules: Sequence[Rule]) -> dict[int, Rule]:
    """For each rule that never decides the first that does instead, by place in `rules`.

    `rules` are those of one section that select a workload, in the order applied. A rule that is not
    found may still never decide.
    """
    if len(rules) > MOST_COMPARED:
        return {}
    found: dict[int, Rule] = {}
    for number, rule in enumerate(rules):
        for place, other in enumerate(rules):
            if place != number and _always_decides(other, rule, earlier=place < number):
                found[number] = other
                break
    return found


def _always_decides(other: Rule, rule: Rule, *, earlier: bool) -> bool:
    """Whether wherever `rule` matches, `other` does too and comes before it."""
    if other.by_source != rule.by_source or not sources_include(other, rule):
        return False
    if other.action == "Allow" and rule.action != "Allow" and (rule.by_source or isinstance(rule, PathRule)):
        # A path that is not seen whole satisfies no Allow, and may still be what others are about.
        return False
    if includes(other, rule) is not Inclusion.ALWAYS:
        return False
    if "Audit" in {other.action, rule.action}:
        return other.action == rule.action and earlier and always_alerts_first(other, rule)
    mine, theirs = rule.specificity, other.specificity
    return theirs > mine or (theirs == mine and always_wins(other, rule, earlier=earlier))
