"""The seam to the kernel: what the pipeline needs of a loaded sensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sensors.kernel import RingCounters


class KernelSource(Protocol):
    """A ring with a balance. The real one is `sensors.kernel`, the twin `sensors.in_memory`."""

    def drain(self, into: Callable[[bytes], object], limit: int) -> int:
        """Give the records that are there, `limit` at most, to `into`; how many. Does not wait."""

    def counters(self) -> RingCounters:
        """The balance so far, counted in the kernel; exact once the ring is quiet."""
