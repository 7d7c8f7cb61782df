"""What people write about an event, kind by kind, and the event that it stands for.

Each kind says what happened in one key; which keys these are is said by `policy.described.event`.
"""

from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, StrictBool, ValidationInfo
from pydantic.alias_generators import to_camel

from policy import events
from policy.described.seen import Number, PathOrEnd, ResolvedPath, SeenText, program
from policy.described.sockets import AnySocket
from policy.documents.fields import Capabilities, Domain, SyscallName, Text, comma_list, refusal
from policy.documents.problems import ProblemCode
from policy.documents.sections import Written
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)

_NOWHEN: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 0, "start_ns": 0}
"""What names an event and its process, which no verdict depends on."""
_TWO_NAMES = ("rename", "link", "symlink")
_COMING_TO_BE = ("create", "mkdir", "symlink")


class Happening(Written, ABC):
    """Anything that happens."""

    uid: Number = 0
    tty: Text = ""
    """A terminal's name, such as `pts0`; empty where none is attached."""

    @abstractmethod
    def event(self, verb: str) -> JudgedEvent:
        """The event. `verb` is the key that says what happened."""


def _whole_unless_truncated(path: str | None, info: ValidationInfo) -> str | None:
    flag = "new_truncated" if info.field_name == "new" else "truncated"
    if path is not None and not path.startswith("/") and not info.data.get(flag, False):
        sentence = f"a path begins with /; {to_camel(flag)}: true says that its front is missing"
        raise refusal(ProblemCode.BAD_PATH, sentence)
    return path


SeenPath = Annotated[PathOrEnd | None, AfterValidator(_whole_unless_truncated)]


class Execution(Happening):
    """A program was executed."""

    truncated: StrictBool = False
    exec: SeenPath
    source: ResolvedPath | None = Field(default=None, alias="from")
    """Who executed it: the parent's program."""
    script: SeenText = ""
    """The script that was executed; `exec` is then its interpreter."""
    args: tuple[SeenText, ...] = ()
    """Those after argv[0]: what `allowedArgs` is about."""
    args_truncated: StrictBool = False
    args_redacted: StrictBool = False
    cwd: SeenText = ""
    owner: Number = 0
    """uid that owns the program's file."""
    entered: StrictBool = False
    """It came from outside into a running container, as `kubectl exec` does."""

    def event(self, verb: str) -> ProcessEvent:  # noqa: ARG002
        """The event."""
        path = self.exec or ""
        return ProcessEvent(
            **_NOWHEN,
            executable=Executable(path=path, truncated=self.truncated),
            script=self.script,
            source=program(self.source),
            # The kernel puts the script before its arguments (execve(2), "Interpreter scripts").
            args=(path, *([self.script] if self.script else []), *self.args),
            args_truncated=self.args_truncated,
            args_redacted=self.args_redacted,
            cwd=self.cwd,
            uid=self.uid,
            owner_uid=self.owner,
            tty=self.tty,
            entered=self.entered,
        )


class Acting(Happening):
    """What a running program does."""

    by: ResolvedPath | None = None
    """The program that acts."""
    pid: Number = 0
    """Its pid as its own container counts."""

    def acting(self) -> dict[str, Any]:
        """What all such events have."""
        return _NOWHEN | {
            "actor": program(self.by),
            "namespace_pid": self.pid,
            "uid": self.uid,
            "tty": self.tty,
        }


def _second_name(new: str | None, info: ValidationInfo) -> str | None:
    verb = next((verb for verb in _TWO_NAMES if info.data.get(verb) is not None), None)
    if verb is not None and new is None:
        raise refusal(ProblemCode.MISSING_FIELD, f"{verb} gives a file another name: say which with new")
    if verb is None and new is not None:
        raise refusal(ProblemCode.UNKNOWN_FIELD, f"new goes with {', '.join(_TWO_NAMES)} only")
    return new


class Access(Acting):
    """A file was accessed; the field that is given says how."""

    truncated: StrictBool = False
    new_truncated: StrictBool = False
    read: SeenPath = None
    write: SeenPath = None
    create: SeenPath = None
    unlink: SeenPath = None
    rename: SeenPath = None
    rmdir: SeenPath = None
    mkdir: SeenPath = None
    chmod: SeenPath = None
    chown: SeenPath = None
    link: SeenPath = None
    symlink: SeenPath = None
    truncate: SeenPath = None
    mount: SeenPath = None
    new: Annotated[SeenPath, AfterValidator(_second_name)] = Field(default=None, validate_default=True)
    """The name that comes to be by rename, link and symlink."""
    owner: Number | None = None
    """uid that owns the file: root, or of a file that comes to be whoever makes it."""

    def event(self, verb: str) -> FileEvent:
        """The event."""
        owner = self.uid if verb in _COMING_TO_BE else 0
        return FileEvent(
            **self.acting(),
            access=cast("events.Access", verb),
            path=getattr(self, verb),
            truncated=self.truncated,
            new_path=self.new or "",
            new_truncated=self.new_truncated,
            owner_uid=owner if self.owner is None else self.owner,
        )


class SocketUse(Acting):
    """A socket was made or used; the field that is given says how."""

    socket: AnySocket | None = None
    connect: AnySocket | None = None
    bind: AnySocket | None = None
    listen: AnySocket | None = None
    accept: AnySocket | None = None
    send: AnySocket | None = None
    address: Text = ""
    port: Annotated[Number, Field(le=65535)] = 0

    def event(self, verb: str) -> NetworkEvent:
        """The event."""
        used = getattr(self, verb)
        return NetworkEvent(
            **self.acting(),
            operation=cast("Any", verb),
            family=used.family,
            type=used.type,
            protocol=used.protocol,
            address=self.address,
            port=self.port,
        )


class Lookup(Acting):
    """A name was asked for."""

    dns: Domain
    record: Text = ""
    """Such as `AAAA`."""

    def event(self, verb: str) -> DnsEvent:  # noqa: ARG002
        """The event."""
        return DnsEvent(**self.acting(), name=self.dns.removesuffix("."), record=self.record)


def _one_capability(value: str) -> str:
    names = comma_list(value)
    if len(names) != 1:
        raise refusal(ProblemCode.BAD_CAPABILITY, "an event is about one capability: write a case for each")
    return names[0]


class CapabilityUse(Acting):
    """A capability was used."""

    capability: Annotated[Capabilities, AfterValidator(_one_capability)]

    def event(self, verb: str) -> CapabilityEvent:  # noqa: ARG002
        """The event."""
        return CapabilityEvent(**self.acting(), capability=self.capability)


class SystemCall(Acting):
    """A system call was made."""

    truncated: StrictBool = False
    syscall: SyscallName
    path: SeenPath = None
    """The file that it is about."""

    def event(self, verb: str) -> SyscallEvent:  # noqa: ARG002
        """The event."""
        return SyscallEvent(
            **self.acting(), syscall=self.syscall, path=self.path or "", truncated=self.truncated
        )


class MemoryUse(Acting):
    """Memory that no file backs was made executable."""

    memory: Literal["executable"]

    def event(self, verb: str) -> MemoryEvent:  # noqa: ARG002
        """The event."""
        return MemoryEvent(**self.acting())
