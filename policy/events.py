r"""What a process did, as the kernel saw it.

Events are facts and carry all that judging them needs, so that no later stage looks anything up.
They travel inside a batch (`wire.records.EventBatch`) that states node, boot and workload once.

Units: every `*_ns` is nanoseconds. `time_ns` is wall clock since the Unix epoch; `boot_ns` and
`start_ns` are CLOCK_BOOTTIME, since the node's boot, and never step.

Text: paths and arguments come from bytes that the observed process chose. They are decoded
injectively: a backslash is doubled and a byte that is not UTF-8 becomes `\\xNN` (`wire.text`), so two
different byte strings never give the same text.
"""

from typing import Literal

import msgspec


class Executable(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A program file as the kernel resolved it.

    `path` starts at the root of the mount namespace, symbolic links resolved, across mounts and
    chroot. `device` is encoded as `os.makedev` does, so that it compares with `os.stat`.
    """

    path: str
    device: int = 0
    inode: int = 0
    filesystem: int = 0
    """`s_magic` of the superblock (statfs(2)); overlayfs reports other device numbers to stat(2)."""
    truncated: bool = False
    """The path was longer than the sensor reads: the front is missing and no Allow may match."""
    escaped: bool = False
    """The path had bytes that are not UTF-8."""
    unlinked: bool = False
    """No directory entry led to the file when it ran: deleted, or a memfd."""


class Process(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One process: `pid` (thread group id, host's pid namespace) and `start_ns` name it within a boot."""

    pid: int
    start_ns: int
    executable: Executable | None = None
    """The program that it ran when it was seen, or None where it could not be learned."""


class Namespaces(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Inode numbers of the process's namespaces, as in /proc/PID/ns."""

    mnt: int = 0
    pid: int = 0
    net: int = 0
    user: int = 0
    uts: int = 0
    ipc: int = 0
    cgroup: int = 0


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """What every kind of event has. `ring`, `cpu` and `sequence` name it within a sensor incarnation."""

    ring: str = "process"
    cpu: int
    sequence: int
    time_ns: int
    boot_ns: int
    pid: int
    start_ns: int
    seal: str = ""
    """Proof that the node's own sensor saw this (`wire.seal`); empty where the sensor has no key."""


class ProcessEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="process"):
    """A process became another program: execve(2) succeeded at `boot_ns`."""

    namespace_pid: int = 0
    """The pid inside the process's own pid namespace."""
    executable: Executable
    """The program that runs. For a script this is its interpreter."""
    script: str = ""
    """The file that was asked for, where it is a script: as given, joined to `cwd` if relative. Without
    a slash in front it is not whole: the name or the folder was longer than the sensor reads."""
    source: Executable | None = None
    """Who executed it: the program that called execve. It is the parent's program after fork and
    exec, and the process's own earlier program where it replaced itself (`bash -c id`)."""
    ancestors: tuple[Process, ...] = ()
    """The parent first, then its parent: bounded (see `ancestors_truncated`)."""
    ancestors_truncated: bool = False
    args: tuple[str, ...] = ()
    """argv, argv[0] included; values that look like secrets replaced (`args_redacted`)."""
    args_truncated: bool = False
    args_redacted: bool = False
    cwd: str = ""
    uid: int = 0
    gid: int = 0
    owner_uid: int = 0
    """uid that owns the executable's inode."""
    tty: str = ""
    """The controlling terminal's name, such as `pts0`; empty where there is none."""
    cgroup_id: int = 0
    """Inode number of the process's cgroup2 directory."""
    namespaces: Namespaces = Namespaces()
    entered: bool = False
    """It came into a running container from outside (`kubectl exec`): its parent lives elsewhere, and it
    is not the container's first process."""


class ExitEvent(Event, frozen=True, kw_only=True, omit_defaults=True, tag="exit"):
    """A process that had run a program since its fork ended (its last thread)."""

    executable: Executable | None = None
    exit_code: int = 0
    """As given to exit(2), 0 to 255; 0 where a signal ended it."""
    signal: int = 0
    """The signal that ended it, or 0."""
    cgroup_id: int = 0


class ActingEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """What a running program did, besides starting another one."""

    namespace_pid: int = 0
    """The pid inside the process's own pid namespace."""
    actor: Executable | None = None
    """The program that acted, or None where it could not be learned."""
    ancestors: tuple[Process, ...] = ()
    """As in `ProcessEvent`."""
    ancestors_truncated: bool = False
    uid: int = 0
    gid: int = 0
    tty: str = ""
    cgroup_id: int = 0
    namespaces: Namespaces = Namespaces()
    result: int = 0
    """What the kernel answered: 0 or more where it was done, a negative errno where it was not."""


Access = Literal[
    "read",
    "write",
    "create",
    "unlink",
    "rename",
    "rmdir",
    "mkdir",
    "chmod",
    "chown",
    "link",
    "symlink",
    "truncate",
    "mount",
]
"""What was done to a file. Only `read` is reading, as far as `readOnly` goes."""


class FileEvent(ActingEvent, frozen=True, kw_only=True, omit_defaults=True, tag="file"):
    """A file was opened, or its name, mode, owner or size changed."""

    access: Access
    path: str
    """As the kernel resolved it; see `Executable.path`."""
    truncated: bool = False
    """As `Executable.truncated`."""
    escaped: bool = False
    new_path: str = ""
    """For `rename`, `link` and `symlink`: the name that came to be. Both are judged."""
    new_truncated: bool = False
    flags: int = 0
    """Of open(2), as given."""
    owner_uid: int = 0
    """uid that owns the file's inode; of a file that comes to be, who makes it."""
    mode: int = 0
    """`st_mode` of the inode."""


class NetworkEvent(ActingEvent, frozen=True, kw_only=True, omit_defaults=True, tag="network"):
    """A socket was made or used. Numbers are Linux's own (socket(2), `linux/in.h`)."""

    operation: Literal["socket", "connect", "bind", "listen", "accept", "send"] = "socket"
    family: int
    """`AF_*`."""
    type: int
    """`SOCK_*`, without SOCK_NONBLOCK and SOCK_CLOEXEC."""
    protocol: int = 0
    """Of the family: `IPPROTO_*` where it is AF_INET or AF_INET6; 0 stands for the type's own."""
    address: str = ""
    """The other side's for `connect`, `accept` and `send`; the own for `bind`. A path for AF_UNIX."""
    port: int = 0


class DnsEvent(ActingEvent, frozen=True, kw_only=True, omit_defaults=True, tag="dns"):
    """A name was asked for: one question of a packet to port 53."""

    name: str
    """Without the dot at its end."""
    record: str = ""
    """Such as `A` or `AAAA`."""


class CapabilityEvent(ActingEvent, frozen=True, kw_only=True, omit_defaults=True, tag="capability"):
    """The kernel was asked whether a process has a capability that it needed."""

    capability: str
    """In lower case without `cap_`, such as `net_raw`: as policies write it."""


class SyscallEvent(ActingEvent, frozen=True, kw_only=True, omit_defaults=True, tag="syscall"):
    """A system call that a policy named."""

    syscall: str
    """Such as `unlink`."""
    path: str = ""
    """The file that it is about, resolved; empty where it is about none."""
    truncated: bool = False


class MemoryEvent(ActingEvent, frozen=True, kw_only=True, omit_defaults=True, tag="memory"):
    """Memory that no file backs was made executable (mmap(2), mprotect(2))."""


JudgedEvent = (
    ProcessEvent | FileEvent | NetworkEvent | DnsEvent | CapabilityEvent | SyscallEvent | MemoryEvent
)
"""Every kind of event that a policy can be about."""

AnyEvent = JudgedEvent | ExitEvent
