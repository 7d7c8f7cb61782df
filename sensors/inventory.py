"""What ran before the sensor started, from /proc.

Needs CAP_SYS_PTRACE for other users' processes, so it is taken before privileges are dropped.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from policy.events import Executable
from sensors.process_table import TICK_NS, ProcessTable
from wire.text import decode

_PF_FORKNOEXEC = 0x40
"""`flags` in /proc/PID/stat: forked and never executed since (include/linux/sched.h)."""

_DELETED = b" (deleted)"

_OVERLAYFS = 0x794C7630
"""`f_type` of statfs(2) (linux/magic.h)."""

_libc = ctypes.CDLL(None, use_errno=True)


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A process as /proc shows it; `start_ns` since boot, rounded down to 10 ms.

    `executable` has no device and inode where stat(2) shows others than the kernel's own (overlayfs).
    """

    pid: int
    start_ns: int
    executed: bool
    """Whether it called execve itself, rather than run on in its parent's program."""
    executable: Executable


def running_processes(proc: Path = Path("/proc")) -> Iterator[Running]:
    """Every process with a program: no kernel threads, and none that ended while being looked at."""
    for entry in os.scandir(proc):
        if entry.name.isdecimal():
            found = _look(int(entry.name), os.fsencode(entry.path))
            if found is not None:
                yield found


def take_inventory(processes: ProcessTable, proc: Path = Path("/proc")) -> int:
    """Record what runs; how many processes that were."""
    count = 0
    for running in running_processes(proc):
        if running.executed:
            processes.record(running.pid, running.start_ns, running.executable)
        else:
            processes.record_file(running.executable)
        count += 1
    return count


def _look(pid: int, folder: bytes) -> Running | None:
    link = folder + b"/exe"
    try:
        with open(folder + b"/stat", "rb") as file:  # noqa: PTH123  bytes
            # The name in parentheses may hold anything; what follows the last one is numbers.
            fields = file.read().rpartition(b")")[2].split()
        path = os.readlink(link)  # noqa: PTH115  bytes
        status = os.stat(link)  # noqa: PTH116  bytes
        filesystem = _filesystem(link)
    except OSError:
        return None  # ended, a kernel thread, or not ours to look at
    unlinked = status.st_nlink == 0
    text, escaped = decode(path.removesuffix(_DELETED) if unlinked else path)
    own_numbers = filesystem != _OVERLAYFS
    return Running(
        pid=pid,
        start_ns=int(fields[19]) * TICK_NS,
        executed=not int(fields[6]) & _PF_FORKNOEXEC,
        executable=Executable(
            path=text,
            device=status.st_dev if own_numbers else 0,
            inode=status.st_ino if own_numbers else 0,
            filesystem=filesystem,
            escaped=escaped,
            unlinked=unlinked,
        ),
    )


def _filesystem(path: bytes) -> int:
    """`f_type` of the file system that holds `path`; the first word of struct statfs."""
    words = (ctypes.c_long * 32)()
    if _libc.statfs(path, ctypes.byref(words)) != 0:
        raise OSError(ctypes.get_errno(), "statfs")
    return words[0]
