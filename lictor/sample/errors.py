"""What goes wrong with the sample."""

from __future__ import annotations


class SampleError(RuntimeError):
    """The sample workload cannot be built, started, reached or stopped; the message says what to do."""
