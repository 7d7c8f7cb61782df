"""How long to wait before another try: exponential with full jitter, for ever.

Full jitter (a uniform draw from nothing to the bound) spreads clients that failed together; see
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Seconds: the bound doubles from `first` to `longest`."""

    first: float = 0.1
    longest: float = 5.0

    def bound(self, failures: int) -> float:
        """The longest wait after so many failures in a row (from 1)."""
        return float(min(self.longest, self.first * 2.0 ** min(failures - 1, 30)))

    def delay(self, failures: int) -> float:
        """A wait drawn from nothing to the bound."""
        return random.uniform(0.0, self.bound(failures))  # noqa: S311  # spreads load, guards nothing
