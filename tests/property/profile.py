"""How many examples are tried: `LICTOR_HYPOTHESIS=long` asks for many."""

import os

from hypothesis import HealthCheck, settings

LONG = os.environ.get("LICTOR_HYPOTHESIS") == "long"

_unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
_COMPARISONS = 20_000 if LONG else 500
"""Worlds for the judge against the reference, over all kinds of events."""


def comparisons(share: float) -> settings:
    """So many of them."""
    return settings(_unhurried, max_examples=round(share * _COMPARISONS))


metamorphic = settings(_unhurried, max_examples=2_000 if LONG else 100)
"""For each of the properties that need no reference."""
