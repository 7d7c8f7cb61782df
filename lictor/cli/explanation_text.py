"""An explanation and a matrix of rights, as text for people."""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

from lictor.cli.paragraphs import listed, paragraph, workload_line
from policy.changes import Enforcement
from policy.explanation import Answered, Apart, Explanation, Makes, Weighed
from policy.posture import PolicyMode
from policy.rights.matrix import Effect, Matrix, Right, SectionRights
from policy.rights.told import Told
from policy.verdict import PostureReference, RuleReference, Verdict

MOST_NEAR = 10
"""Rules with the same target and another source that are shown of one question unless all are."""

_DECISIONS = {"block": "DENIED", "audit": "PASSES", "allow": "PASSES", "unknown": "UNKNOWN"}

_MAKES: dict[Makes, str] = {
    "allow": "allows it",
    "pass": "lets it pass, as its conditions permit it",
    "miss": "does not allow it",
    "deny": "denies it",
    "unknown": "cannot tell",
    "alert": "asks to be told",
    "silence": "asks for nothing, as its conditions permit it",
}
_APART = {
    "target": "another target",
    "source": "another source",
    "not-exact": "no Allow for a path not known whole",
}

EFFECTS: dict[Effect, str] = {
    "allow": "passes",
    "alert": "passes with an alert",
    "deny": "is denied",
    "unknown": "is unknown",
}


def explanation_lines(found: Explanation, *, all_rules: bool) -> Iterator[str]:
    """The decision, then question by question what was considered."""
    yield paragraph(f"{headline(found.verdict)}: {found.verdict.sentence}", hanging=4)
    for number, one in enumerate(found.questions, start=1):
        yield ""
        several = f"{number}. " if len(found.questions) > 1 else ""
        stands = " (this decides)" if one.stands and len(found.questions) > 1 else ""
        yield paragraph(f"{several}section {one.section}: {one.subject.rstrip(',')}{stands}")
        yield from _question(one, all_rules=all_rules)
    yield ""
    yield paragraph(mode_line(found.mode, found.enforcement, untracked=found.untracked))


def headline(verdict: Verdict) -> str:
    """A verdict's decision, whether it is told, and its reason code."""
    alert = " WITH AN ALERT" if verdict.alert and verdict.decision != "block" else ""
    return f"{_DECISIONS[verdict.decision]}{alert} [{verdict.reason}]"


def told_line(event: Told) -> str:
    """An event as people describe it: `exec: /usr/bin/id, from: /usr/bin/dash`."""
    return ", ".join(f"{key}: {_value(value)}" for key, value in event.items()) or "the end of a process"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes"
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value)


def mode_line(mode: PolicyMode, enforcement: Enforcement, *, untracked: bool) -> str:
    """The workload's mode, and what becomes of denials."""
    if untracked:
        return "Mode: audited, as the namespace is untracked; nothing is enforced."
    if mode == "audited":
        return "Mode: audited, by the pod's annotation kubearmor-policy; nothing is enforced."
    if mode == "disabled":
        return "Mode: disabled, by the pod's annotation kubearmor-policy; no policy applies."
    done = (
        "the process is terminated" if enforcement == "terminate" else "nothing is done, enforcement is off"
    )
    return f"Mode: enabled; on a denial {done}."


def _question(one: Answered, *, all_rules: bool) -> Iterator[str]:
    if one.competing:
        yield "  Allow and Block rules that match, in the order of precedence:"
        for number, rule in enumerate(one.competing, start=1):
            yield from _weighed(rule, number)
    else:
        yield "  No Allow or Block rule matches."
    if one.audits:
        yield "  Audit rules that match, in the order applied:"
        for number, rule in enumerate(one.audits, start=1):
            yield from _weighed(rule, number)
    yield from _apart(one.apart, all_rules=all_rules)
    if one.posture is not None:
        yield paragraph(_allow_list(one), 2)
        yield paragraph(f"Posture: {posture_words(one.posture)}.", 2)
    if one.visibility is not None:
        told = (
            "visible, so Audit alerts are told" if one.visible else "not visible, so no Audit alert is told"
        )
        yield paragraph(f"Visibility: {one.visibility} is {told}.", 2)
    if not one.stands:
        yield paragraph(f"By itself: {headline(one.verdict)}: {one.verdict.sentence}", 2)


