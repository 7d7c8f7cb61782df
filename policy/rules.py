"""The rules of one workload, ready to judge its events."""

from collections.abc import Mapping

from policy.changes import Enforcement
from policy.events import Event
from policy.posture import Standing
from policy.sections.section import JudgeEvent


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

    __slots__ = ("by_type", "judges", "standing")

    def __init__(self, judges: Mapping[type[Event], JudgeEvent], standing: Standing) -> None:
        """`judges`: for each type of event that is judged, who judges it."""
        self.judges = judges
        self.by_type = _ByType(judges)
        self.standing = standing

    @property
    def enforcement(self) -> Enforcement:
        """How the workload's denials are carried out."""
        return self.standing.enforcement
