"""A workload's effective rights: per section what each rule makes of what it is about, and of the rest.

What a rule makes of an event is asked of the judge's own ruling (`policy.ruling`), with posture, mode
and visibility as they hold for the workload.
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from policy.changes import Enforcement
from policy.events import FileEvent
from policy.policy_set import PolicySet
from policy.posture import PolicyMode, Standing
from policy.rights.never import never_decide
from policy.rights.wording import WITH_POSTURE, conditions_of, sources_of, target_of
from policy.rule import Rule
from policy.rules import Rules
from policy.ruling import Answer, Finding, Matter, Ranked, outcome_of, verdict_on
from policy.sections import SECTIONS, SectionName
from policy.sections.judging import SectionJudge, without_rules
from policy.sections.presets import PRESET_EVENTS, PresetRule
from policy.settings import VisibleKind
from policy.verdict import PostureReference, RuleReference, Verdict
from policy.workload import Workload

Effect = Literal["allow", "alert", "deny", "unknown"]
"""What becomes of an event. `alert`: it passes and people are told; `allow`: it passes in silence."""


class Right(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one rule makes of what it is about, where no other rule decides."""

    action: Literal["Allow", "Audit", "Block"]
    target: str
    """In words, as `sources` and `conditions`. All are safe to show."""
    sources: tuple[str, ...] = ()
    """Empty: whoever does it."""
    conditions: tuple[str, ...] = ()
    """What has to hold for `effect`; where one does not, it is `otherwise`."""
    effect: Effect
    otherwise: Effect | None = None
    """None where there are no conditions."""
    severity: int | None = None
    rule: RuleReference
    shadowed_by: RuleReference | None = None
    """The rule that decides wherever this one matches; None where none is known to."""


class SectionRights(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one section says about a workload."""

    section: SectionName
    allow_list: bool = False
    """Whether what no rule allows is a miss, which the posture decides."""
    allow_list_by: RuleReference | None = None
    """The first Allow rule of the section."""
    posture: PostureReference | None = None
    """None where the section has no posture."""
    default: Effect
    """What becomes of what no rule is about."""
    rights: tuple[Right, ...] = ()
    """In the order of precedence; of Audit rules, which come last, in the order applied."""


class Matrix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workload's effective rights."""

    workload: Workload
    mode: PolicyMode
    untracked: bool = False
    """`mode` is `audited` because of the namespace."""
    enforcement: Enforcement
    visible: tuple[str, ...] = ()
    """Kinds whose Audit alerts are told."""
    sections: tuple[SectionRights, ...]
    """All of them, in the order in which they are judged."""


def matrix_of(policies: PolicySet, workload: Workload) -> Matrix:
    """The rights of a workload under a policy set."""
    rules = policies.for_workload(workload)
    standing = rules.standing
    written = policies.rules_for(workload)
    judges = {section.name: judge for section, judge in rules.sections}
    return Matrix(
        workload=workload,
        mode=standing.mode,
        untracked=standing.untracked,
        enforcement=standing.enforcement,
        visible=tuple(sorted(standing.visible)),
        sections=tuple(
            _rights_of(one.name, judges[one.name], written[one.name], standing) for one in SECTIONS
        ),
    )


def in_order(rules: Sequence[Rule]) -> list[tuple[int, Rule]]:
    """Rules in the order of precedence, each with its place in the order applied.

    It is the order among those that match and whose conditions are not met: then a Block denies.
    """
    placed = list(enumerate(rules))
    audits = [one for one in placed if one[1].action == "Audit"]
    competing = [one for one in placed if one[1].action != "Audit"]
    competing.sort(key=lambda one: _precedence(*one), reverse=True)
    return competing + audits


def _precedence(order: int, rule: Rule) -> tuple[Any, ...]:
    return (rule.by_source, rule.specificity, outcome_of(_alone(rule, Answer.UNQUALIFIED)), -order)


def effect_of(verdict: Verdict) -> Effect:
    """A verdict in one word."""
    if verdict.decision == "block":
        return "deny"
    if verdict.decision == "unknown":
        return "unknown"
    return "alert" if verdict.alert else "allow"


def default_matter(judge: SectionJudge[Any, Any, Any], standing: Standing, *, allow_list: bool) -> Matter:
    """What the section judges, whatever it is."""
    return Matter(
        subject="What no rule is about",
        standing=standing,
        posture=getattr(standing, judge.posture),
        visible=judge.visible,
        allow_list=allow_list,
    )


def default_of(rules: Rules, section: SectionName) -> Verdict:
    """The verdict on what no rule of a section is about."""
    judge = next(judge for one, judge in rules.sections if one.name == section)
    matter = default_matter(judge, rules.standing, allow_list=judge.index.allow_list)
    return without_rules(matter.subject, rules.standing) or verdict_on(matter, Ranked((), ()))


def _rights_of(
    name: SectionName, judge: SectionJudge[Any, Any, Any], rules: Sequence[Rule], standing: Standing
) -> SectionRights:
    matter = default_matter(judge, standing, allow_list=any(rule.action == "Allow" for rule in rules))
    early = without_rules(matter.subject, standing)
    never = never_decide(rules)
    rights = []
    for place, rule in in_order(rules):
        conditions = conditions_of(rule, match_args=standing.match_args)
        met = _said(rule, Answer.PERMITS if conditions else Answer.UNQUALIFIED, matter, early)
        rights.append(
            Right(
                action=rule.action,
                target=target_of(rule),
                sources=sources_of(rule),
                conditions=conditions,
                effect=met,
                otherwise=_said(rule, Answer.FORBIDS, matter, early) if conditions else None,
                severity=rule.severity,
                rule=rule.reference,
                shadowed_by=never[place].reference if place in never else None,
            )
        )
    first_allow = next((rule.reference for rule in rules if rule.action == "Allow"), None)
    return SectionRights(
        section=name,
        allow_list=matter.allow_list,
        allow_list_by=first_allow,
        posture=matter.posture if name in WITH_POSTURE else None,
        default=effect_of(early or verdict_on(matter, Ranked((), ()))),
        rights=tuple(rights),
    )


def _alone(rule: Rule, answer: Answer) -> Finding:
    return Finding(rule, 0, answer)


def _said(rule: Rule, answer: Answer, matter: Matter, early: Verdict | None) -> Effect:
    """What the rule makes of what it matches, given what its conditions say."""
    if early is not None:
        return effect_of(early)
    finding = _alone(rule, answer)
    if rule.action != "Audit":
        return effect_of(verdict_on(matter, Ranked((finding,), ())))
    # An Audit rule lets nothing pass: it says what becomes of what passes anyway.
    passing = Matter(
        subject=matter.subject,
        standing=matter.standing,
        posture=matter.posture,
        visible=_visible(rule, matter),
        allow_list=False,
    )
    return effect_of(verdict_on(passing, Ranked((), (finding,))))


def _visible(rule: Rule, matter: Matter) -> VisibleKind | None:
    if not isinstance(rule, PresetRule):
        return matter.visible
    return "file" if PRESET_EVENTS[rule.preset] is FileEvent else "process"
