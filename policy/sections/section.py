"""What a section of policies has to offer, so that the rest need not know which sections there are."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from policy.documents import Document
from policy.events import Event
from policy.posture import Standing
from policy.verdict import Verdict

JudgeEvent = Callable[[Any], Verdict]
"""A verdict on one event, of the type that the section judges."""


class Section(NamedTuple):
    """One section: its rules are made once a document, indexed once a selection, judged per workload."""

    event: type[Event]
    """The events that it judges."""
    rules_of: Callable[[Document], Sequence[Any]]
    """The section's rules in a document, in its order."""
    index_of: Callable[[Sequence[Any]], Any]
    """The rules of all documents that select a workload, in the order applied, made ready for look-ups."""
    judge_of: Callable[[Any, Standing], JudgeEvent]
    """A judge for one workload: what `index_of` gave, and how the workload stands. It may remember."""
