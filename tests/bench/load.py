"""Programs run by the clock in a cgroup, and what became of each."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from signal import SIGKILL

import msgspec

from tests.fixtures.cgroups import move

SPAWNER = Path(__file__).with_name("spawner.py")
_LEAD_S = 0.2
_PATIENCE_S = 30.0


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """One program that was started."""

    argv: tuple[str, ...]
    pid: int
    started_ns: int
    """CLOCK_BOOTTIME, just before it was started."""
    status: int | None
    """Its wait status, or None where it outlived the load."""

    @property
    def to_its_end(self) -> bool:
        """Whether it ended by itself, with 0."""
        return self.status == 0

    @property
    def killed(self) -> bool:
        """Whether SIGKILL ended it before the load did."""
        return self.status is not None and os.WIFSIGNALED(self.status) and os.WTERMSIG(self.status) == SIGKILL


def boot_ns() -> int:
    """CLOCK_BOOTTIME: the clock of events, which no process and no clock setting moves."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def schedule(rate: float, seconds: float, seed: int) -> list[int]:
    """Offsets in ns of `rate` starts a second, each up to half a period early or late.

    Without that, a period that is a multiple of the sensor's tick would always meet it at the same point.
    """
    chance = random.Random(seed)  # noqa: S311  reproducible, not secret
    period_ns = 1e9 / rate
    return [int((n + chance.random()) * period_ns) for n in range(int(rate * seconds))]


def run(
    cgroup: Path, programs: Sequence[tuple[str, ...]], at_ns: Sequence[int], linger_s: float
) -> list[Ran]:
    """Start each program at its offset, in `cgroup`; blocks until all have ended.

    What still runs `linger_s` after the last start is killed here.
    """
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(SPAWNER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        move(process.pid, cgroup)
        begin = boot_ns() + int(_LEAD_S * 1e9)
        plan = {"at_ns": [begin + offset for offset in at_ns], "argv": programs, "linger_s": linger_s}
        answer, _ = process.communicate(
            json.dumps(plan) + "\n", timeout=at_ns[-1] / 1e9 + linger_s + _PATIENCE_S
        )
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"the load ended with {process.returncode}")
    return [
        Ran(argv=argv, pid=pid, status=status, started_ns=started)
        for argv, (pid, status, started) in zip(programs, json.loads(answer), strict=True)
    ]
