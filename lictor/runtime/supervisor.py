"""Keeps children up: started in order of their needs, watched, restarted, stopped in reverse."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Self

from lictor.runtime.child import Change, Child, ChildState, died
from lictor.runtime.errors import CannotStartError, ChildFailedError
from lictor.runtime.leashed import Leashed, log_tail, rotate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lictor.runtime.leashed import Exit

Observer = Callable[[Change], None]
PROBE_INTERVAL_S = 0.05


class _Kept:
    """One child under supervision."""

    def __init__(self, child: Child, observe: Observer, hold: Path | None) -> None:
        self.child = child
        self.observe = observe
        self.hold = hold
        self.state = ChildState.STOPPED
        self.running: Leashed | None = None
        self.failure: ChildFailedError | None = None
        self.deaths: deque[float] = deque(maxlen=child.restart.limit + 1)
        self.keeping: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return 0 if self.running is None else self.running.pid

    def become(self, state: ChildState, detail: str = "") -> None:
        self.state = state
        now = time.time_ns()
        self.observe(Change(name=self.child.name, state=state, pid=self.pid, at=now, detail=detail))

    def fail(self, reason: str) -> ChildFailedError:
        self.failure = ChildFailedError(self.child.name, reason, log_tail(self.child.command.log))
        self.become(ChildState.FAILED, reason)
        return self.failure

    async def bring_up(self) -> str | None:
        """Start the command and wait until it is ready; why not, when it is not (and then it is ended)."""
        try:
            self.running = await Leashed.start(self.child.command, self.hold)
        except CannotStartError as error:
            return str(error)
        self.become(ChildState.STARTING)
        ended = asyncio.create_task(self.running.wait())
        probed = asyncio.create_task(self.poll_probe())
        try:
            await asyncio.wait(
                {ended, probed}, timeout=self.child.ready_timeout, return_when=asyncio.FIRST_COMPLETED
            )
            reason = self.why_not_ready(ended.result() if ended.done() else None, probed)
        except BaseException:
            await self.end_running()
            raise
        finally:
            ended.cancel()
            probed.cancel()
            await asyncio.gather(ended, probed, return_exceptions=True)
        if reason is None:
            self.become(ChildState.READY)
        else:
            await self.end_running()
        return reason

    def why_not_ready(self, ended: Exit | None, probed: asyncio.Task[None]) -> str | None:
        """What came of the wait for readiness; None when the child is ready."""
        if ended is not None:
            return f"{died(ended)} before it was ready"
        if not probed.done():
            return f"was not ready after {self.child.ready_timeout:g} s"
        error = probed.exception()
        return None if error is None else f"could not be probed: {error!r}"

    async def poll_probe(self) -> None:
        """Return once the probe says yes."""
        while self.child.probe is not None and not await self.child.probe():
            await asyncio.sleep(PROBE_INTERVAL_S)

    async def keep(self) -> None:
        """Restart the command whenever it ends, until it has died too often."""
        policy = self.child.restart
        reason: str | None = None
        while True:
            if reason is None and self.running is not None:
                reason = died(await self.running.wait())
                self.running = None
            now = time.monotonic()
            self.deaths.append(now)
            recent = sum(1 for at in self.deaths if now - at < policy.window)
            if recent > policy.limit:
                times = f", for the {recent}th time within {policy.window:g} s" if policy.limit else ""
                self.fail(f"{reason}{times}")
                return
            delay = policy.delay(recent)
            self.become(ChildState.BACKING_OFF, f"{reason}, restarting in {delay:g} s")
            await asyncio.sleep(delay)
            reason = await self.bring_up()

    async def end_running(self) -> None:
        """End the command's tree, if there is one."""
        if self.running is not None:
            await self.running.stop()
            self.running = None

    async def stop(self) -> None:
        """Stop keeping the child up and end its tree."""
        if self.keeping is not None:
            self.keeping.cancel()
            await asyncio.gather(self.keeping, return_exceptions=True)
        if self.running is not None:
            self.become(ChildState.STOPPING)
            ended = await self.running.stop()
            self.running = None
            self.become(ChildState.STOPPED, died(ended))


class Supervisor:
    """Children of this process; leaving the context stops them all, and so does any end of this process.

    `observe` is called in the event loop with every change and must neither block nor raise. Each child's
    guardian holds a shared lock on the file `hold` (LocalState.guardians) until its whole tree is gone.
    """

    def __init__(self, observe: Observer | None = None, hold: Path | None = None) -> None:
        self._observe = observe
        self._hold = hold
        self._kept: dict[str, _Kept] = {}
        self._changed = asyncio.Condition()
        self._notices: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_all()

    def _report(self, change: Change) -> None:
        notice = asyncio.create_task(self._notify())
        self._notices.add(notice)
        notice.add_done_callback(self._notices.discard)
        if self._observe is not None:
            self._observe(change)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _register(self, child: Child) -> _Kept:
        if child.name in self._kept:
            msg = f"{child.name} is already kept"
            raise ValueError(msg)
        kept = self._kept[child.name] = _Kept(child, self._report, self._hold)
        return kept

    async def _start(self, kept: _Kept) -> None:
        child = kept.child
        try:
            for needed in child.after:
                await self.wait_ready(needed, child.ready_timeout)
            if child.command.log is not None:
                rotate(child.command.log)
            reason = await kept.bring_up()
        except BaseException:
            del self._kept[child.name]
            raise
        if reason is not None:
            del self._kept[child.name]
            raise kept.fail(reason)
        kept.keeping = asyncio.create_task(kept.keep(), name=f"keep {child.name}")

    async def start(self, child: Child) -> None:
        """Start a child, once those it needs are ready, and return when it is ready.

        Raises ChildFailedError if it does not become ready the first time (a restart is for what worked
        once), and TimeoutError if one that it needs is not ready within its own `ready_timeout`.
        """
        await self._start(self._register(child))

    async def start_all(self, children: Iterable[Child]) -> None:
        """Start children beside each other, as far as their needs allow; the first failure is raised, alone.

        Those that had become ready before a failure stay up until they are stopped.
        """
        registered = [self._register(child) for child in children]
        try:
            async with asyncio.TaskGroup() as group:
                for kept in registered:
                    group.create_task(self._start(kept))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            for kept in registered:
                if kept.keeping is None:
                    self._kept.pop(kept.child.name, None)

    async def wait_ready(self, name: str, within: float, *, other_than: int = 0) -> None:
        """Until that child is ready, with a pid `other_than` the one just killed, say.

        Raises TimeoutError after `within` seconds, ChildFailedError when the child has given up, KeyError
        when there is no such child.
        """
        async with asyncio.timeout(within), self._changed:
            while (kept := self._kept[name]).state is not ChildState.READY or kept.pid == other_than:
                if kept.failure is not None:
                    raise kept.failure
                await self._changed.wait()

    async def failed(self) -> None:
        """Wait until a child has given up, then raise its ChildFailedError.

        For use beside a wait for signals.
        """
        async with self._changed:
            while True:
                for kept in self._kept.values():
                    if kept.failure is not None:
                        raise kept.failure
                await self._changed.wait()

    def pid(self, name: str) -> int:
        """The pid of the command itself, not of its guardian; 0 while none runs."""
        return self._kept[name].pid

    def state(self, name: str) -> ChildState:
        """Where a child stands."""
        return self._kept[name].state

    def pids(self) -> dict[str, int]:
        """The pid of every child that runs."""
        return {name: kept.pid for name, kept in self._kept.items() if kept.pid}

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
