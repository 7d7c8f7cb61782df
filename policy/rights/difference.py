"""What changes in rights between two policy sets: rules and postures compared, consequences judged.

Every consequence is an event that both sets were asked about: it says what either answered.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from policy.events import JudgedEvent
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.posture import Standing
from policy.rights.groups import Group, Grouped, grouped, standing_in, title_of
from policy.rights.matrix import Effect, Matrix, Right, SectionRights, matrix_of
from policy.rights.probes import MOST_PROBES, Asked
from policy.rights.told import Told, told
from policy.sections import SectionName
from policy.text import shown
from policy.verdict import PostureReference, RuleReference, Verdict
from policy.workload import Workload

ChangeKind = Literal["newly-denied", "newly-allowed", "alert-changed", "credit-changed"]
"""`alert-changed`: whether or as what it is told, denied by neither. `credit-changed`: told the same, and
credited to another policy or posture, or with another severity, tags or message."""


class Consequence(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the two sets answer differently."""

    change: ChangeKind
    section: SectionName
    """The section whose rules it was made of."""
    event: JudgedEvent
    described: Told
    """The event as people write it."""
    before: Verdict
    after: Verdict


class RightChange(msgspec.Struct, frozen=True, kw_only=True):
    """Rules about the same target and sources that say something else."""

    before: tuple[Right, ...]
    after: tuple[Right, ...]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Something about how a workload stands that is not the same."""

    name: str
    """Such as `file posture`."""
    before: str
    after: str


class SectionDifference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes in one section."""

    section: SectionName
    allow_list: tuple[bool, bool] | None = None
    """Before and after; None where it is the same."""
    default: tuple[Effect, Effect] | None = None
    """What becomes of what no rule is about; None where it is the same."""
    added: tuple[Right, ...] = ()
    removed: tuple[Right, ...] = ()
    changed: tuple[RightChange, ...] = ()


class GroupDifference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What changes for workloads that are selected alike."""

    title: str
    workload: Workload
    """One of them: the one that was asked about."""
    members: tuple[str, ...]
    """All of them by name; empty where the workload was made up from selectors."""
    settings: tuple[Setting, ...] = ()
    sections: tuple[SectionDifference, ...] = ()
    consequences: tuple[Consequence, ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What changes from one set to another."""

    before: str
    """The set's hash."""
    after: str
    groups: tuple[GroupDifference, ...]
    """Only those for which something changes."""
    looked_at: int
    """Groups of workloads that were compared."""
    limits: tuple[str, ...]
    """What was not looked at, in sentences."""

    def number(self, change: ChangeKind) -> int:
        """Consequences of a kind."""
        return sum(one.change == change for group in self.groups for one in group.consequences)


def difference(
    before: PolicySet, after: PolicySet, workloads: Sequence[Workload] | None = None
) -> Difference:
    """Compare two sets.

    `workloads` are those to look at; without them workloads are made up from the selectors of both sets
    (`policy.rights.groups`).
    """
    found: Grouped = grouped((before, after), workloads)
    limits: dict[str, None] = {}
    if not found.complete and not all(group.alike for group in found.groups):
        limits["selectors of one namespace are combined up to three at a time; list workloads to be sure"] = (
            None
        )
    groups = []
    for group in found.groups:
        one = _of_group(before, after, group, limits)
        if one is not None:
            groups.append(one)
    return Difference(
        before=before.hash,
        after=after.hash,
        groups=tuple(groups),
        looked_at=len(found.groups),
        limits=tuple(limits),
    )


def change_of(before: Verdict, after: Verdict) -> ChangeKind | None:
    """What two verdicts on one event differ in, as far as anybody can notice."""
    if (before.decision == "block") != (after.decision == "block"):
        return "newly-denied" if after.decision == "block" else "newly-allowed"
    if (before.alert, before.decision, before.action) != (after.alert, after.decision, after.action):
        silent = not (before.alert or after.alert)
        return None if silent else "alert-changed"
    return "credit-changed" if after.alert and _credit(before) != _credit(after) else None


def _credit(verdict: Verdict) -> tuple[object, ...]:
    """What an alert says besides what happened. The place in the document may move, its content change."""
    by = verdict.decided_by
    whose: tuple[str, ...] = ()
    if isinstance(by, RuleReference):
        whose = (by.kind, by.namespace, by.policy, by.action)
    elif isinstance(by, PostureReference):
        whose = (by.posture, by.mode, by.origin)
    return (verdict.reason, whose, verdict.severity, verdict.tags, verdict.message)


