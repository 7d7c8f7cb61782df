"""The shape of what a document says under `lictor`: what ECS has no names for."""

from typing import Literal

from dashboards.field_set import FieldSet, LongKeyword


class LictorVerdict(FieldSet, frozen=True, kw_only=True):
    """Names the verdict; its outcome carries the same."""

    id: str


class LictorRule(FieldSet, frozen=True, kw_only=True):
    """Where the rule that decided stands."""

    kind: str
    namespace: str | None = None
    place: str
    action: str


class LictorPosture(FieldSet, frozen=True, kw_only=True):
    """The default posture that decided, and where it was set."""

    section: str
    mode: str
    origin: str


class LictorPolicies(FieldSet, frozen=True, kw_only=True):
    """The policy set that was used."""

    offset: int
    hash: str


class LictorProgram(FieldSet, frozen=True, kw_only=True):
    """A program that led to the event."""

    executable: LongKeyword
    name: LongKeyword


class LictorAncestor(FieldSet, frozen=True, kw_only=True):
    """A process above the one that acted."""

    entity_id: str
    pid: int
    executable: LongKeyword | None = None


class LictorProcess(FieldSet, frozen=True, kw_only=True):
    """What ECS cannot say of the process and its program. A flag stands only where it is true."""

    ancestors: tuple[LictorAncestor, ...] = ()
    """The parent first."""
    ancestors_truncated: bool = False
    path_truncated: bool = False
    path_escaped: bool = False
    unlinked: bool = False
    device: str | None = None
    inode: str | None = None
    """Unsigned 64 bits, which Elasticsearch's `long` cannot hold; likewise `cgroup_id`."""
    namespace_pid: int | None = None
    """Absent only of a process that ended."""
    tty: str | None = None
    cgroup_id: str


class LictorExec(FieldSet, frozen=True, kw_only=True):
    """What ECS cannot say of an exec."""

    id: str
    script: LongKeyword | None = None
    source: LictorProgram | None = None
    """Who executed it."""
    args_truncated: bool = False
    args_redacted: bool = False
    owner_uid: str
    entered: bool = False
    """It came into a running container from outside."""


class LictorFile(FieldSet, frozen=True, kw_only=True):
    """What ECS cannot say of a file access."""

    new_path: LongKeyword | None = None
    """The name that came to be, of a rename or a link."""
    path_truncated: bool = False
    path_escaped: bool = False
    new_path_truncated: bool = False
    flags: int | None = None
    """Of open(2), as given."""


class LictorSocket(FieldSet, frozen=True, kw_only=True):
    """What ECS cannot say of a socket."""

    family: str
    """Such as `AF_INET`."""
    type: str
    """Such as `SOCK_STREAM`."""


class LictorWorkload(FieldSet, frozen=True, kw_only=True):
    """Whose process it was."""

    id: str
    kind: str
    complete: bool
    cgroup: LongKeyword | None = None


class LictorOutcome(FieldSet, frozen=True, kw_only=True):
    """What became of the order that a denial led to."""

    result: str
    node: str
    exec_to_kill_ns: int | None = None
    exec_to_kill_ms: float | None = None


class Lictor(FieldSet, frozen=True, kw_only=True):
    """This project's own fields."""

    document: Literal["verdict", "outcome"]
    kind: str
    """Of the event: `process`, `file`, `network`, `dns`, `capability`, `syscall`, `memory`."""
    verdict: LictorVerdict
    decision: str
    reason: str
    """A stable code; docs/semantics.md lists them all."""
    action: str | None = None
    """In KubeArmor's words: `Audit`, `Block`, `Audit (Block)`."""
    alert: bool
    candidate: str
    enforcement: str
    rule: LictorRule | None = None
    posture: LictorPosture | None = None
    policies: LictorPolicies
    process: LictorProcess
    exec: LictorExec | None = None
    file: LictorFile | None = None
    socket: LictorSocket | None = None
    capability: str | None = None
    """That was asked for, such as `net_raw`."""
    syscall: str | None = None
    """That was called, such as `unlink`; its file stands in `file.path`."""
    result: int | None = None
    """What the kernel answered, where nobody executed a program: a negative errno where it refused."""
    workload: LictorWorkload
    outcome: LictorOutcome | None = None
