"""The rules of one workload, ready to judge its events."""

from collections.abc import Sequence
from typing import Any

from policy.changes import Enforcement
from policy.events import Event
from policy.posture import Standing
from policy.sections import Section
from policy.sections.judging import SectionJudge, worst_of
from policy.sections.section import JudgeEvent

SectionJudges = Sequence[tuple[Section, SectionJudge[Any, Any, Any]]]


class _ByType(dict[type[Event], JudgeEvent | None]):
    """Who judges events of a type, or of the nearest type that it derives from; None: nobody."""

    def __missing__(self, kind: type[Event]) -> JudgeEvent | None:
        judge_event = next((self[base] for base in kind.__mro__[1:] if base in self), None)
        self[kind] = judge_event
        return judge_event


class Rules:
    """What `PolicySet.for_workload` gives. It belongs to one set and one workload.

    It remembers answers, so it is not for use by several threads at once.
    """

    __slots__ = ("by_type", "sections", "standing")

    def __init__(self, sections: SectionJudges, standing: Standing) -> None:
        """`sections` in the order of `policy.sections.SECTIONS`."""
        self.sections = sections
        self.by_type = _ByType()
        self.standing = standing
        for kind in dict.fromkeys(kind for section, _ in sections for kind in section.events):
            self.by_type[kind] = worst_of([one.judge for one in self.judges_of(kind)])

    def judges_of(self, kind: type[Event]) -> list[SectionJudge[Any, Any, Any]]:
        """The sections' judges that have a say about such events: one at least, if any section judges it."""
        judging = [judge for section, judge in self.sections if kind in section.events]
        return [judge for judge in judging if judge.concerns(kind)] or judging[:1]

    @property
    def enforcement(self) -> Enforcement:
        """How the workload's denials are carried out."""
        return self.standing.enforcement
