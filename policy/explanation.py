"""Why an event is judged as it is: every rule that was considered, in the order of precedence.

The judge's own inquiry (`policy.sections.judging`), as a record that people and programs can read.
"""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from policy.changes import Enforcement
from policy.events import Event
from policy.judge import NOT_JUDGED
from policy.posture import PolicyMode
from policy.rights.wording import WITH_POSTURE, conditions_of, sources_of, target_of
from policy.rule import Rule
from policy.rules import Rules
from policy.ruling import Answer, Finding, Outcome, badness, outcome_of
from policy.sections import SectionName
from policy.sections.judging import Inquiry, SectionJudge
from policy.settings import VisibleKind
from policy.verdict import PostureReference, RuleReference, Verdict

Makes = Literal["allow", "pass", "miss", "deny", "unknown", "alert", "silence"]
"""What a rule makes of an event: of `alert` and `silence` those that only audit."""

_MAKES: dict[Outcome, Makes] = {
    Outcome.ALLOW: "allow",
    Outcome.PASS: "pass",
    Outcome.ALLOW_OR_MISS: "unknown",
    Outcome.MISS: "miss",
    Outcome.PASS_OR_DENY: "unknown",
    Outcome.DENY: "deny",
}


class Weighed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule whose target and source match."""

    rule: RuleReference
    target: str
    """In words, as `sources` and `conditions`."""
    sources: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    """What its qualifiers permit."""
    makes: Makes
    why: str = ""
    """Which condition is not met, or cannot be told."""
    decides: bool = False
    """Whether the verdict is credited to it, or to the posture because of it."""
    behind: str = ""
    """Why another decides; empty where it decides itself."""


class Apart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A rule that does not match."""

    rule: RuleReference
    target: str
    sources: tuple[str, ...] = ()
    why: Literal["target", "source", "not-exact"]
    """Another target; another source; or an Allow, and the event does not tell the whole path."""


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the event was judged as, by one section."""

    section: SectionName
    subject: str
    competing: tuple[Weighed, ...] = ()
    """Allow and Block rules that match, in the order of precedence."""
    audits: tuple[Weighed, ...] = ()
    """Audit rules that match, in the order in which they were applied."""
    apart: tuple[Apart, ...] = ()
    """In the order in which they were applied."""
    allow_list: bool = False
    """Whether what no rule allows is a miss."""
    allow_list_by: RuleReference | None = None
    """The first Allow rule of the section: it switched allow-list mode on."""
    posture: PostureReference | None = None
    """What decides misses; None where the section has no posture."""
    visibility: VisibleKind | None = None
    """What has to be visible for an Audit alert; None: such alerts are always told."""
    visible: bool = True
    verdict: Verdict
    stands: bool = False
    """Whether it is this question's verdict that stands for the event."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event, judged aloud."""

    mode: PolicyMode
    untracked: bool = False
    """`mode` is `audited` because of the namespace."""
    complete: bool = True
    """Whether it is known whose the workload is."""
    enforcement: Enforcement
    """What is done about a denial."""
    questions: tuple[Answered, ...] = ()
    """In the order asked; of equal verdicts the first stands. Empty where no section is about it."""
    verdict: Verdict
    """What `policy.judge.judge` says."""


def explain(event: Event, rules: Rules) -> Explanation:
    """Judge an event by the rules of its workload, and tell all that was considered."""
    asked = list(_asked(event, rules))
    verdict = max((inquiry.verdict for _, _, inquiry in asked), key=badness, default=NOT_JUDGED)
    standing = rules.standing
    return Explanation(
        mode=standing.mode,
        untracked=standing.untracked,
        complete=standing.complete,
        enforcement=standing.enforcement,
        questions=tuple(
            _answered(section, judge, inquiry, stands=inquiry.verdict is verdict)
            for section, judge, inquiry in asked
        ),
        verdict=verdict,
    )


def _asked(event: Event, rules: Rules) -> Iterator[tuple[SectionName, SectionJudge[Any, Any, Any], Inquiry]]:
    names = {id(judge): section.name for section, judge in rules.sections}
    kind = next((one for one in type(event).__mro__ if rules.by_type.get(one) is not None), None)
    if kind is None:
        return
    for judge in rules.judges_of(kind):
        for inquiry in judge.inquire(event):
            yield names[id(judge)], judge, inquiry


