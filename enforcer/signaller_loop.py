"""The signaller: ends processes when the enforcer asks, and does nothing else.

A process of its own with CAP_KILL and CAP_SYS_PTRACE (to read which program another user's process
runs), an unprivileged user and no_new_privs. It listens on a Unix socket that only the enforcer's user
may connect to, and reads neither Kafka nor policies nor any file but those in /proc and the list of
Lictor's own processes. One thread: a signal is sent at once, and its answer follows when the process
has ended, so that one which is slow to end holds up nobody else.
"""

import logging
import os
import selectors
import socket
import struct
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from enforcer.kill import Killer, Sent, ended_otherwise
from enforcer.protocol import (
    PACKET_BYTES,
    Answer,
    Carried,
    NeverAsked,
    Recall,
    Signal,
    encode,
    read_request,
)
from wire.text import printable

log = logging.getLogger("lictor.signaller")

CONFIRM_S = 2.0
"""How long a process may take to end after SIGKILL before the answer is `failed`."""

_TICK_S = 0.2
_CONNECTIONS = 4
_REMEMBERED = 4096
_CREDENTIALS = struct.Struct("=3i")


@dataclass(kw_only=True)
class _Waiting:
    sent: Sent
    asker: socket.socket
    deadline: float


class Signaller:
    """Serves one listening socket until told to stop."""

    def __init__(self, listener: socket.socket, killer: Killer, enforcer_uid: int) -> None:
        """`listener` is a bound SOCK_SEQPACKET socket; `enforcer_uid` the only user that is answered."""
        self._listener = listener
        self._killer = killer
        self._enforcer_uid = enforcer_uid
        self._selector = selectors.DefaultSelector()
        self._connections: set[socket.socket] = set()
        self._waiting: dict[str, _Waiting] = {}
        self._became: OrderedDict[str, Carried] = OrderedDict()

    def serve(self, stop: threading.Event) -> None:
        """Answer until `stop` is set, which is noticed within a fifth of a second."""
        self._listener.setblocking(False)
        self._listener.listen(_CONNECTIONS)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        try:
            while not stop.is_set():
                for key, _ in self._selector.select(_TICK_S):
                    key.data()
                self._give_up_waiting()
        finally:
            for waiting in self._waiting.values():
                os.close(waiting.sent.pidfd)
            for connection in self._connections:
                connection.close()
            self._selector.close()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        pid, uid, _gid = _CREDENTIALS.unpack(
            connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        if uid != self._enforcer_uid or len(self._connections) >= _CONNECTIONS:
            log.warning("refused a connection of process %d, uid %d", pid, uid)
            connection.close()
            return
        log.info("process %d is the enforcer", pid)
        self._killer.protect(pid)
        connection.setblocking(False)
        self._connections.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, lambda: self._receive(connection))

    def _receive(self, connection: socket.socket) -> None:
        try:
            packet, _, flags, _ = connection.recvmsg(PACKET_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            log.warning("the enforcer's connection failed: %s", error)
            self._hang_up(connection)
            return
        if not packet:
            self._hang_up(connection)
            return
        try:
            request = read_request(packet)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("not a request (flags %#x), so its sender is hung up on: %s", flags, error)
            self._hang_up(connection)
            return
        if isinstance(request, Recall):
            self._recall(connection, request)
        else:
            self._signal(connection, request)

    def _recall(self, connection: socket.socket, request: Recall) -> None:
        if request.id in self._waiting:
            self._waiting[request.id].asker = connection
        else:
            self._answer(connection, self._became.get(request.id, NeverAsked(id=request.id)))

    def _signal(self, connection: socket.socket, request: Signal) -> None:
        if request.id in self._waiting:
            self._waiting[request.id].asker = connection
            return
        if became := self._became.get(request.id):
            self._answer(connection, became)
            return
        done = self._killer.kill(request)
        if isinstance(done, Carried):
            self._finish(connection, done)
            return
        log.info("killed process %d (%s) for %s", request.pid, done.program, printable(request.id))
        deadline = time.monotonic() + CONFIRM_S
        self._waiting[request.id] = _Waiting(sent=done, asker=connection, deadline=deadline)
        self._selector.register(done.pidfd, selectors.EVENT_READ, lambda: self._ended(request.id))

    def _ended(self, request_id: str) -> None:
        waiting = self._waiting[request_id]
        sent = waiting.sent
        program, pid = sent.program, sent.request.pid
        if ended_otherwise(sent):
            sentence = f"Process {pid} ({program}) had ended by itself when the signal came."
            carried = Carried(id=request_id, result="already-gone", sentence=sentence)
        else:
            after_ms = sent.exec_to_kill_ns / 1e6
            sentence = f"Process {pid} ({program}) was killed {after_ms:.1f} ms after it had begun to run."
            carried = Carried(
                id=request_id,
                result="terminated",
                sentence=sentence,
                exec_to_kill_ns=sent.exec_to_kill_ns,
            )
        self._close_waiting(waiting, carried)

    def _give_up_waiting(self) -> None:
        now = time.monotonic()
        for waiting in [w for w in self._waiting.values() if now >= w.deadline]:
            sent = waiting.sent
            sentence = (
                f"Process {sent.request.pid} ({sent.program}) was sent SIGKILL and had not ended "
                f"{CONFIRM_S:g} s later; it waits in the kernel and runs no further instruction."
            )
            carried = Carried(
                id=sent.request.id, result="failed", sentence=sentence, exec_to_kill_ns=sent.exec_to_kill_ns
            )
            self._close_waiting(waiting, carried)

    def _close_waiting(self, waiting: _Waiting, carried: Carried) -> None:
        self._selector.unregister(waiting.sent.pidfd)
        os.close(waiting.sent.pidfd)
        del self._waiting[carried.id]
        self._finish(waiting.asker, carried)

    def _finish(self, connection: socket.socket, carried: Carried) -> None:
        # What failed or was capped may be asked again: it was not carried out, or not known to be.
        if carried.result not in ("failed", "capped"):
            self._became[carried.id] = carried
            if len(self._became) > _REMEMBERED:
                self._became.popitem(last=False)
        self._answer(connection, carried)

    def _answer(self, connection: socket.socket, answer: Answer) -> None:
        if connection not in self._connections:
            return
        try:
            connection.send(encode(answer))
        except OSError as error:
            log.warning("an answer did not reach the enforcer: %s", error)
            self._hang_up(connection)

    def _hang_up(self, connection: socket.socket) -> None:
        self._selector.unregister(connection)
        self._connections.discard(connection)
        connection.close()