def _weighed(rule: Weighed, number: int) -> Iterator[str]:
    mark = ">" if rule.decides else " "
    yield paragraph(
        f"{mark} {number} {rule.rule.action} {about(rule.target, rule.sources, rule.conditions)}", 2, 4
    )
    yield paragraph(place(rule.rule), 6)
    why = f", since {rule.why}" if rule.why else ""
    behind = f" Not credited: {rule.behind}." if rule.behind else ""
    yield paragraph(f"{_MAKES[rule.makes]}{why}{_credited(rule)}.{behind}", 6)


def _credited(rule: Weighed) -> str:
    if not rule.decides:
        return ""
    if rule.makes == "miss":
        return ", and leaves it to the posture"
    return ", and is credited" if rule.rule.action == "Audit" else ", and decides"


def _apart(apart: tuple[Apart, ...], *, all_rules: bool) -> Iterator[str]:
    if not apart:
        return
    counts = Counter(one.why for one in apart)
    sums = listed(f"{counts[why]} with {words}" for why, words in _SUMS.items() if counts[why])
    near = [one for one in apart if one.why != "target"]
    shown = list(apart) if all_rules else near[:MOST_NEAR]
    more = "" if len(shown) == len(apart) else " (--all shows them)"
    yield paragraph(f"Rules that do not match: {sums}{more}.", 2)
    for one in shown:
        what = about(one.target, one.sources, ())
        yield paragraph(f"- {one.rule.action} {what}: {_APART[one.why]}", 4)
        yield paragraph(place(one.rule), 6)


_SUMS: dict[Literal["target", "source", "not-exact"], str] = {
    "target": "another target",
    "source": "another source",
    "not-exact": "the target, but the path is not known whole",
}


def _allow_list(one: Answered) -> str:
    if not one.allow_list:
        return "Allow-list mode: off, since no Allow rule of the section selects the workload."
    by = f", switched on by {place(one.allow_list_by)}" if one.allow_list_by else ""
    return f"Allow-list mode: on{by}. What no rule allows goes to the posture."


def posture_words(posture: PostureReference) -> str:
    """A posture with where it was set."""
    where = "the namespace's annotation" if posture.origin == "namespace" else "the global setting"
    return f"{posture.posture} is {posture.mode}, from {where}"


def place(rule: RuleReference) -> str:
    """Where a rule is written: `spec.process.matchPaths[1] of KubeArmorPolicy dvwa/allow-apache`."""
    name = f"{rule.namespace}/{rule.policy}" if rule.namespace else rule.policy
    return f"{rule.place} of {rule.kind} {name}"


def about(target: str, sources: tuple[str, ...], conditions: tuple[str, ...]) -> str:
    """What a rule is about, in one phrase."""
    by = f" by {listed(sources, 'or')}" if sources else ""
    return f"{target}{by}{' if ' if conditions else ''}{listed(conditions)}"


def matrix_lines(matrix: Matrix) -> Iterator[str]:
    """A workload's rights, section by section."""
    yield paragraph(workload_line(matrix.workload))
    yield paragraph(mode_line(matrix.mode, matrix.enforcement, untracked=matrix.untracked))
    visible = listed(matrix.visible) or "nothing"
    yield paragraph(f"Visible for Audit alerts: {visible}.")
    for section in matrix.sections:
        if section.rights:
            yield ""
            yield from _section(section)
    without = [one.section for one in matrix.sections if not one.rights]
    if without:
        yield ""
        yield paragraph(f"No rule about {listed(without, 'or')}: all of it passes.")


def _section(section: SectionRights) -> Iterator[str]:
    posture = f"; posture {posture_words(section.posture)}" if section.posture and section.allow_list else ""
    mode = f"allow-list{posture}" if section.allow_list else "no allow-list"
    yield paragraph(f"{section.section.upper()}  ({mode})", hanging=4)
    width = max(len(_effect(one)) for one in section.rights)
    width = max(width, len(EFFECTS[section.default]))
    for number, right in enumerate(section.rights, start=1):
        what = about(right.target, right.sources, right.conditions)
        otherwise = f", else it {EFFECTS[right.otherwise]}" if right.otherwise else ""
        yield paragraph(f"{number:>3}  {_effect(right):<{width}}  {what}{otherwise}", 0, width + 7)
        yield paragraph(place(right.rule), width + 7)
        if right.shadowed_by is not None:
            instead = place(right.shadowed_by)
            yield paragraph(f"never decides: wherever it matches, {instead} does", width + 7)
    yield paragraph(f"     {EFFECTS[section.default]:<{width}}  whatever no rule is about", 0, width + 7)


def _effect(right: Right) -> str:
    return EFFECTS[right.effect]