def _answered(
    section: SectionName, judge: SectionJudge[Any, Any, Any], inquiry: Inquiry, *, stands: bool
) -> Answered:
    matter, verdict, ranked = inquiry.matter, inquiry.verdict, inquiry.ranked
    match_args = matter.standing.match_args
    credited = _credited_audit(ranked.audits, verdict)
    return Answered(
        section=section,
        subject=matter.subject,
        competing=tuple(
            _weighed(
                one,
                _MAKES[outcome_of(one)],
                match_args=match_args,
                decides=number == 0 and credited is None,
                behind=_audit_first(credited) if number == 0 else _behind(one, ranked.competing[0]),
            )
            for number, one in enumerate(ranked.competing)
        ),
        audits=tuple(
            _weighed(
                one,
                _AUDITS[one.answer],
                match_args=match_args,
                decides=one is credited,
                behind=_behind_audit(one, credited, verdict),
            )
            for one in ranked.audits
        ),
        apart=tuple(
            Apart(
                rule=one.rule.reference,
                target=target_of(one.rule),
                sources=sources_of(one.rule),
                why=one.why,
            )
            for one in inquiry.unmet
        ),
        allow_list=matter.allow_list,
        allow_list_by=_first_allow(judge) if matter.allow_list else None,
        posture=matter.posture if section in WITH_POSTURE else None,
        visibility=matter.visible,
        visible=matter.visible is None or matter.visible in matter.standing.visible,
        verdict=verdict,
        stands=stands,
    )


_AUDITS: dict[Answer, Makes] = {
    Answer.UNQUALIFIED: "alert",
    Answer.FORBIDS: "alert",
    Answer.PERMITS: "silence",
    Answer.UNKNOWN: "unknown",
}


def _weighed(finding: Finding, makes: Makes, *, match_args: bool, decides: bool, behind: str) -> Weighed:
    rule: Rule = finding.rule
    return Weighed(
        rule=rule.reference,
        target=target_of(rule),
        sources=sources_of(rule),
        conditions=conditions_of(rule, match_args=match_args),
        makes=makes,
        why=finding.why,
        decides=decides,
        behind="" if decides else behind,
    )


def _credited_audit(audits: tuple[Finding, ...], verdict: Verdict) -> Finding | None:
    """The Audit rule that the verdict is credited to; rules of one comma list share a reference."""
    if not isinstance(verdict.decided_by, RuleReference) or verdict.decided_by.action != "Audit":
        return None
    told = [one for one in audits if one.answer in {Answer.UNQUALIFIED, Answer.FORBIDS}]
    return next(iter(told or [one for one in audits if one.answer is Answer.UNKNOWN]), None)


def _audit_first(credited: Finding | None) -> str:
    return "" if credited is None else "the event passes all the same, and an Audit rule tells what passes"


def _behind(finding: Finding, winner: Finding) -> str:
    """The first step of precedence at which `winner` is ahead."""
    if finding.rule.by_source != winner.rule.by_source:
        return "a rule with a matching source beats one without"
    if finding.rule.specificity != winner.rule.specificity:
        return "a narrower target beats it"
    mine, its = outcome_of(finding), outcome_of(winner)
    if mine != its:
        return f"equally narrow, and {_IN_WORDS[its]} beats {_IN_WORDS[mine]}"
    return "equal, and the other was applied first"


_IN_WORDS = {
    Outcome.ALLOW: "an Allow",
    Outcome.PASS: "a pass",
    Outcome.ALLOW_OR_MISS: "what may be a miss",
    Outcome.MISS: "a miss",
    Outcome.PASS_OR_DENY: "what may be a denial",
    Outcome.DENY: "a denial",
}


def _behind_audit(finding: Finding, credited: Finding | None, verdict: Verdict) -> str:
    if verdict.decision == "block":
        return "only what passes is told, and this is denied"
    if finding.answer is Answer.PERMITS:
        return "its conditions permit the event"
    if credited is not None:
        return "another Audit rule is told first"
    return "what decides is told already"


def _first_allow(judge: SectionJudge[Any, Any, Any]) -> RuleReference | None:
    return next((one.rule.reference for one in judge.index.placed if one.rule.action == "Allow"), None)
