"""The records of the "process" ring, from bytes to values.

The layout is `sensors/programs/record.h`; change both. Texts stay bytes: what a process chose need not
be UTF-8. Nothing is looked up and nothing is interpreted beyond the layout.
"""

import os
import struct
from typing import Final

import msgspec

from policy.events import Namespaces

_KIND_EXEC: Final = 1
_KIND_EXIT: Final = 2

_FILE_PRESENT: Final = 1
_FILE_TRUNCATED: Final = 2
_FILE_UNLINKED: Final = 4

_EXEC_SCRIPT: Final = 1
_EXEC_MORE_ANCESTORS: Final = 2
_EXEC_CWD_TRUNCATED: Final = 4
_EXEC_ARGS_UNREADABLE: Final = 8
_EXEC_FILENAME_TRUNCATED: Final = 16

_ANCESTORS: Final = 8

_HEAD: Final = struct.Struct("=HBBIQQQQI4x")
_EXEC: Final = struct.Struct("=11I4H4x")
_FILE: Final = struct.Struct("=QQIIHB5x")
_ANCESTOR: Final = struct.Struct("=QQII")
_TTY: Final = struct.Struct("=32s")
_EXIT: Final = struct.Struct("=QII")

_FILES_AT: Final = _HEAD.size + _EXEC.size
_ANCESTORS_AT: Final = _FILES_AT + 3 * _FILE.size
_TTY_AT: Final = _ANCESTORS_AT + _ANCESTORS * _ANCESTOR.size
_EXEC_BYTES: Final = _TTY_AT + _TTY.size
_EXIT_BYTES: Final = _HEAD.size + _EXIT.size


class RecordFormatError(ValueError):
    """Bytes that are no record of this version's programs."""


