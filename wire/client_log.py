"""What the Kafka client library has to say, in our own logs and no more often than is of use.

While a broker is away librdkafka repeats itself many times a second. A line that says the same as one of
the last half minute is left out; the next one that is written says how many were.
"""

import logging
import re
import time
from collections.abc import Callable

CLIENT_LOG = "lictor.kafka"

_QUIET_S = 30.0
_KINDS = 256
_VARIABLE = re.compile(r"\d+")


class Seldom(logging.Filter):
    """Lets a kind of line (its text without figures) through once in `quiet_s` seconds."""

    def __init__(self, quiet_s: float = _QUIET_S, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._quiet_s = quiet_s
        self._monotonic = monotonic
        self._seen: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is written."""
        text = record.getMessage()
        kind = _VARIABLE.sub("", text)
        now = self._monotonic()
        since, left_out = self._seen.get(kind, (float("-inf"), 0))
        if now - since < self._quiet_s:
            self._seen[kind] = (since, left_out + 1)
            return False
        if len(self._seen) >= _KINDS:
            self._seen.clear()
        self._seen[kind] = (now, 0)
        if left_out:
            record.msg, record.args = f"{text} ({left_out} more like it)", ()
        return True


client_log = logging.getLogger(CLIENT_LOG)
"""What confluent_kafka's clients are given. Where no log is set up it is not shown."""
client_log.addHandler(logging.NullHandler())
client_log.addFilter(Seldom())
