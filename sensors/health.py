"""What a sensor observed and lost, in exact numbers."""

from __future__ import annotations

from collections.abc import Callable

from wire.records import RingBalance, SensorHealth, Source

_NOTHING = RingBalance(seen=0, filtered=0, coalesced=0, lost=0, received=0)


class HealthReport:
    """Makes a `SensorHealth` of each interval; the intervals follow each other without a gap."""

    def __init__(self, source: Source, coverage: tuple[str, ...], wall_ns: Callable[[], int]) -> None:
        """The first interval begins now."""
        self._source = source
        self._coverage = coverage
        self._wall_ns = wall_ns
        self._from_ns = wall_ns()
        self._before: dict[str, RingBalance] = {}
        self._reopened = (self._from_ns, self._before)

    def record(self, rings: dict[str, RingBalance]) -> SensorHealth:
        """Close the interval; the next one begins where it ends. `rings` counts from the sensor's start."""
        self._reopened = (self._from_ns, self._before)
        before, self._before = self._before, dict(rings)
        from_ns, self._from_ns = self._from_ns, self._wall_ns()
        return SensorHealth(
            source=self._source,
            from_ns=from_ns,
            until_ns=self._from_ns,
            coverage=self._coverage,
            rings=rings,
            interval={
                ring: _difference(balance, before.get(ring, _NOTHING)) for ring, balance in rings.items()
            },
        )

    def reopen(self) -> None:
        """The last record was not taken: its interval goes on, and the next record has all of it."""
        self._from_ns, self._before = self._reopened


def _difference(now: RingBalance, before: RingBalance) -> RingBalance:
    return RingBalance(
        **{name: getattr(now, name) - getattr(before, name) for name in RingBalance.__struct_fields__}
    )


def is_balanced(balance: RingBalance) -> bool:
    """Whether everything that was seen is accounted for; true once the ring is quiet."""
    fates = balance.filtered + balance.coalesced + balance.lost + balance.received
    return balance.seen == fates and balance.received == balance.published + balance.unpublished
