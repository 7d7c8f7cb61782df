"""The supervisor's side of a leash: start a command under its guardian, know its pid, await its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lictor.runtime import leash
from lictor.runtime.errors import CannotStartError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lictor.runtime.account import Account

START_TIMEOUT_S = 30.0
LOG_MAX_BYTES = 32 << 20
TAIL_BYTES = 4096
TAIL_LINES = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """What to run: whole environment, no shell; `account` None means as oneself; `stop_grace` in seconds."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path = Path("/")
    account: Account | None = None
    log: Path | None = None
    log_max_bytes: int | None = LOG_MAX_BYTES
    stop_grace: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Exit:
    """How a command ended.

    Its code (128 + the signal when killed) and pids that could not be ended with it.
    """

    code: int
    survivors: tuple[int, ...] = ()


class Leashed:
    """A running command; made by `start`."""

    def __init__(
        self,
        pid: int,
        guardian: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.pid = pid
        self._guardian = guardian
        self._reader = reader
        self._writer = writer
        self._exit = asyncio.create_task(self._follow(), name=f"leash of {pid}")

    @classmethod
    async def start(cls, command: Command, hold: Path | None = None) -> Leashed:
        """Start the command; returns once it has been executed, raises CannotStartError when that failed.

        Its guardian holds a shared lock on the file `hold` until the whole tree is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            guardian = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                leash.__file__,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd="/",
                env={},
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                writer.write(order_line(command, hold))
                await writer.drain()
                first = json.loads(await reader.readline() or b"{}")
        except BaseException:
            writer.close()
            raise
        if "started" not in first:
            writer.close()
            await guardian.wait()
            msg = f"cannot run {command.argv[0]}: {first.get('error', 'its guardian died')}"
            raise CannotStartError(msg)
        return cls(first["started"], guardian, reader, writer)

    async def _follow(self) -> Exit:
        """Read the guardian's last word; when it died without one, end the command's session in its stead."""
        ended: Exit | None = None
        while line := await self._reader.readline():
            message = json.loads(line)
            if "exited" in message:
                ended = Exit(code=message["exited"], survivors=tuple(message["survivors"]))
        self._writer.close()
        await self._guardian.wait()
        if ended is None:
            kill_session(self.pid)
            ended = Exit(code=128 + signal.SIGKILL)
        return ended

    async def wait(self) -> Exit:
        """The end of the command and of its whole tree; cancelling the wait does not end them."""
        return await asyncio.shield(self._exit)

    async def stop(self) -> Exit:
        """End the command and its whole tree: TERM, its grace, KILL."""
        with contextlib.suppress(ProcessLookupError):
            self._guardian.terminate()
        return await self.wait()


def order_line(command: Command, hold: Path | None) -> bytes:
    """The guardian's first line."""
    account = command.account
    order = leash.Order(
        argv=list(command.argv),
        env=dict(command.env),
        cwd=str(command.cwd),
        log=None if command.log is None else str(command.log),
        log_max_bytes=command.log_max_bytes,
        uid=None if account is None else account.uid,
        gid=None if account is None else account.gid,
        groups=[] if account is None else list(account.groups),
        grace=command.stop_grace,
        hold=None if hold is None else str(hold),
    )
    fields = order._asdict()  # noqa: SLF001 - public in a namedtuple
    return json.dumps(fields).encode() + b"\n"


def kill_session(leader: int) -> None:
    """KILL what is left of a session whose guardian was killed."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            session = int((entry / "stat").read_bytes().rpartition(b")")[2].split()[3])
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = leash.stat_fields(int(entry.name))
        if session == leader and fields is not None:
            leash.send(int(entry.name), fields[1], signal.SIGKILL)


def log_tail(log: Path | None) -> str:
    """The last lines of a log, for an error message; empty when there is none."""
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(lines[-TAIL_LINES:])


def rotate(log: Path) -> None:
    """Keep the log of the run before as `.1` and start anew."""
    if log.exists():
        log.replace(log.with_name(log.name + ".1"))


async def run(command: Command, within: float, hold: Path | None = None) -> Exit:
    """Run a command to its end, at most `within` seconds; raises TimeoutError with the tree ended."""
    leashed = await Leashed.start(command, hold)
    try:
        async with asyncio.timeout(within):
            return await leashed.wait()
    finally:
        await leashed.stop()
