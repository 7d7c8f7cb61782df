"""Figures as text of at most 80 columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.bench.figures import BOUNDS_MS, Distribution

WIDTH = 80
_BAR = 56
_LEVELS = " .:-=+*#%@"


def title(text: str) -> str:
    """A section's heading."""
    return f"\n{text}\n{'=' * len(text)}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they must be: the first one left, the others right."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    shown = [
        "  ".join(
            cell.ljust(width) if n == 0 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join([shown[0], "-" * min(WIDTH, max(map(len, shown))), *shown[1:]])


def hops(named: Iterable[tuple[str, Distribution]]) -> str:
    """A row for each hop: its percentiles, and its histogram as a strip (a column for each bin)."""
    rows = [
        (
            name,
            f"{one.p50_ms:.2f}",
            f"{one.p90_ms:.2f}",
            f"{one.p99_ms:.2f}",
            f"{one.max_ms:.1f}",
            f"|{_strip(one)}|",
        )
        for name, one in named
    ]
    legend = "bins end at " + " ".join(f"{bound:g}" for bound in BOUNDS_MS) + " ms and above"
    return table(("ms", "p50", "p90", "p99", "max", "histogram".ljust(len(BOUNDS_MS) + 3)), rows) + (
        f"\n({legend})"
    )


def histogram(one: Distribution) -> str:
    """A bar for each bin that is not beyond the outermost ones with something in them."""
    filled = [n for n, count in enumerate(one.bins) if count]
    most = max(one.bins)
    labels = [f"<= {bound:g}" for bound in BOUNDS_MS] + [f"> {BOUNDS_MS[-1]:g}"]
    return "\n".join(
        f"{labels[n]:>8} ms |{'#' * round(_BAR * one.bins[n] / most):<{_BAR}} {one.bins[n]}"
        for n in range(filled[0], filled[-1] + 1)
    )


def _strip(one: Distribution) -> str:
    most = max(one.bins)
    top = len(_LEVELS) - 1
    # What is there at all is never shown as nothing.
    return "".join(_LEVELS[max(1, round(top * count / most)) if count else 0] for count in one.bins)