def _of_group(
    before: PolicySet, after: PolicySet, group: Group, limits: dict[str, None]
) -> GroupDifference | None:
    if group.alike:
        return None
    workload = group.workload
    settings = tuple(_settings(standing_in(before, workload), standing_in(after, workload)))
    old, new = matrix_of(before, workload), matrix_of(after, workload)
    if not settings and _same(old, new):
        return None
    sections = tuple(_sections(old, new))
    consequences = tuple(_consequences(before, after, workload, limits))
    if not (settings or sections or consequences):
        return None
    return GroupDifference(
        title=title_of(group),
        workload=workload,
        members=() if group.made_up else tuple(one.title for one in group.members),
        settings=settings,
        sections=sections,
        consequences=consequences,
    )


def _same(old: Matrix, new: Matrix) -> bool:
    return old.sections == new.sections


def _settings(old: Standing, new: Standing) -> Iterator[Setting]:
    said = [(name, _setting(old, name), _setting(new, name)) for name in _SETTINGS]
    for name, was, now in said:
        if was != now:
            yield Setting(name=name, before=was, after=now)


_SETTINGS = (
    *("mode", "untracked", "enforcement", "file posture", "network posture", "capabilities posture"),
    *("visibility", "match args"),
)


def _setting(standing: Standing, name: str) -> str:
    if name.endswith(" posture"):
        posture: PostureReference = getattr(standing, name.removesuffix(" posture"))
        return f"{posture.mode} ({posture.origin})"
    if name == "visibility":
        return ", ".join(sorted(standing.visible)) or "none"
    value: object = getattr(standing, name.replace(" ", "_"))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _sections(old: Matrix, new: Matrix) -> Iterator[SectionDifference]:
    for was, now in zip(old.sections, new.sections, strict=True):
        one = _section(was, now)
        if one is not None:
            yield one


def _section(was: SectionRights, now: SectionRights) -> SectionDifference | None:
    old, new = _by_subject(was.rights), _by_subject(now.rights)
    changed = [
        RightChange(before=tuple(old[subject]), after=tuple(new[subject]))
        for subject in sorted(old.keys() & new.keys())
        if _plain(old[subject]) != _plain(new[subject])
    ]
    found = SectionDifference(
        section=was.section,
        allow_list=None if was.allow_list == now.allow_list else (was.allow_list, now.allow_list),
        default=None if was.default == now.default else (was.default, now.default),
        added=tuple(right for subject in sorted(new.keys() - old.keys()) for right in new[subject]),
        removed=tuple(right for subject in sorted(old.keys() - new.keys()) for right in old[subject]),
        changed=tuple(changed),
    )
    return None if found == SectionDifference(section=was.section) else found


def _by_subject(rights: Iterable[Right]) -> dict[tuple[str, tuple[str, ...]], list[Right]]:
    found: dict[tuple[str, tuple[str, ...]], list[Right]] = {}
    for right in rights:
        found.setdefault((right.target, tuple(sorted(right.sources))), []).append(right)
    return found


def _plain(rights: Iterable[Right]) -> list[tuple[object, ...]]:
    """Rights without where they are written."""
    return [(one.action, one.conditions, one.effect, one.otherwise, one.severity) for one in rights]


def _consequences(
    before: PolicySet, after: PolicySet, workload: Workload, limits: dict[str, None]
) -> Iterator[Consequence]:
    either = (before.for_workload(workload), after.for_workload(workload))
    written = (before.rules_for(workload), after.rules_for(workload))
    seen: set[bytes] = set()
    for section in written[0]:
        asked = Asked(section, [rule for one in written for rule in one[section]], either)
        for event in asked:
            was, now = judge(event, either[0]), judge(event, either[1])
            change = change_of(was, now)
            name = msgspec.json.encode(event)
            if change is not None and name not in seen:
                seen.add(name)
                yield Consequence(
                    change=change,
                    section=section,
                    event=event,
                    described=told(event),
                    before=was,
                    after=now,
                )
        for glob in asked.untried:
            limits[f"no path was found that the pattern {shown(glob)} matches, so that none was tried"] = None
        if not asked.complete:
            limits[f"of section {section} no more than {MOST_PROBES} events were tried for one workload"] = (
                None
            )
