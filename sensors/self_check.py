"""Whether the kernel programs read what they should: a known child's record against /proc.

An offset that is wrong rarely fails; it reads something else. So before anything is published, a shell
is started whose every reported fact /proc tells too. The shell waits until it has been compared.
"""

import ctypes
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sensors.ring_records import RawExec, RawExit, RawFile, RecordFormatError, decode

_SHELL = "/bin/sh"
_SCRIPT = "read -r line; exit 7"
_ARGS = (b"sh", b"-c", _SCRIPT.encode(), b"lictor self-check", b"", b"\xff")
_DIRECTORY = "/sys/kernel/btf"
_EXIT_CODE = 7
_UID, _GID = 65534, 65533
_WAIT_S = 5.0
_TICK_S = 0.001

# Their stat(2) answers with other device numbers, or inode numbers, than their inodes have.
_STAT_DIFFERS = frozenset({0x794C7630, 0x9123683E})  # overlayfs, btrfs

_Record = TypeVar("_Record", RawExec, RawExit)

Fact = tuple[str, object, object]
"""What it is, what the record says, what /proc says."""


class SelfCheckError(Exception):
    """The programs' record of a known process is absent or differs from /proc."""


def check(read: Callable[[], list[bytes]]) -> None:
    """Start the child and compare. `read` gives the records that came since it was last called.

    Takes a few milliseconds, at most 10 s. Raises SelfCheckError with every difference.
    """
    try:
        child = _start()
    except OSError as error:
        raise SelfCheckError(f"the check's own child could not be started: {error}") from error
    try:
        started = _await(read, child.pid, RawExec)
        facts = [*_facts(started, child.pid)]
    except OSError as error:
        raise SelfCheckError(f"the check's own child could not be looked at: {error}") from error
    finally:
        child.communicate(b"\n")
    ended = _await(read, child.pid, RawExit)
    facts += [
        ("exit code", ended.code_raw, _EXIT_CODE << 8),
        ("start time at the end", ended.start_ns, started.start_ns),
        ("cgroup at the end", ended.cgroup_id, started.cgroup_id),
    ]
    wrong = [f"{name} is {there!r}, reported as {said!r}" for name, said, there in facts if said != there]
    if wrong:
        raise SelfCheckError("; ".join(wrong))


def _start() -> subprocess.Popen[bytes]:
    try:
        # Root's ids are 0, and so is most memory: with other ids a wrong offset shows.
        return _start_as(_UID, _GID)
    except PermissionError:
        return _start_as(None, None)


def _start_as(user: int | None, group: int | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        _ARGS,
        executable=_SHELL,
        cwd=_DIRECTORY,
        user=user,
        group=group,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )


def _await(read: Callable[[], list[bytes]], pid: int, kind: type[_Record]) -> _Record:
    deadline = time.monotonic() + _WAIT_S
    while time.monotonic() < deadline:
        try:
            records = [decode(record) for record in read()]
        except RecordFormatError as error:
            raise SelfCheckError(f"a record makes no sense: {error}") from error
        for record in records:
            if isinstance(record, kind) and record.pid == pid:
                return record
        time.sleep(_TICK_S)
    raise SelfCheckError(
        f"no {kind.__name__} of the check's own child came within {_WAIT_S:.0f} s"
        " (the sensor has to run in the host's pid namespace)"
    )


def _facts(record: RawExec, pid: int) -> Iterator[Fact]:
    """Everything that /proc says of the child, of this process and of its parent."""
    child, me = Path(f"/proc/{pid}"), Path("/proc/self")
    status = dict(
        line.split(":\t", 1) for line in (child / "status").read_text().splitlines() if ":\t" in line
    )
    stat = _stat(child)
    yield "namespace pid", record.namespace_pid, int(status["NSpid"].split()[-1])
    yield "real uid", record.uid, int(status["Uid"].split()[0])
    yield "real gid", record.gid, int(status["Gid"].split()[0])
    yield "start time in ticks", _ticks(record.start_ns), int(stat[19])
    yield "whether there is a terminal", bool(record.tty), stat[4] != "0"
    yield "working directory", record.cwd, os.fsencode((child / "cwd").readlink())
    yield "arguments", record.args, _ARGS
    yield "file name", record.filename, _SHELL.encode()
    yield "whether it is a script", record.script, False
    for name in ("mnt", "pid", "net", "user", "uts", "ipc", "cgroup"):
        yield f"{name} namespace", getattr(record.namespaces, name), (child / "ns" / name).stat().st_ino
    if (cgroup := _cgroup_directory(child)) is not None:
        yield "cgroup", record.cgroup_id, cgroup.stat().st_ino
    yield from _file_facts("executable", record.file, child)
    yield from _file_facts("parent's executable", record.parent, me)
    yield from _file_facts("source", record.source, me)
    above = [(ancestor.pid, _ticks(ancestor.start_ns)) for ancestor in record.ancestors]
    yield "parent and its start time in ticks", above[:1], [(os.getpid(), int(_stat(me)[19]))]
    if grandparent := os.getppid():
        yield "grandparent", [pid for pid, _ in above[1:2]], [grandparent]


def _file_facts(name: str, said: RawFile | None, process: Path) -> Iterator[Fact]:
    if said is None:
        yield name, None, (process / "exe").readlink()
        return
    path = os.fsencode((process / "exe").readlink())
    found = (process / "exe").stat()
    yield f"{name}'s path", said.path, path.removesuffix(b" (deleted)") if said.unlinked else path
    yield f"{name}'s owner", said.owner_uid, found.st_uid
    yield f"whether {name} is unlinked", said.unlinked, found.st_nlink == 0
    yield f"{name}'s file system", said.filesystem, _filesystem(process / "exe")
    if said.filesystem not in _STAT_DIFFERS:
        yield f"{name}'s device", said.device, found.st_dev
        yield f"{name}'s inode", said.inode, found.st_ino


def _stat(process: Path) -> list[str]:
    """The fields of /proc/PID/stat behind the program's name: index 0 is field 3 of proc(5)."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def _ticks(start_ns: int) -> int:
    return start_ns * os.sysconf("SC_CLK_TCK") // 1_000_000_000


def _cgroup_directory(process: Path) -> Path | None:
    """The process's directory in the cgroup2 hierarchy, where one is mounted."""
    mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines())
    roots = [fields[4] for fields in mounts if fields[fields.index("-") + 1] == "cgroup2"]
    lines = (process / "cgroup").read_text().splitlines()
    paths = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
    if not roots or not paths:
        return None
    directory = Path(roots[0] + paths[0])
    return directory if directory.is_dir() else None


def _filesystem(path: Path) -> int:
    """`f_type` of statfs(2), which Python does not give: the first word of the answer."""
    answer = (ctypes.c_long * 64)()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(os.fsencode(path), answer) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(path))
    return answer[0] & 0xFFFFFFFF
