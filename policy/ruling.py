"""From the rules that match an event to one verdict: which decides, and what posture and mode make of it.

It is the same for every section (docs/semantics.md, "Which rule decides" and "Default posture").
"""

from collections.abc import Iterable
from enum import Enum, IntEnum
from typing import NamedTuple

from policy.posture import Standing
from policy.rule import Rule
from policy.settings import VisibleKind
from policy.target import Specificity
from policy.verdict import Decision, PostureReference, Reason, Verdict


class Answer(Enum):
    """What a rule's qualifiers (`ownerOnly`, `pts`, `allowedArgs`, ...) say about an event."""

    UNQUALIFIED = "it has none"
    PERMITS = "they permit it"
    FORBIDS = "they forbid it"
    UNKNOWN = "the event does not tell"


class Finding(NamedTuple):
    """A rule whose target and source match the event."""

    rule: Rule
    order: int
    """Its place in the order in which policies were applied."""
    answer: Answer
    why: str = ""
    """For FORBIDS and UNKNOWN: the qualifier's reason, in words that follow a colon."""
    unknown: Reason = Reason.ARGUMENTS_UNKNOWN
    """For UNKNOWN: which reason code tells it."""


class Outcome(IntEnum):
    """What a rule that competes makes of an event. Of equal rules the greater outcome wins.

    The two that are not certain stand where the worse of what they may be does not yet decide.
    """

    ALLOW = 0
    PASS = 1
    ALLOW_OR_MISS = 2
    MISS = 3
    PASS_OR_DENY = 4
    DENY = 5


_OF_BLOCK = {
    Answer.UNQUALIFIED: Outcome.DENY,
    Answer.FORBIDS: Outcome.DENY,
    Answer.PERMITS: Outcome.PASS,
    Answer.UNKNOWN: Outcome.PASS_OR_DENY,
}
_OF_ALLOW = {
    Answer.UNQUALIFIED: Outcome.ALLOW,
    Answer.PERMITS: Outcome.ALLOW,
    Answer.FORBIDS: Outcome.MISS,
    Answer.UNKNOWN: Outcome.ALLOW_OR_MISS,
}


class Matter(NamedTuple):
    """What is judged, apart from the rules."""

    subject: str
    """How sentences name it, safe to show."""
    standing: Standing
    posture: PostureReference
    visible: VisibleKind | None
    """Which kind has to be visible for an Audit alert; None: it is always told."""
    allow_list: bool
    """Whether an Allow rule of the section selects the workload."""


class Qualified(NamedTuple):
    """What one qualifier of a rule says."""

    answer: Answer
    why: str = ""
    unknown: Reason = Reason.ARGUMENTS_UNKNOWN


PERMITTED = Qualified(Answer.PERMITS)
_UNQUALIFIED = Qualified(Answer.UNQUALIFIED)


def consulted(qualifiers: Iterable[Qualified]) -> Qualified:
    """What they say together: one that forbids decides, then one that cannot tell; of equals the first."""
    if qualifiers == ():
        return _UNQUALIFIED
    said = list(qualifiers)
    for answer in (Answer.FORBIDS, Answer.UNKNOWN, Answer.PERMITS):
        for one in said:
            if one.answer is answer:
                return one
    return _UNQUALIFIED


def outcome_of(finding: Finding) -> Outcome:
    """What a rule that competes makes of the event."""
    return (_OF_BLOCK if finding.rule.action == "Block" else _OF_ALLOW)[finding.answer]


class Ranked(NamedTuple):
    """The rules that match an event, those that decide first."""

    competing: tuple[Finding, ...]
    """Allow and Block rules; the first wins."""
    audits: tuple[Finding, ...]
    """In the order in which they were applied."""


def rank(findings: Iterable[Finding]) -> Ranked:
    """Sort findings by precedence."""
    competing: list[Finding] = []
    audits: list[Finding] = []
    for finding in findings:
        (audits if finding.rule.action == "Audit" else competing).append(finding)
    if len(competing) > 1:
        competing.sort(key=_precedence, reverse=True)
    if len(audits) > 1:
        audits.sort(key=lambda one: one.order)
    return Ranked(tuple(competing), tuple(audits))


def _precedence(finding: Finding) -> tuple[bool, Specificity, Outcome, int]:
    return (finding.rule.by_source, finding.rule.specificity, outcome_of(finding), -finding.order)


def verdict_on(matter: Matter, ranked: Ranked) -> Verdict:
    """The verdict on an event that these rules match."""
    audits = ranked.audits
    if not ranked.competing:
        return _miss(matter, None, audits) if matter.allow_list else _passed(matter, None, audits)
    winner = ranked.competing[0]
    outcome = outcome_of(winner)
    if outcome is Outcome.DENY:
        return _denied(matter, winner)
    if outcome is Outcome.MISS:
        return _miss(matter, winner, audits)
    if outcome in {Outcome.PASS_OR_DENY, Outcome.ALLOW_OR_MISS}:
        return _unknown(matter, winner)
    return _passed(matter, winner, audits)


