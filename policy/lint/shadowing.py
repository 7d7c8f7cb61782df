"""Rules that never decide, because others always do where they match.

Precedence is the judge's own. What cannot be known, such as whether two labels are ever on one pod, counts
as not shadowed: a rule that is found never decides, and one that is not found may still never decide.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.inclusion import Inclusion, includes, same_target, sources_include
from policy.lint.linted import Compiled, Linted
from policy.lint.precedence import always_alerts_first, always_wins
from policy.lint.reach import covers
from policy.lint.rule_groups import Ordered, RuleGroup, groups_of

MOST_COMPARED = 256
"""Rules that one rule is compared with: a text may hold thousands about one path."""


class Shadow(NamedTuple):
    """An entry that never decides."""

    entry: Compiled
    by: Compiled
    """What decides instead; the first of several."""
    contradiction: bool
    """Whether it is an Allow, and a Block of the same target and source decides."""
    inert: bool
    """Whether it could be removed without any verdict changing in its decision or credit."""
    only_whole: bool
    """Whether it may still decide about paths whose front was cut off."""


def shadows(every: Sequence[Linted]) -> Iterator[Shadow]:
    """`every` document in the order applied, each identity once."""
    for group in groups_of(every):
        for entry, parts in group.entries:
            found = [_shadow_of(part, group) for part in parts]
            if found and all(found):
                yield _together(entry, [one for one in found if one], every)


class _Shadowed(NamedTuple):
    by: Ordered
    contradiction: bool
    only_whole: bool


def _shadow_of(part: Ordered, group: RuleGroup) -> _Shadowed | None:
    deciders: list[tuple[Ordered, Inclusion]] = []
    missing = set(part.rule.sources)
    for other in islice(group.candidates(part), MOST_COMPARED):
        every_source = sources_include(other.rule, part.rule)
        if not every_source and missing.isdisjoint(other.rule.sources):
            continue
        inclusion = includes(other.rule, part.rule)
        if inclusion is Inclusion.NO or not _decides(other, part):
            continue
        if every_source:
            return _shadowed(part, [(other, inclusion)])
        if part.entry.section != "syscalls":
            missing.difference_update(other.rule.sources)
            deciders.append((other, inclusion))
            if not missing:
                return _shadowed(part, deciders)
    return None


def _decides(other: Ordered, part: Ordered) -> bool:
    """Whether `other` comes before `part` for every event that both match."""
    if other.entry is part.entry or not covers(other.entry.linted.reach, part.entry.linted.reach):
        return False
    earlier = other.order < part.order
    if part.rule.action == "Audit" or other.rule.action == "Audit":
        both = part.rule.action == other.rule.action
        return both and earlier and always_alerts_first(other.rule, part.rule)
    if other.rule.by_source != part.rule.by_source:
        return False
    mine, theirs = part.rule.specificity, other.rule.specificity
    return theirs > mine or (theirs == mine and always_wins(other.rule, part.rule, earlier=earlier))


def _shadowed(part: Ordered, deciders: list[tuple[Ordered, Inclusion]]) -> _Shadowed:
    first = deciders[0][0]
    rule = part.rule
    contradiction = (
        rule.action == "Allow"
        and first.rule.action == "Block"
        and len(deciders) == 1
        and same_target(first.rule, rule)
        and set(first.rule.sources) == set(rule.sources)
    )
    # No Allow is satisfied by a path that is not seen whole, so nothing else may decide there.
    only_whole = rule.action != "Allow" and any(
        inclusion is Inclusion.WHOLE or other.rule.action == "Allow" for other, inclusion in deciders
    )
    return _Shadowed(first, contradiction, only_whole)


def _together(entry: Compiled, found: list[_Shadowed], every: Sequence[Linted]) -> Shadow:
    only_whole = any(one.only_whole for one in found)
    return Shadow(
        entry=entry,
        by=found[0].by.entry,
        contradiction=all(one.contradiction for one in found),
        inert=not only_whole and not _switches(entry, every),
        only_whole=only_whole,
    )


def _switches(entry: Compiled, every: Sequence[Linted]) -> bool:
    """Whether it is the only thing known to put what it selects in allow-list mode."""
    if entry.rules[0].action != "Allow":
        return False
    others = (
        other
        for linted in every
        if covers(linted.reach, entry.linted.reach)
        for other in linted.compiled
        if other.section == entry.section and other is not entry
    )
    return not any(other.rules[0].action == "Allow" for other in others)


def shadowed_rules(every: Sequence[Linted]) -> Iterator[Finding]:
    """Rules that never decide, contradictions among them."""
    for shadow in shadows(every):
        entry, by = shadow.entry, shadow.by
        same_document = by.linted is entry.linted
        title = by.path if same_document else f"{by.rules[0].title} ({by.linted.where(by.path)})"
        if shadow.contradiction:
            sentence = f"{title} blocks the same from the same sources and wins; remove one of the two"
            severity = Severity.ERROR if same_document else Severity.WARNING
            yield entry.linted.finding(LintCode.CONTRADICTING_RULES, severity, entry.path, sentence)
            continue
        why, instead = _why(entry, by)
        but = ""
        if shadow.only_whole:
            but = " (but for paths that are not seen whole)"
        elif not shadow.inert:
            but = " (it only switches allow-list mode on)"
        is_hole = entry.rules[0].action == "Block" and by.rules[0].action == "Allow"
        yield entry.linted.finding(
            LintCode.SHADOWED_RULE,
            Severity.ERROR if is_hole else Severity.WARNING,
            entry.path,
            f"this never decides{but}: {title} does, since {why}; {instead}",
        )


_KINDS = {3: "an exact path", 2: "an execname", 1: "a pattern", 0: "a directory"}


def _why(entry: Compiled, by: Compiled) -> tuple[str, str]:
    """Why `by` decides, and what to do about it."""
    loser, winner = entry.rules[0], by.rules[0]
    if loser.action == winner.action:
        return "it says the same and more", "remove this one"
    mine, theirs = loser.specificity[0], winner.specificity[0]
    if mine != theirs:
        return f"{_KINDS[theirs]} beats {_KINDS[mine]}", f"write {_KINDS[theirs]} here too, or remove it"
    return f"{winner.action} beats {loser.action}", "remove one of the two, or narrow the other"
