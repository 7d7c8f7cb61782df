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
"""Verdicts that wait, and outcomes remembered. While as many wait, no more verdicts should be read."""


class Joined(NamedTuple):
    """A verdict and what is known to have become of it."""

    record: VerdictRecord
    outcome: Outcome | None


class OutcomeJoin:
    """Holds a verdict back while its outcome is to be expected. No clock of its own: times are seconds.

    A verdict that nobody is to carry out goes through at once; one that comes again while it waits, once.
    """

    def __init__(self) -> None:
        """With nothing held."""
        self._waiting: OrderedDict[str, tuple[VerdictRecord, float]] = OrderedDict()
        self._outcomes: OrderedDict[str, Outcome] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether as many verdicts wait as may."""
        return len(self._waiting) >= HELD

    def take(self, one: VerdictRecord | Outcome, now_s: float) -> Iterator[Joined]:
        """What a record of either topic completes."""
        if isinstance(one, VerdictRecord):
            known = self._outcomes.get(one.id)
            if known is not None or not is_ordered(one):
                yield Joined(one, known)
            elif one.id not in self._waiting:
                self._waiting[one.id] = (one, now_s)
        else:
            self._remember(one)
            if (waiting := self._waiting.pop(one.record.id, None)) is not None:
                yield Joined(waiting[0], one)

    def due(self, now_s: float, *, all_read: bool) -> Iterator[Joined]:
        """Verdicts that have waited long enough; `all_read`: of the outcomes nothing is left to be read."""
        wait_s = WAIT_S if all_read else WAIT_AT_MOST_S
        while self._waiting:
            record, since_s = next(iter(self._waiting.values()))
            if now_s - since_s < wait_s:
                return
            del self._waiting[record.id]
            yield Joined(record, None)

    def rest(self) -> Iterator[Joined]:
        """All that wait: nothing more will be read."""
        while self._waiting:
            _, (record, _) = self._waiting.popitem(last=False)
            yield Joined(record, None)

    def _remember(self, outcome: Outcome) -> None:
        # An order that was capped may come again and be carried out; what was ended stays so.
        known = self._outcomes.get(outcome.record.id)
        if known is None or known.result != "terminated":
            self._outcomes[outcome.record.id] = outcome
        while len(self._outcomes) > HELD:
            self._outcomes.popitem(last=False)
