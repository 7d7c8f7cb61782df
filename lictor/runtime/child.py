"""What a supervisor keeps up, and what it says about it."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lictor.runtime.leashed import Command, Exit

Probe = Callable[[], Awaitable[bool]]
"""Asked again and again until it says yes; what it raises counts as a failed start."""


class ChildState(enum.Enum):
    """Where a child stands."""

    STARTING = "starting"
    READY = "ready"
    BACKING_OFF = "backing-off"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class RestartPolicy:
    """Exponential back-off in seconds.

    A child that died more than `limit` times in `window` seconds has failed.
    """

    first_delay: float = 0.1
    factor: float = 2.0
    longest_delay: float = 5.0
    limit: int = 5
    window: float = 60.0

    def delay(self, deaths: int) -> float:
        """Seconds to wait after the `deaths`-th death in the window (from 1)."""
        return min(self.longest_delay, self.first_delay * self.factor ** (deaths - 1))


NO_RESTART = RestartPolicy(limit=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Child:
    """A command to keep up; without a probe it is ready once executed; `after` names children it needs ready.

    `ready_timeout` in seconds, for each start.
    """

    name: str
    command: Command
    probe: Probe | None = None
    ready_timeout: float = 30.0
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A child's new state: `at` in ns since the epoch, `pid` of the command itself (0 when none runs)."""

    name: str
    state: ChildState
    pid: int
    at: int
    detail: str = ""


def died(ended: Exit) -> str:
    """One phrase on how a command ended."""
    how = f"was ended by signal {ended.code - 128}" if ended.code > 128 else f"exited with {ended.code}"
    left = f", leaving processes {list(ended.survivors)} that could not be ended" if ended.survivors else ""
    return how + left
