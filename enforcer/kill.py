"""One request to end a process: is it still the one, may it be killed, and then SIGKILL.

A pidfd is taken first, and everything is read afterwards. If the pidfd's process still lives at the
end, nobody else can have had its pid meanwhile, so all that was read is about it.

What cannot be excluded:

- The signal goes to the process, not to the program. Between the last look at the program and the
  signal lies about a tenth of a millisecond, in which the process may replace itself by another
  program, which is then killed. It did execute the denied one a moment ago.
- /proc gives start times in hundredths of a second, so a process that got the same pid within the same
  hundredth and runs the same file is taken for the same.
- A process that executes the same file once more, with other arguments, is still the one.

A file is known by its device and inode as the kernel has them, and not by its path: who runs a program
can rename its file, and must not escape by it.
"""

import fcntl
import os
import select
import signal
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from errno import EINVAL, ENOENT, ENOTTY, ESRCH

from enforcer import procfs
from enforcer.protected import OwnPidsError, Protection, identity
from enforcer.protocol import MAX_AGE_NS, Carried, Signal, SignallerResult
from wire.text import decode, printable

WINDOW_S = 60.0
KILLS_PER_WINDOW = 60

_NO_SUCH_PROCESS = frozenset({ESRCH, EINVAL, ENOENT})
"""pidfd_open(2): none has this pid, or (EINVAL, later ENOENT) a thread other than the first has."""

_LOOKS = 3

_PIDFD_GET_INFO = 0xC040FF0B
"""_IOWR(0xFF, 11, 64 bytes) of include/uapi/linux/pidfd.h, from Linux 6.13 on."""
_PIDFD_INFO_EXIT = 1 << 3
_INFO = struct.Struct("=QQ11Ii")


class _Refused(Exception):  # noqa: N818  a result, not an error
    def __init__(self, result: SignallerResult, sentence: str) -> None:
        super().__init__(sentence)
        self.result: SignallerResult = result
        self.sentence = sentence


@dataclass(frozen=True, kw_only=True)
class Sent:
    """SIGKILL is on its way. Whoever gets this closes `pidfd`, which is readable once the process ended."""

    pidfd: int
    request: Signal
    program: str
    exec_to_kill_ns: int


