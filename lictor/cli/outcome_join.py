"""Verdicts with what became of them: two topics that no order binds, joined by the verdict's id."""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from streams.judging import is_ordered
from wire.records import Outcome, VerdictRecord

WAIT_S = 5.0
"""How long an outcome is waited for once nothing more of outcomes is there to be read: it mostly comes
within milliseconds, and a signaller that is away is waited for 2 s by the enforcer itself."""
WAIT_AT_MOST_S = 30.0
"""How long at most: no order is carried out later than this after its verdict."""
HELD = 10_000
"""Verdicts that may wait. While as many do, no more verdicts should be read."""
REMEMBERED = 200_000
"""Verdicts that are known to have been told: a repeated one, or one whose outcome came first, is left out."""


class Joined(NamedTuple):
    """A verdict and what is known to have become of it."""

    record: VerdictRecord
    outcome: Outcome | None


class OutcomeJoin:
    """Tells each verdict once: with its outcome as soon as that comes, without one when none is to come.

    An outcome has its verdict inside, so whichever of the two comes first, nothing waits for the other topic
    but verdicts that an enforcer was asked to carry out. No clock of its own: times are seconds.
    """

    def __init__(self) -> None:
        """With nothing held."""
        self._waiting: OrderedDict[str, tuple[VerdictRecord, float]] = OrderedDict()
        self._told: OrderedDict[str, None] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether as many verdicts wait as may."""
        return len(self._waiting) >= HELD

    def take(self, one: VerdictRecord | Outcome, now_s: float) -> Iterator[Joined]:
        """What a record of either topic lets be told."""
        record = one.record if isinstance(one, Outcome) else one
        if record.id in self._told:
            return
        if isinstance(one, Outcome):
            self._waiting.pop(record.id, None)
            yield self._tell(record, one)
        elif is_ordered(record):
            self._waiting.setdefault(record.id, (record, now_s))
        else:
            yield self._tell(record)

    def due(self, now_s: float, *, outcomes_read: bool) -> Iterator[Joined]:
        """Verdicts that have waited long enough; `outcomes_read`: no more outcomes are there to be read."""
        wait_s = WAIT_S if outcomes_read else WAIT_AT_MOST_S
        while self._waiting:
            identity, (record, since_s) = next(iter(self._waiting.items()))
            if now_s - since_s < wait_s:
                return
            del self._waiting[identity]
            yield self._tell(record)

    def rest(self) -> Iterator[Joined]:
        """All that wait: nothing more will be read."""
        while self._waiting:
            _, (record, _) = self._waiting.popitem(last=False)
            yield self._tell(record)

    def _tell(self, record: VerdictRecord, outcome: Outcome | None = None) -> Joined:
        self._told[record.id] = None
        if len(self._told) > REMEMBERED:
            self._told.popitem(last=False)
        return Joined(record, outcome)
