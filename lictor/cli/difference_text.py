"""What changes between two policy sets, as text for people."""

from collections.abc import Iterable, Iterator

from lictor.cli.explanation_text import EFFECTS, about, headline, place, told_line
from lictor.cli.paragraphs import listed, paragraph
from policy.rights.difference import (
    ChangeKind,
    Consequence,
    Difference,
    GroupDifference,
    RightChange,
    SectionDifference,
)
from policy.rights.matrix import Right
from policy.verdict import PostureReference, RuleReference, Verdict

MOST_MEMBERS = 8
"""Workloads of a group that are named."""

KINDS: dict[ChangeKind, str] = {
    "newly-denied": "NEWLY DENIED",
    "newly-allowed": "NEWLY ALLOWED",
    "alert-changed": "ALERT CHANGED",
    "credit-changed": "CREDIT CHANGED",
}


def difference_lines(found: Difference, *, all_examples: bool) -> Iterator[str]:
    """A summary, then group by group what changes and what comes of it."""
    sums = ", ".join(f"{found.number(kind)} {words.lower()}" for kind, words in KINDS.items())
    if not found.groups:
        yield paragraph(f"Nothing changes for any of {found.looked_at} group(s) of workloads.")
    else:
        number = f"{len(found.groups)} of {found.looked_at}"
        yield paragraph(f"{number} group(s) of workloads change; of the events tried: {sums}.")
    for group in found.groups:
        yield ""
        yield from _group(group, all_examples=all_examples)
    if found.limits:
        yield ""
        yield from (paragraph(f"Not all was looked at: {limit}.") for limit in found.limits)


def _group(group: GroupDifference, *, all_examples: bool) -> Iterator[str]:
    yield paragraph(group.title)
    others = [one for one in group.members if one != group.title]
    if others:
        more = len(others) - MOST_MEMBERS
        rest = [f"{more} more"] if more > 0 else []
        yield paragraph(f"and alike: {listed([*others[:MOST_MEMBERS], *rest])}", 2)
    for setting in group.settings:
        yield paragraph(f"{setting.name}: {setting.before} -> {setting.after}", 2)
    for section in group.sections:
        yield from _section(section)
    for kind, words in KINDS.items():
        yield from _consequences(
            words, (one for one in group.consequences if one.change == kind), all_examples
        )


def _section(section: SectionDifference) -> Iterator[str]:
    if section.allow_list is not None:
        switched = "on" if section.allow_list[1] else "off"
        yield paragraph(f"{section.section}: allow-list mode is switched {switched}", 2)
    if section.default is not None:
        was, now = (EFFECTS[one] for one in section.default)
        yield paragraph(f"{section.section}: what no rule is about {was} -> {now}", 2)
    for sign, rights in (("-", section.removed), ("+", section.added)):
        yield from (_right(f"{sign} {section.section}", one) for one in rights)
    for change in section.changed:
        yield from _changed(section.section, change)


def _changed(section: str, change: RightChange) -> Iterator[str]:
    yield from (_right(f"- {section}", one) for one in change.before)
    yield from (_right(f"+ {section}", one) for one in change.after)


def _right(sign: str, right: Right) -> str:
    what = about(right.target, right.sources, right.conditions)
    otherwise = f", else it {EFFECTS[right.otherwise]}" if right.otherwise else ""
    severity = f", severity {right.severity}" if right.severity is not None else ""
    return paragraph(f"{sign}: {right.action} {what}: {EFFECTS[right.effect]}{otherwise}{severity}", 2, 4)


def _consequences(words: str, found: Iterable[Consequence], all_examples: bool) -> Iterator[str]:
    """Those that come of the same two answers together, with their first event for all."""
    alike: dict[object, list[Consequence]] = {}
    for number, one in enumerate(found):
        key = number if all_examples else (one.section, _answer(one.before), _answer(one.after))
        alike.setdefault(key, []).append(one)
    for some in alike.values():
        first = some[0]
        more = f" (and {len(some) - 1} more event(s) alike)" if len(some) > 1 else ""
        yield paragraph(f"{words}  {told_line(first.described)}{more}", 2, 4)
        yield paragraph(f"before: {headline(first.before)}: {first.before.sentence}", 6, 4)
        yield paragraph(f"after:  {headline(first.after)}: {first.after.sentence}", 6, 4)


def _answer(verdict: Verdict) -> tuple[object, ...]:
    by = verdict.decided_by
    whose = (
        place(by) if isinstance(by, RuleReference) else by.posture if isinstance(by, PostureReference) else ""
    )
    return (verdict.decision, verdict.reason, verdict.alert, whose, verdict.severity)
