"""The seam to the kernel: what the pipeline needs of a loaded sensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class RingCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Counted in the kernel since loading; exact once the ring is quiet."""

    seen: int = 0
    filtered: int = 0
    lost: int = 0


class KernelSource(Protocol):
    """A ring with a balance. The real one is `sensors.kernel`, the twin `sensors.in_memory`."""

    def drain(self, into: Callable[[bytes], None], limit: int) -> int:
        """Give the records that are there, `limit` at most, to `into`; how many. Does not wait."""

    def counters(self) -> tuple[int, int, int]:
        """Seen, filtered and lost."""
