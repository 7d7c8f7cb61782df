"""The guardian of one child: no process of a tree outlives whoever asked for it.

``python -I -S leash.py FD`` speaks JSON lines over the Unix stream socket FD, whose other end the
supervisor holds:

* first line in: the order, ``{"argv", "env", "cwd", "log", "log_max_bytes", "uid", "gid", "groups",
  "grace", "hold"}`` (``env`` is the whole environment; ``log``, ``uid``, ``gid``, ``hold`` may be null;
  ``grace`` in seconds; ``hold`` names a file to hold a shared lock on, which the command does not inherit);
* lines out: ``{"started": pid}`` or ``{"error": "..."}``, then ``{"exited": code, "survivors": [pid, ...]}``,
  where a code above 128 is 128 + the signal.

The command runs in a session of its own. The guardian is the tree's subreaper, so daemonised grandchildren,
other sessions and other uids come back to it instead of to pid 1. It ends the whole tree when the command
exits, on TERM, INT or HUP, and when the socket closes, which the kernel sees to even after ``kill -9`` of
the supervisor: first TERM to the command, so that it can stop its own children in order, then TERM to what
is left, then KILL until nothing is left. A parent-death signal would not do: it is cleared when credentials
change, and a grandchild never had it.

Only the standard library, no import of this project: it starts in about 20 ms and keeps about 10 MB.
"""

# ruff: noqa: PTH110, PTH116, PTH123, PTH208 - pathlib would double the time to start

import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LIBC = ctypes.CDLL(None, use_errno=True)

LEFTOVERS_GRACE_S = 2.0
ORPHAN_GRACE_S = 5.0
KILL_DEADLINE_S = 10.0
LOG_CHECK_S = 5.0
POLL_S = 0.02


