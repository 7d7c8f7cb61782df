"""What goes wrong with the sample."""

from __future__ import annotations

from wire.errors import OperatorError


class SampleError(OperatorError):
    """The sample workload cannot be built, started, reached or stopped; the message says what to do."""
