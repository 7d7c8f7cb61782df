"""Wall time of what the kernel stamps with its boot clock."""

from __future__ import annotations

import time
from collections.abc import Callable


def _boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class BootClock:
    """Converts CLOCK_BOOTTIME to wall clock by an offset that is measured now and again.

    The offset is what the wall clock says at the time of the measurement, so a wall clock that is set
    shows in the events that come after it; the boot clock orders them in any case.
    """

    def __init__(
        self, *, wall_ns: Callable[[], int] = time.time_ns, boot_ns: Callable[[], int] = _boot_ns
    ) -> None:
        """Measure for the first time."""
        self._wall_ns = wall_ns
        self._boot_ns = boot_ns
        self._offset = 0
        self.measure()

    def measure(self) -> None:
        """Measure the offset: of a few tries the one that was interrupted least."""
        best = None
        for _ in range(3):
            before = self._boot_ns()
            wall = self._wall_ns()
            after = self._boot_ns()
            if best is None or after - before < best:
                best = after - before
                self._offset = wall - (before + after) // 2

    def wall(self, boot_ns: int) -> int:
        """Nanoseconds since the Unix epoch."""
        return boot_ns + self._offset
