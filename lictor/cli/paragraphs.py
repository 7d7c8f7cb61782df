"""Text for people that fits a terminal of 80 columns, safe to show."""

import textwrap
from collections.abc import Iterable

from policy.workload import HOST, Workload
from wire.text import printable

WIDTH = 80


def paragraph(text: str, indent: int = 0, hanging: int = 2) -> str:
    """`text` in lines of at most `WIDTH` columns; a path that is longer stays whole.

    `hanging`: how much further the lines after the first are indented.
    """
    return textwrap.fill(
        printable(text),
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )


def listed(words: Iterable[str], last: str = "and") -> str:
    """`a, b and c`."""
    every = list(words)
    return f" {last} ".join(filter(None, [", ".join(every[:-1]), *every[-1:]]))


def workload_line(workload: Workload) -> str:
    """A workload with all that selectors and modes look at."""
    labels = ", ".join(f"{key}={value}" for key, value in sorted(workload.labels.items()))
    annotations = ", ".join(f"{key}: {value}" for key, value in sorted(workload.annotations.items()))
    parts = [
        f"node {workload.node}" if workload.kind == HOST else "",
        f"container {workload.container}" if workload.container else "",
        labels or "no labels",
        f"annotated {annotations}" if annotations else "",
    ]
    return f"{workload.title} ({'; '.join(filter(None, parts))})"