def _by_rule(
    finding: Finding, decision: Decision, reason: Reason, sentence: str, action: str, *, alert: bool = False
) -> Verdict:
    rule = finding.rule
    return Verdict(
        decision=decision,
        reason=reason,
        sentence=sentence,
        alert=alert,
        action=action,
        decided_by=rule.reference,
        severity=rule.severity,
        tags=rule.tags,
        message=rule.message,
    )


def _because(finding: Finding) -> str:
    return f": {finding.why}" if finding.why and finding.answer is not Answer.PERMITS else ""


def _denied(matter: Matter, winner: Finding) -> Verdict:
    by = f"{winner.rule.title}{_because(winner)}"
    if matter.standing.mode == "audited":
        sentence = f"{matter.subject} would be denied by {by}; {_audited_because(matter.standing)}."
        return _by_rule(winner, "audit", Reason.AUDITED_WORKLOAD, sentence, "Audit (Block)", alert=True)
    sentence = f"{matter.subject} is denied by {by}."
    return _by_rule(winner, "block", Reason.RULE_BLOCK, sentence, "Block", alert=True)


def _audited_because(standing: Standing) -> str:
    if standing.untracked:
        return f"namespace {standing.namespace} is untracked, so that nothing is enforced there"
    return "the pod's annotation kubearmor-policy is audited, so that nothing is enforced there"


def _unknown(matter: Matter, finding: Finding) -> Verdict:
    sentence = f"{matter.subject} cannot be judged by {finding.rule.title}{_because(finding)}."
    return _by_rule(finding, "unknown", finding.unknown, sentence, "Audit", alert=True)


def _is_visible(matter: Matter) -> bool:
    return matter.visible is None or matter.visible in matter.standing.visible


def _audited(matter: Matter, audits: tuple[Finding, ...]) -> Verdict | None:
    """The alert of the first Audit rule that has one for an event that passes."""
    for finding in audits:
        if finding.answer in {Answer.UNQUALIFIED, Answer.FORBIDS}:
            alert = _is_visible(matter)
            sentence = f"{matter.subject} passes, with an alert by {finding.rule.title}{_because(finding)}."
            return _by_rule(finding, "audit", Reason.RULE_AUDIT, sentence, "Audit", alert=alert)
    unknown = next((one for one in audits if one.answer is Answer.UNKNOWN), None)
    return _unknown(matter, unknown) if unknown else None


def _passed(matter: Matter, winner: Finding | None, audits: tuple[Finding, ...]) -> Verdict:
    audited = _audited(matter, audits)
    if audited is not None:
        return audited
    if winner is None:
        sentence = f"{matter.subject} passes: no policy concerns it."
        return Verdict(decision="allow", reason=Reason.NO_POLICY, sentence=sentence)
    title = winner.rule.title
    if winner.rule.action == "Allow":
        sentence = f"{matter.subject} is allowed by {title}."
        return _by_rule(winner, "allow", Reason.RULE_ALLOW, sentence, "Allow")
    sentence = f"{matter.subject} passes: the conditions of {title} permit it."
    return _by_rule(winner, "allow", Reason.RULE_PASS, sentence, "Allow")


def _miss(matter: Matter, winner: Finding | None, audits: tuple[Finding, ...]) -> Verdict:
    posture = matter.posture
    unmet = f"{winner.rule.title} does not allow it{_because(winner)}" if winner else "no rule allows it"
    whose = f"namespace {matter.standing.namespace}'s" if posture.origin == "namespace" else "the global"
    because = f"{unmet}, and {whose} {posture.posture} posture is {posture.mode}"
    if posture.mode == "block":
        if matter.standing.mode == "audited":
            return Verdict(
                decision="audit",
                reason=Reason.AUDITED_WORKLOAD,
                sentence=f"{matter.subject} would be denied: {because}; {_audited_because(matter.standing)}.",
                alert=True,
                action="Audit (Block)",
                decided_by=posture,
            )
        return Verdict(
            decision="block",
            reason=Reason.POSTURE_BLOCK,
            sentence=f"{matter.subject} is denied: {because}.",
            alert=True,
            action="Block",
            decided_by=posture,
        )
    audited = _audited(matter, audits)
    if audited is not None:
        return audited
    if posture.mode == "audit":
        return Verdict(
            decision="audit",
            reason=Reason.POSTURE_AUDIT,
            sentence=f"{matter.subject} passes with an alert: {because}.",
            alert=_is_visible(matter),
            action="Audit",
            decided_by=posture,
        )
    return Verdict(
        decision="allow",
        reason=Reason.POSTURE_ALLOW,
        sentence=f"{matter.subject} passes: {because}.",
        action="Allow",
        decided_by=posture,
    )


_WORST_FIRST = ("block", "unknown", "audit", "allow")


def badness(verdict: Verdict) -> tuple[int, bool, bool]:
    """A measure by which the worse of two verdicts on one event is found: the greater one."""
    return (
        -_WORST_FIRST.index(verdict.decision),
        verdict.action == "Audit (Block)",
        verdict.alert,
    )
