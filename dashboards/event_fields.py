"""The shape of a document of the events data stream: ECS's field sets, and this project's own."""

from typing import Literal

from dashboards import own_fields
from dashboards.ecs import (
    Container,
    DataStream,
    Dns,
    Ecs,
    Endpoint,
    File,
    Group,
    Host,
    Network,
    Observer,
    Orchestrator,
    Process,
    User,
)
from dashboards.field_set import Date, DateNanos, FieldSet, Text


class SeenEvent(FieldSet, frozen=True, kw_only=True):
    """What happened, in ECS's categories, before anybody judged it."""

    id: str
    kind: Literal["event"]
    category: tuple[str, ...]
    type: tuple[str, ...]
    action: str
    """As a verdict's; `exit` where a process ended."""
    outcome: Literal["success", "failure"] | None = None
    """Whether the kernel let it happen; absent where a process ended."""
    sequence: int
    """The kernel's count on one cpu."""
    module: str
    dataset: str


class SeenProcess(Process, frozen=True, kw_only=True):
    """The process that acted, or that ended."""

    end: Date | None = None
    """Here and in the next: only where it ended."""
    exit_code: int | None = None


class LictorExit(FieldSet, frozen=True, kw_only=True):
    """What ECS cannot say of a process's end."""

    signal: int
    """That ended it."""


class LictorOfEvent(FieldSet, frozen=True, kw_only=True):
    """This project's own fields; those that verdicts have too mean the same."""

    document: Literal["event"]
    kind: str
    process: own_fields.LictorProcess
    exec: own_fields.LictorExec | None = None
    file: own_fields.LictorFile | None = None
    socket: own_fields.LictorSocket | None = None
    capability: str | None = None
    syscall: str | None = None
    exit: LictorExit | None = None
    """Only where a signal ended the process."""
    result: int | None = None
    recorded: bool = False
    """Played back from a recording."""
    workload: own_fields.LictorWorkload


class EventDocument(FieldSet, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """One document of the events data stream."""

    timestamp: DateNanos
    message: Text
    labels: dict[str, str] = {}  # noqa: RUF012  # msgspec gives every document its own
    ecs: Ecs
    data_stream: DataStream
    event: SeenEvent
    process: SeenProcess
    file: File | None = None
    network: Network | None = None
    source: Endpoint | None = None
    destination: Endpoint | None = None
    dns: Dns | None = None
    user: User | None = None
    group: Group | None = None
    container: Container | None = None
    orchestrator: Orchestrator | None = None
    host: Host
    observer: Observer
    lictor: LictorOfEvent
