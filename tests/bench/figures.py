"""Figures of many measurements: percentiles and counts by fixed bounds."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Iterable, Sequence

import msgspec

BOUNDS_MS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 50.0, 100.0)
"""Upper bounds of a histogram's bins; one more bin holds what is above the last."""


class Distribution(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in milliseconds. `bins` counts them by `BOUNDS_MS`."""

    count: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    bins: tuple[int, ...]


def distribution(values_ns: Iterable[int]) -> Distribution:
    """Durations in ns to their distribution.

    Raises:
        ValueError: there is none.
    """
    values = sorted(value / 1e6 for value in values_ns)
    if not values:
        raise ValueError("nothing was measured: no record of the load came through")
    bins = [0] * (len(BOUNDS_MS) + 1)
    for value in values:
        bins[bisect_left(BOUNDS_MS, value)] += 1
    return Distribution(
        count=len(values),
        p50_ms=round(_quantile(values, 0.50), 3),
        p90_ms=round(_quantile(values, 0.90), 3),
        p99_ms=round(_quantile(values, 0.99), 3),
        max_ms=round(values[-1], 3),
        bins=tuple(bins),
    )


def median_ms(values_ns: Sequence[int]) -> float:
    """The median of durations in ns, in milliseconds."""
    return statistics.median(values_ns) / 1e6


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of all is not above."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