class Order(NamedTuple):
    """What to run, and as whom; see the module's docstring for units."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    log: str | None
    log_max_bytes: int | None
    uid: int | None
    gid: int | None
    groups: list[int]
    grace: float
    hold: str | None


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process; raises OSError."""
    if LIBC.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def stat_fields(pid: int) -> tuple[int, int] | None:
    """Parent pid and start time (clock ticks since boot) of a process; None when it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    if fields[0] in (b"Z", b"X"):
        return None
    return int(fields[1]), int(fields[19])


def descendants(root: int) -> list[tuple[int, int]]:
    """(pid, start time) of every live process below `root`."""
    children: dict[int, list[tuple[int, int]]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat_fields(int(entry))) is not None:
            parent, start_time = fields
            children.setdefault(parent, []).append((int(entry), start_time))
    found: list[tuple[int, int]] = []
    unvisited = [root]
    while unvisited:
        below = children.get(unvisited.pop(), [])
        found.extend(below)
        unvisited.extend(pid for pid, _ in below)
    return found


def send(pid: int, start_time: int, number: int) -> None:
    """Signal exactly the process that was listed, never a later one with its pid.

    A process that may not be signalled (another user's, when the guardian is not root) is left to the
    survivors' list.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        fields = stat_fields(pid)
        if fields is not None and fields[1] == start_time:
            signal.pidfd_send_signal(handle, number)
    except (ProcessLookupError, PermissionError):
        return
    finally:
        os.close(handle)


def execute(order: Order) -> None:
    """Become the command; runs in the forked child and only returns by raising OSError."""
    os.setsid()
    log = order.log
    source = os.open(os.devnull, os.O_RDONLY)
    if log is None:
        target = os.open(os.devnull, os.O_WRONLY)
    else:
        target = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    os.dup2(source, 0)
    os.dup2(target, 1)
    os.dup2(target, 2)
    if order.uid is not None and order.gid is not None:
        os.setgroups(order.groups)
        os.setresgid(order.gid, order.gid, order.gid)
        os.setresuid(order.uid, order.uid, order.uid)
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which would clear it
    os.chdir(order.cwd)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    os.execvpe(order.argv[0], order.argv, order.env)  # noqa: S606 - a list of our own words, no shell


class Leash:
    """One command, its tree, and the socket to whoever asked for it."""

    def __init__(self, control: socket.socket, order: Order, wakeup: int) -> None:
        self.control = control
        self.order = order
        self.wakeup = wakeup
        self.main = 0
        self.code: int | None = None
        self.childless = False
        self.asked_to_stop = False
        self.parent = os.getppid()

    def tell(self, **message: object) -> None:
        """Send one line to the supervisor, if it is still there to read it."""
        try:
            self.control.sendall(json.dumps(message).encode() + b"\n")
        except (BrokenPipeError, ConnectionResetError):
            self.asked_to_stop = True

    def start(self) -> bool:
        """Fork and execute; False, with the reason told, when the command cannot be executed."""
        failure_read, failure_write = os.pipe2(os.O_CLOEXEC)
        guardian = os.getpid()
        self.main = os.fork()
        if self.main == 0:
            try:
                if os.getppid() != guardian:
                    os._exit(errno.ESRCH)
                signal.set_wakeup_fd(-1)
                self.control.close()
                execute(self.order)
            except OSError as error:
                os.write(failure_write, f"{error.strerror}: {error.filename or self.order.argv[0]}".encode())
            finally:
                os._exit(127)
        os.close(failure_write)
        with os.fdopen(failure_read, "rb") as pipe:
            failure = pipe.read().decode(errors="replace")
        if failure:
            os.waitpid(self.main, 0)
            self.tell(error=failure)
            return False
        self.tell(started=self.main)
        return True

    def reap(self) -> None:
        """Collect every finished child and adopted orphan; keep the command's own status."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return
            if pid == 0:
                self.childless = False
                return
            if pid == self.main:
                code = os.waitstatus_to_exitcode(status)
                self.code = code if code >= 0 else 128 - code

    def wait(self, seconds: float) -> None:
        """Sleep until a signal, the end of the socket, or `seconds` have passed; then reap."""
        sources = [self.wakeup] if self.asked_to_stop else [self.wakeup, self.control.fileno()]
        ready, _, _ = select.select(sources, [], [], seconds)
        if self.wakeup in ready:
            numbers = os.read(self.wakeup, 4096)
            if any(number != signal.SIGCHLD for number in numbers):
                self.asked_to_stop = True
        if self.control.fileno() in ready:
            try:
                line = self.control.recv(4096)
            except ConnectionResetError:
                line = b""
            if not line:
                self.asked_to_stop = True
        self.reap()

    def bound_log(self) -> None:
        """Keep the log below its limit: the full one becomes `.1`, the writer's descriptor stays valid.

        A full disk must not end the guardian: then the log is cut without a copy.
        """
        log, limit = self.order.log, self.order.log_max_bytes
        if log is None or limit is None or not os.path.exists(log) or os.stat(log).st_size <= limit:
            return
        try:
            with open(log, "rb") as full, open(log + ".1", "wb") as previous:
                while chunk := full.read(1 << 20):
                    previous.write(chunk)
        except OSError as error:
            self.tell(log_cut=f"{log}.1: {error.strerror}")
        os.truncate(log, 0)

    def watch(self) -> None:
        """Until the command exits or somebody wants it gone."""
        while self.code is None and not self.asked_to_stop:
            self.wait(LOG_CHECK_S)
            self.bound_log()

    def end(self) -> list[int]:
        """End the whole tree; the pids that could not be ended."""
        if self.code is None:
            fields = stat_fields(self.main)
            if fields is not None:
                send(self.main, fields[1], signal.SIGTERM)
            # Nobody waits any more where the parent is gone, and what the command used is going, too.
            orphaned = os.getppid() != self.parent
            grace = min(self.order.grace, ORPHAN_GRACE_S) if orphaned else self.order.grace
            self.wait_until(lambda: self.code is not None, grace)
        self.reap()
        if not self.childless:
            for pid, start_time in descendants(os.getpid()):
                send(pid, start_time, signal.SIGTERM)
            self.wait_until(lambda: self.childless, LEFTOVERS_GRACE_S if self.code is not None else 0)
        deadline = time.monotonic() + KILL_DEADLINE_S
        while not self.childless and time.monotonic() < deadline:
            for pid, start_time in descendants(os.getpid()):
                send(pid, start_time, signal.SIGKILL)
            self.wait(POLL_S)
        return [] if self.childless else [pid for pid, _ in descendants(os.getpid())]

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for `condition`, at most `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition() and (left := deadline - time.monotonic()) > 0:
            self.wait(left)


def read_order(control: socket.socket) -> Order | None:
    """The first line; None when the supervisor is gone before it was complete."""
    received = b""
    while not received.endswith(b"\n"):
        chunk = control.recv(65536)
        if not chunk:
            return None
        received += chunk
    return Order(**json.loads(received))


def main(argv: list[str]) -> int:
    """Run one command on a leash.

    Its exit code, 127 if it cannot be executed, 125 if something outlived it.
    """
    control = socket.socket(fileno=int(argv[1]))
    os.set_inheritable(control.fileno(), False)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    wakeup, wakeup_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    order = read_order(control)
    if order is None:
        return 0
    if order.hold is not None:
        fcntl.flock(os.open(order.hold, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640), fcntl.LOCK_SH)
    leash = Leash(control, order, wakeup)
    if not leash.start():
        return 127
    try:
        leash.watch()
    finally:
        survivors = leash.end()
    code = leash.code if leash.code is not None else 125
    leash.tell(exited=code, survivors=survivors)
    return 125 if survivors else code


if __name__ == "__main__":
    sys.exit(main(sys.argv))
