"""Keeps children up: started in order of their needs, watched, restarted, stopped in reverse."""

from __future__ import annotations

import asyncio
import enum
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lictor.runtime.leashed import Command, Exit, Leashed, log_tail, rotate

if TYPE_CHECKING:
    from collections.abc import Iterable

Probe = Callable[[], Awaitable[bool]]
PROBE_INTERVAL_S = 0.05


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
    """Exponential back-off in seconds; a child that died more than `limit` times in `window` seconds has failed."""

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
    """A command to keep up; without a probe it is ready once executed; `after` names children it needs ready."""

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


class ChildFailedError(RuntimeError):
    """A child did not become ready, or died too often; the message has the end of its log."""

    def __init__(self, name: str, reason: str, tail: str) -> None:
        super().__init__(f"{name} {reason}" + (f"; its log ends:\n{tail}" if tail else ""))
        self.name = name
        self.reason = reason
        self.tail = tail


class _Kept:
    """One child under supervision."""

    def __init__(self, child: Child, report: Callable[[Change], None]) -> None:
        self.child = child
        self.report = report
        self.state = ChildState.STOPPED
        self.running: Leashed | None = None
        self.ready = asyncio.Event()
        self.failure: ChildFailedError | None = None
        self.deaths: deque[float] = deque(maxlen=max(1, child.restart.limit + 1))
        self.task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return 0 if self.running is None else self.running.pid

    def become(self, state: ChildState, detail: str = "") -> None:
        self.state = state
        if state is ChildState.READY:
            self.ready.set()
        else:
            self.ready.clear()
        self.report(
            Change(name=self.child.name, state=state, pid=self.pid, at=time.time_ns(), detail=detail)
        )

    def fail(self, reason: str) -> ChildFailedError:
        self.failure = ChildFailedError(self.child.name, reason, log_tail(self.child.command.log))
        self.become(ChildState.FAILED, reason)
        return self.failure

    async def bring_up(self) -> str | None:
        """Start the command and wait until it is ready; why not, when it is not (and then it is ended)."""
        self.become(ChildState.STARTING)
        self.running = await Leashed.start(self.child.command)
        self.become(ChildState.STARTING, "executed")
        ended = asyncio.create_task(self.running.wait())
        probed = asyncio.create_task(self.poll_probe())
        try:
            await asyncio.wait(
                {ended, probed}, timeout=self.child.ready_timeout, return_when=asyncio.FIRST_COMPLETED
            )
            if probed.done() and not ended.done():
                probed.result()
                self.become(ChildState.READY)
                return None
            if ended.done():
                return died(ended.result(), "before it was ready")
            return f"was not ready after {self.child.ready_timeout:g} s"
        finally:
            for task in (ended, probed):
                task.cancel()
            await asyncio.gather(ended, probed, return_exceptions=True)
            if self.state is not ChildState.READY:
                await self.running.stop()
                self.running = None

    async def poll_probe(self) -> None:
        """Return once the probe says yes."""
        while self.child.probe is not None and not await self.child.probe():
            await asyncio.sleep(PROBE_INTERVAL_S)

    async def keep(self) -> None:
        """Restart the command whenever it ends, until it has died too often."""
        policy = self.child.restart
        reason: str | None = None
        while True:
            if reason is None:
                assert self.running is not None
                reason = died(await self.running.wait(), "")
                self.running = None
            self.deaths.append(time.monotonic())
            recent = sum(1 for at in self.deaths if self.deaths[-1] - at < policy.window)
            if recent > policy.limit:
                self.fail(f"{reason}, and {recent} times within {policy.window:g} s")
                return
            delay = policy.delay(recent)
            self.become(ChildState.BACKING_OFF, f"{reason}, restarting in {delay:g} s")
            await asyncio.sleep(delay)
            reason = await self.bring_up()

    async def stop(self) -> None:
        """End the command's tree and stop keeping it up."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
            self.task = None
        if self.running is None:
            return
        self.become(ChildState.STOPPING)
        ended = await self.running.stop()
        self.running = None
        self.become(ChildState.STOPPED, died(ended, ""))


def died(ended: Exit, when: str) -> str:
    """One phrase on how a command ended."""
    how = f"was killed by signal {ended.code - 128}" if ended.code > 128 else f"exited with {ended.code}"
    left = f", leaving processes {ended.survivors} that could not be ended" if ended.survivors else ""
    return f"{how} {when}".rstrip() + left


class Supervisor:
    """Children of this process; leaving the context stops them all, and so does the end of this process."""

    def __init__(self, on_change: Callable[[Change], None] | None = None) -> None:
        self._on_change = on_change
        self._kept: dict[str, _Kept] = {}
        self._failed = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_all()

    def _report(self, change: Change) -> None:
        if change.state is ChildState.FAILED:
            self._failed.set()
        if self._on_change is not None:
            self._on_change(change)

    async def start(self, child: Child) -> None:
        """Start a child, once those it needs are ready, and return when it is ready.

        Raises ChildFailedError if it does not become ready the first time (a restart is for what worked once).
        """
        name = child.name
        if name in self._kept:
            msg = f"{name} is already kept"
            raise ValueError(msg)
        kept = self._kept[name] = _Kept(child, self._report)
        for needed in child.after:
            await self.wait_ready(needed, child.ready_timeout)
        if child.command.log is not None:
            rotate(child.command.log)
        try:
            reason = await kept.bring_up()
        except BaseException:
            del self._kept[name]
            raise
        if reason is not None:
            del self._kept[name]
            raise kept.fail(reason)
        kept.task = asyncio.create_task(kept.keep(), name=f"keep {name}")

    async def start_all(self, children: Iterable[Child]) -> None:
        """Start children beside each other, as far as their needs allow; the first failure is raised alone."""
        try:
            async with asyncio.TaskGroup() as group:
                for child in children:
                    group.create_task(self.start(child))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def wait_ready(self, name: str, timeout: float) -> None:
        """Until that child is ready (again); raises TimeoutError, or ChildFailedError when it has given up."""
        kept = self._kept[name]
        async with asyncio.timeout(timeout):
            while not kept.ready.is_set():
                if kept.failure is not None:
                    raise kept.failure
                await asyncio.sleep(PROBE_INTERVAL_S)

    def pid(self, name: str) -> int:
        """The pid of the command itself, not of its guardian; 0 while none runs."""
        return self._kept[name].pid

    def state(self, name: str) -> ChildState:
        """Where a child stands."""
        return self._kept[name].state

    def pids(self) -> dict[str, int]:
        """The pid of every child that runs."""
        return {name: kept.pid for name, kept in self._kept.items() if kept.pid}

    async def failed(self) -> None:
        """Wait until a child has given up, then raise its ChildFailedError; for use beside a wait for signals."""
        await self._failed.wait()
        for kept in self._kept.values():
            if kept.failure is not None:
                raise kept.failure

    async def stop(self, name: str) -> None:
        """Stop one child and forget it."""
        await self._kept[name].stop()
        del self._kept[name]

    async def stop_all(self) -> None:
        """Stop every child: those that nothing needs any more first, each such layer at once."""
        while self._kept:
            needed = {name for kept in self._kept.values() for name in kept.child.after}
            layer = [name for name in self._kept if name not in needed] or list(self._kept)
            await asyncio.gather(*(self.stop(name) for name in layer))
