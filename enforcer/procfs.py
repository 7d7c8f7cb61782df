"""What the kernel says about one process: read from /proc, nothing interpreted.

Everything raises FileNotFoundError or ProcessLookupError where the process is gone. A pid may be given
to another process between two reads: who needs to know that all came from one process holds a pidfd
and looks afterwards whether that process still lives.

No file system is asked anything, since the process chooses its file system, and a FUSE server of its
own may never answer: device and inode come from the open file's description, and statx(2) is called
with AT_STATX_DONT_SYNC and an empty mask.
"""

import ctypes
import os
from pathlib import Path
from typing import NamedTuple

from wire.text import decode

NS_PER_TICK = 10**9 // os.sysconf("SC_CLK_TCK")
"""Granularity of start times in /proc: the kernel divides by this and drops the rest."""

KERNEL_THREAD = 0x00200000
"""PF_KTHREAD of include/linux/sched.h, in the flags of /proc/PID/stat."""

_DEAD = frozenset("ZXx")
_FILE_BYTES = 64 * 1024
_MOUNTINFO_BYTES = 4 * 1024 * 1024
_THREADS_LOOKED_AT = 4096

_AT_EMPTY_PATH = 0x1000
_AT_STATX_DONT_SYNC = 0x4000
_STATX_UID = 0x8


class Stat(NamedTuple):
    """The few fields of /proc/PID/stat that matter here (proc(5) counts them from 1)."""

    state: str
    flags: int
    start_ticks: int
    exit_code: int
    """As waitpid(2) gives it, once the process has ended; 0 without the right to know."""

    @property
    def is_dead(self) -> bool:
        """Whether the thread that the process began with has ended; others of it may live on."""
        return self.state in _DEAD


class ProgramFile(NamedTuple):
    """The file that a process runs."""

    path: bytes
    """As /proc/PID/exe shows it, a trailing ` (deleted)` included."""
    inode: int
    device: int
    """Of statx(2): some file systems (overlayfs, btrfs) give another here than the kernel uses."""
    mount_id: int
    owner: int | None
    """uid that owns the file, where the kernel knew it without asking."""


def _read(path: str) -> bytes:
    # Without Python's file objects: this is on the way from an exec to its kill.
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _FILE_BYTES)
    finally:
        os.close(fd)


def boot_id() -> str:
    """This boot of this node."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def read_stat(process: str) -> Stat:
    """`process` is a folder such as `/proc/17` or `/proc/17/task/18`."""
    raw = _read(f"{process}/stat")
    # The name in parentheses is the process's own choice and may hold blanks and parentheses.
    fields = raw[raw.rindex(b")") + 2 :].split()
    return Stat(fields[0].decode(), int(fields[6]), int(fields[19]), int(fields[49]))


def read_cgroup(process: str) -> str:
    """Path of the cgroup2 directory, from the root of the hierarchy, as text (`wire.text.decode`)."""
    for line in _read(f"{process}/cgroup").splitlines():
        if line.startswith(b"0::/"):
            return decode(line[3:])[0]
    raise LookupError("no cgroup2 hierarchy is mounted on this node")


def read_program_file(process: str) -> ProgramFile:
    """The file that the process runs now: device and inode as the kernel has them.

    Raises:
        PermissionError: it is another user's process, and CAP_SYS_PTRACE is missing.
    """
    fd = os.open(f"{process}/exe", os.O_PATH | os.O_CLOEXEC)
    try:
        path = os.readlink(f"/proc/self/fd/{fd}".encode())  # noqa: PTH115  bytes
        fields = _read(f"/proc/self/fdinfo/{fd}").split()
        about = dict(zip(fields[::2], fields[1::2], strict=True))
        device, owner = _device_and_owner(fd)
        return ProgramFile(path, int(about[b"ino:"]), device, int(about[b"mnt_id:"]), owner)
    finally:
        os.close(fd)


def mount_device(process: str, mount_id: int) -> int | None:
    """Device of the file system that is mounted there, as the kernel itself uses it.

    None where the process does not see the mount (it was detached), or sees more mounts than are read.
    """
    wanted = b"%d" % mount_id
    with Path(process, "mountinfo").open("rb") as file:
        for line in file.read(_MOUNTINFO_BYTES).splitlines():
            fields = line.split(b" ", 3)
            if fields[0] == wanted and len(fields) == 4:
                major, minor = fields[2].split(b":")
                return os.makedev(int(major), int(minor))
    return None


def mount_namespace(process: str) -> int:
    """Inode number of the process's mount namespace.

    Raises:
        PermissionError: it is another user's process, and CAP_SYS_PTRACE is missing.
    """
    text = str(Path(process, "ns", "mnt").readlink())
    return int(text[text.index("[") + 1 : -1])


def living_thread(process: str) -> str | None:
    """Folder of a thread that has not ended, or None.

    A process whose first thread has ended is shown as a zombie without a program, while its other
    threads go on: a way to hide for who knows of it.
    """
    with os.scandir(f"{process}/task") as threads:
        for seen, thread in enumerate(threads):
            if seen >= _THREADS_LOOKED_AT:
                break
            try:
                if not read_stat(thread.path).is_dead:
                    return thread.path
            except (FileNotFoundError, ProcessLookupError):
                continue
    return None


class _Timestamp(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_int64), ("nanoseconds", ctypes.c_uint32), ("reserved", ctypes.c_int32))


class _Statx(ctypes.Structure):
    # struct statx of include/uapi/linux/stat.h: 256 bytes.
    _fields_ = (
        ("mask", ctypes.c_uint32),
        ("blksize", ctypes.c_uint32),
        ("attributes", ctypes.c_uint64),
        ("nlink", ctypes.c_uint32),
        ("uid", ctypes.c_uint32),
        ("gid", ctypes.c_uint32),
        ("mode", ctypes.c_uint16),
        ("spare0", ctypes.c_uint16),
        ("ino", ctypes.c_uint64),
        ("size", ctypes.c_uint64),
        ("blocks", ctypes.c_uint64),
        ("attributes_mask", ctypes.c_uint64),
        ("times", _Timestamp * 4),
        ("rdev_major", ctypes.c_uint32),
        ("rdev_minor", ctypes.c_uint32),
        ("dev_major", ctypes.c_uint32),
        ("dev_minor", ctypes.c_uint32),
        ("rest", ctypes.c_uint64 * 14),
    )


_libc = ctypes.CDLL(None, use_errno=True)


def _device_and_owner(fd: int) -> tuple[int, int | None]:
    found = _Statx()
    if _libc.statx(fd, b"", _AT_EMPTY_PATH | _AT_STATX_DONT_SYNC, 0, ctypes.byref(found)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    owner = found.uid if found.mask & _STATX_UID else None
    return os.makedev(found.dev_major, found.dev_minor), owner