class RawFile(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A program file as the kernel resolved it."""

    path: bytes
    """From the root of the mount namespace. Where `truncated`, the components nearest to the file,
    without a leading slash."""
    truncated: bool
    """The path is longer than the programs read, or leads to no root (an unmounted file system)."""
    device: int
    """As `os.makedev` encodes it."""
    inode: int
    filesystem: int
    """`s_magic` of the superblock, as in statfs(2)."""
    unlinked: bool
    owner_uid: int


class RawAncestor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A process above; `device` and `inode` are its executable's, 0 where it has none (kernel threads)."""

    pid: int
    start_ns: int
    device: int
    inode: int


class RawExec(msgspec.Struct, frozen=True, kw_only=True):
    """A process became another program. Times are ns of CLOCK_BOOTTIME."""

    cpu: int
    sequence: int
    """Counts the records of this cpu from 0, lost ones included."""
    boot_ns: int
    pid: int
    """Thread group id in the host's pid namespace."""
    namespace_pid: int
    """The same in the process's own pid namespace."""
    start_ns: int
    file: RawFile
    """What runs now: of a script, the interpreter."""
    filename: bytes
    """What execve(2) was asked for: relative to `cwd` unless it starts with a slash."""
    filename_truncated: bool
    script: bool
    """`filename` is not the program itself but named its interpreter."""
    source: RawFile | None
    """The program that called execve, or None where it was not seen."""
    parent: RawFile | None
    """The parent's program, or None for a kernel thread's child."""
    ancestors: tuple[RawAncestor, ...]
    """The parent first, up to eight."""
    ancestors_truncated: bool
    args: tuple[bytes, ...]
    args_truncated: bool
    """The last of `args` is cut, and more may have followed; empty where none could be read."""
    cwd: bytes
    cwd_truncated: bool
    """As a `RawFile`'s path."""
    uid: int
    gid: int
    """Real ids, in the initial user namespace."""
    tty: bytes
    """The controlling terminal's name, such as `pts0`; empty without one."""
    cgroup_id: int
    namespaces: Namespaces


class RawExit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last thread of a process that had run a program ended."""

    cpu: int
    sequence: int
    boot_ns: int
    pid: int
    start_ns: int
    code_raw: int
    """As wait(2) gives it: the exit code in bits 8 to 15, the signal in bits 0 to 6."""
    cgroup_id: int
    device: int
    inode: int
    """The executable's; 0 where the kernel had dropped it already (before 6.16)."""


def decode(record: bytes | memoryview) -> RawExec | RawExit:
    """Read one record. Raises RecordFormatError for anything else."""
    data = bytes(record)
    if len(data) < _HEAD.size:
        raise RecordFormatError(f"a record of {len(data)} bytes has no head")
    size, kind = _HEAD.unpack_from(data)[:2]
    if kind == _KIND_EXEC and size == _EXEC_BYTES and len(data) >= size:
        return _exec(data)
    if kind == _KIND_EXIT and size == _EXIT_BYTES == len(data):
        return _exit(data)
    raise RecordFormatError(f"a record of kind {kind}, head {size} bytes, {len(data)} bytes in all")


def _exec(data: bytes) -> RawExec:
    _, _, flags, cpu, sequence, boot_ns, start_ns, cgroup_id, pid = _HEAD.unpack_from(data)
    (
        namespace_pid,
        uid,
        gid,
        mnt,
        pid_namespace,
        net,
        user,
        uts,
        ipc,
        cgroup,
        args_total,
        args_bytes,
        filename_bytes,
        cwd_bytes,
        ancestor_count,
    ) = _EXEC.unpack_from(data, _HEAD.size)
    texts = _Texts(data)
    files = [_file(data, _FILES_AT + i * _FILE.size, texts) for i in range(3)]
    if files[0] is None:
        raise RecordFormatError("an exec without an executable")
    cwd_truncated = bool(flags & _EXEC_CWD_TRUNCATED)
    cwd = _path(texts.take(cwd_bytes), truncated=cwd_truncated)
    filename = texts.take(filename_bytes).removesuffix(b"\0")
    args = texts.take(args_bytes)
    texts.end()
    if ancestor_count > _ANCESTORS:
        raise RecordFormatError(f"{ancestor_count} ancestors")
    return RawExec(
        cpu=cpu,
        sequence=sequence,
        boot_ns=boot_ns,
        pid=pid,
        namespace_pid=namespace_pid,
        start_ns=start_ns,
        file=files[0],
        filename=filename,
        filename_truncated=bool(flags & _EXEC_FILENAME_TRUNCATED),
        script=bool(flags & _EXEC_SCRIPT),
        parent=files[1],
        source=files[2],
        ancestors=tuple(_ancestor(data, _ANCESTORS_AT + i * _ANCESTOR.size) for i in range(ancestor_count)),
        ancestors_truncated=bool(flags & _EXEC_MORE_ANCESTORS),
        args=tuple(args.removesuffix(b"\0").split(b"\0")) if args else (),
        args_truncated=args_total > args_bytes or bool(flags & _EXEC_ARGS_UNREADABLE),
        cwd=cwd,
        cwd_truncated=cwd_truncated,
        uid=uid,
        gid=gid,
        tty=_TTY.unpack_from(data, _TTY_AT)[0].partition(b"\0")[0],
        cgroup_id=cgroup_id,
        namespaces=Namespaces(
            mnt=mnt, pid=pid_namespace, net=net, user=user, uts=uts, ipc=ipc, cgroup=cgroup
        ),
    )


def _exit(data: bytes) -> RawExit:
    _, _, _, cpu, sequence, boot_ns, start_ns, cgroup_id, pid = _HEAD.unpack_from(data)
    inode, device, code = _EXIT.unpack_from(data, _HEAD.size)
    return RawExit(
        cpu=cpu,
        sequence=sequence,
        boot_ns=boot_ns,
        pid=pid,
        start_ns=start_ns,
        code_raw=code,
        cgroup_id=cgroup_id,
        device=_device(device),
        inode=inode,
    )


class _Texts:
    """The texts behind an exec's head, taken one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = _EXEC_BYTES

    def take(self, size: int) -> bytes:
        end = self._position + size
        text = self._data[self._position : end]
        if len(text) < size:
            raise RecordFormatError(f"{size} bytes of text announced, {len(text)} there")
        self._position = end
        return text

    def end(self) -> None:
        # The ring rounds a record up to eight bytes but reports its length as it was written.
        if self._position != len(self._data):
            raise RecordFormatError(f"{len(self._data) - self._position} bytes behind the last text")


def _file(data: bytes, position: int, texts: _Texts) -> RawFile | None:
    inode, filesystem, device, owner, path_bytes, flags = _FILE.unpack_from(data, position)
    components = texts.take(path_bytes)
    if not flags & _FILE_PRESENT:
        return None
    truncated = bool(flags & _FILE_TRUNCATED)
    return RawFile(
        path=_path(components, truncated=truncated),
        truncated=truncated,
        device=_device(device),
        inode=inode,
        filesystem=filesystem,
        unlinked=bool(flags & _FILE_UNLINKED),
        owner_uid=owner,
    )


def _ancestor(data: bytes, position: int) -> RawAncestor:
    start_ns, inode, pid, device = _ANCESTOR.unpack_from(data, position)
    return RawAncestor(pid=pid, start_ns=start_ns, device=_device(device), inode=inode)


def _path(components: bytes, *, truncated: bool) -> bytes:
    """Components from the leaf to the root, each ended by a NUL, as a path."""
    names = components.removesuffix(b"\0").split(b"\0") if components else []
    joined = b"/".join(reversed(names))
    return joined if truncated else b"/" + joined


def _device(encoded: int) -> int:
    """From the kernel's dev_t (12 bits major, 20 bits minor) to that of stat(2)."""
    return os.makedev(encoded >> 20, encoded & 0xFFFFF)