class Killer:
    """Carries out requests, no more than `kills_per_minute` of them."""

    def __init__(
        self,
        protection: Protection,
        kills_per_minute: int = KILLS_PER_WINDOW,
        *,
        boot_id: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`boot_id` is the node's own; read from the kernel where it is not given."""
        self._protection = protection
        self._cap = kills_per_minute
        self._boot_id = boot_id or procfs.boot_id()
        self._monotonic = monotonic
        self._kills: deque[float] = deque(maxlen=max(1, kills_per_minute))

    def protect(self, pid: int) -> None:
        """Never kill this process either."""
        own = self._protection.own | {identity(pid)}
        self._protection = replace(self._protection, own=own)

    def kill(self, request: Signal) -> Sent | Carried:
        """Send SIGKILL, or say why not. Never raises: what goes wrong is `failed`."""
        try:
            return self._kill(request)
        except _Refused as refused:
            return Carried(id=request.id, result=refused.result, sentence=refused.sentence)
        except (FileNotFoundError, ProcessLookupError):
            return Carried(
                id=request.id, result="already-gone", sentence=f"Process {request.pid} had already ended."
            )
        except (OSError, LookupError, ValueError, OwnPidsError) as error:
            sentence = (
                f"Process {request.pid} could not be checked, so it was left alone: {printable(str(error))}."
            )
            return Carried(id=request.id, result="failed", sentence=sentence)

    def rehearse(self) -> str | None:
        """Be asked to kill this very process: the answer must be that it is protected.

        Everything is read as for any other, which shows that it can be, and is fast the next time.
        Returns what went otherwise, or None.
        """
        pid = os.getpid()
        self.protect(pid)
        process = f"/proc/{pid}"
        file = procfs.read_program_file(process)
        request = Signal(
            id="rehearsal",
            boot_id=self._boot_id,
            pid=pid,
            start_ns=procfs.read_stat(process).start_ticks * procfs.NS_PER_TICK,
            exec_ns=time.clock_gettime_ns(time.CLOCK_BOOTTIME),
            device=file.device,
            inode=file.inode,
            mount_namespace=0,
            cgroup=procfs.read_cgroup(process),
            descendants=False,
        )
        # Never through `kill`: if the checks were broken, the rehearsal would be the last thing done.
        pidfd = os.pidfd_open(pid)
        try:
            self._check_request(request)
            self._check_living(request, pidfd)
        except _Refused as refused:
            return None if refused.result == "protected" else refused.sentence
        finally:
            os.close(pidfd)
        return "nothing would have kept the signaller from killing itself"

    def _kill(self, request: Signal) -> Sent:
        self._check_request(request)
        pidfd = _open(request.pid)
        try:
            program = self._check_living(request, pidfd)
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        except BaseException:
            os.close(pidfd)
            raise
        self._kills.append(self._monotonic())
        return Sent(pidfd=pidfd, request=request, program=program, exec_to_kill_ns=now - request.exec_ns)

    def _check_request(self, request: Signal) -> None:
        if request.boot_id != self._boot_id:
            raise _Refused("stale-identity", "The process belonged to an earlier boot of this node.")
        age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - request.exec_ns
        if not 0 <= age <= MAX_AGE_NS:
            raise _Refused(
                "expired", f"The program was started {age / 1e9:.1f} s ago; too long to still stop it."
            )
        if request.pid <= 1:
            raise _Refused("protected", "Process 1 keeps the node up and is never killed.")
        everywhere = request.descendants and request.cgroup.rstrip("/") == ""
        if request.inode == 0 or everywhere or not request.cgroup.startswith("/"):
            raise _Refused("stale-identity", "The event does not say enough to recognise the process by.")

    def _check_living(self, request: Signal, pidfd: int) -> str:
        for _ in range(_LOOKS):
            try:
                return self._check(request, pidfd)
            except (FileNotFoundError, ProcessLookupError):
                # Only the thread that was read from may have ended: then another one is read from.
                if has_ended(pidfd):
                    raise
        raise _Refused("failed", f"Process {request.pid} lives, but no thread of it stayed to be checked.")

    def _check(self, request: Signal, pidfd: int) -> str:
        """All that is read about the process, the program last; returns the program's path."""
        stat = procfs.read_stat(f"/proc/{request.pid}")
        if stat.start_ticks != request.start_ns // procfs.NS_PER_TICK:
            raise _Refused("stale-identity", f"Pid {request.pid} belongs to another process by now.")
        if stat.flags & procfs.KERNEL_THREAD:
            raise _Refused("protected", f"Process {request.pid} is a thread of the kernel.")
        process = _living(request.pid, stat)
        cgroup = procfs.read_cgroup(process)
        if cgroup != request.cgroup and not (
            request.descendants and cgroup.startswith(request.cgroup.rstrip("/") + "/")
        ):
            raise _Refused(
                "stale-identity",
                f"Process {request.pid} is in cgroup {printable(cgroup)} by now, "
                f"outside {printable(request.cgroup)}.",
            )
        namespaces = {request.mount_namespace, procfs.mount_namespace(process)}
        file = procfs.read_program_file(process)
        program = printable(decode(file.path)[0])
        if not _is_file(request, file, process):
            raise _Refused("stale-identity", f"Process {request.pid} runs another program by now: {program}.")
        if protected := self._protection.reason(request.pid, stat, file, namespaces):
            raise _Refused("protected", f"Process {request.pid} {protected}.")
        self._check_cap()
        if has_ended(pidfd):
            raise ProcessLookupError
        return program

    def _check_cap(self) -> None:
        now = self._monotonic()
        while self._kills and now - self._kills[0] >= WINDOW_S:
            self._kills.popleft()
        if len(self._kills) >= self._cap:
            raise _Refused(
                "capped",
                f"{len(self._kills)} processes were killed on this node within a minute, "
                "the most that is allowed; this one was left alone.",
            )


def has_ended(pidfd: int) -> bool:
    """Whether all threads of the process have ended, reaped or not."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def ended_otherwise(sent: Sent) -> bool:
    """Whether a process that has ended did so without our signal: it was faster, and was not stopped.

    Linux tells by its exit status: while it is a zombie in /proc/PID/stat, and once it is reaped by the
    pidfd (from 6.15 on). Before that a process that ended of itself within microseconds of the signal
    counts as ended by it.
    """
    status = _status_of_reaped(sent.pidfd)
    if status is None:
        status = _status_of_zombie(sent.request)
    return status is not None and os.waitstatus_to_exitcode(status) != -signal.SIGKILL


def _open(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in _NO_SUCH_PROCESS:
            raise ProcessLookupError from error
        raise


def _living(pid: int, stat: procfs.Stat) -> str:
    """Folder to read about the process in: its own, or a living thread's where the first has ended."""
    process = f"/proc/{pid}"
    if not stat.is_dead:
        return process
    if thread := procfs.living_thread(process):
        return thread
    raise ProcessLookupError


def _is_file(request: Signal, file: procfs.ProgramFile, process: str) -> bool:
    if file.inode != request.inode:
        return False
    return request.device == file.device or (
        # overlayfs and btrfs tell statx(2) another device than the one that the kernel itself uses.
        request.device == procfs.mount_device(process, file.mount_id)
    )


def _status_of_reaped(pidfd: int) -> int | None:
    wanted = _INFO.pack(_PIDFD_INFO_EXIT, 0, *[0] * 12)
    try:
        mask, *_, status = _INFO.unpack(fcntl.ioctl(pidfd, _PIDFD_GET_INFO, wanted))
    except OSError as error:
        if error.errno in (ENOTTY, EINVAL, ESRCH):
            return None
        raise
    return status if mask & _PIDFD_INFO_EXIT else None


def _status_of_zombie(request: Signal) -> int | None:
    try:
        stat = procfs.read_stat(f"/proc/{request.pid}")
    except (FileNotFoundError, ProcessLookupError):
        return None
    same = stat.start_ticks == request.start_ns // procfs.NS_PER_TICK
    return stat.exit_code if same and stat.is_dead else None
