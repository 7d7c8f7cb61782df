"""Every record that travels: what it means, what names it, and its schema version.

All are JSON. A reader that meets a `schema` it does not know refuses the record by name; the golden
files in tests/golden hold one of every version.
"""

import errno
from typing import Literal

import msgspec

from policy.changes import Enforcement
from policy.events import AnyEvent, Executable, JudgedEvent, ProcessEvent
from policy.verdict import Verdict
from policy.workload import Workload

LIVE = "live"
"""The candidate name of verdicts under the policies in force."""

_MAX_ERRNO = 4095
"""Of `linux/err.h`: no error is greater."""

Result = Literal[
    "terminated",
    "already-gone",
    "stale-identity",
    "no-longer-denied",
    "unverified",
    "unsupported",
    "expired",
    "protected",
    "capped",
    "failed",
]


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The sensor that saw an event: node, the node's boot, and this start of the sensor."""

    node: str
    boot_id: str
    incarnation: str
    """16 hex digits drawn at every start, so that a restarted sensor never repeats an event id."""
    recorded: bool = False
    """The events are played back from a recording: they are judged and never make orders."""


class EventBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Events of one workload in the order of the kernel's sequence per cpu; key: the workload's id."""

    schema: int = 1
    source: Source
    workload: Workload
    events: tuple[AnyEvent, ...]


def event_id(source: Source, event: AnyEvent) -> str:
    """`node/boot/incarnation/ring/cpu/sequence`: no two events share it."""
    return f"{source.node}/{source.boot_id}/{source.incarnation}/{event.ring}/{event.cpu}/{event.sequence}"


def process_id(source: Source, pid: int, start_ns: int) -> str:
    """`node/boot/start/pid`: one process, whatever program it runs."""
    return f"{source.node}/{source.boot_id}/{start_ns}/{pid}"


def exec_id(source: Source, event: ProcessEvent) -> str:
    """The process id and the time of the exec: one program in one process."""
    return f"{process_id(source, event.pid, event.start_ns)}/{event.boot_ns}"


def program_of(event: JudgedEvent) -> Executable | None:
    """The program that did it: the one that was executed, or that acted; None where it is not known."""
    return event.executable if isinstance(event, ProcessEvent) else event.actor


def kind_of(event: AnyEvent) -> str:
    """The event's `kind`, as it travels."""
    return str(type(event).__struct_config__.tag)


def refusal_of(event: JudgedEvent) -> int:
    """The errno with which the kernel itself refused the act; 0 where it was done, or is under way."""
    if isinstance(event, ProcessEvent) or event.result == -errno.EINPROGRESS:
        return 0
    return -event.result if -_MAX_ERRNO <= event.result < 0 else 0


def verdict_id(event: str, candidate: str = LIVE) -> str:
    """The event's id and who judged: delivered twice, counted once."""
    return f"{event}/{candidate}"


class PolicyPosition(msgspec.Struct, frozen=True, kw_only=True):
    """The policy set that was used: the offset of the last change in it, and its content's hash."""

    offset: int
    """-1 before the first change."""
    hash: str


class VerdictRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One denial or alert, whole: it explains itself without any other record."""

    schema: int = 1
    id: str
    candidate: str = LIVE
    event_id: str
    source: Source
    workload: Workload
    event: JudgedEvent
    verdict: Verdict
    enforcement: Enforcement
    """What the namespace asked for. What became of it is the outcome's to say."""
    policies: PolicyPosition
    judged_ns: int
    """Wall clock."""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A hint to a node's enforcer that a process is denied; key: the node. `id` is the verdict's."""

    schema: int = 1
    id: str
    node: str
    issued_ns: int
    expires_ns: int
    """Wall clock. The enforcer trusts the boot clock of the sealed event before this."""
    record: VerdictRecord


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order; key: the verdict's id. `id` is the verdict's id and `/outcome`."""

    schema: int = 1
    id: str
    node: str
    result: Result
    sentence: str
    """One sentence for people."""
    exec_to_kill_ns: int | None = None
    """From the exec to the moment the signal was sent, on the node's boot clock."""
    carried_out_ns: int
    """Wall clock."""
    record: VerdictRecord


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """From `events_offset` of an events partition on, the live judge used this policy set."""

    schema: int = 1
    partition: int
    events_offset: int
    policies: PolicyPosition
    worker: str
    since_ns: int


class RingBalance(msgspec.Struct, frozen=True, kw_only=True):
    """Counts since the sensor started. Once quiet: seen = filtered + coalesced + lost + received."""

    seen: int
    filtered: int
    coalesced: int
    lost: int
    received: int
    unpublished: int = 0
    """Received, and then lost because the broker did not take it in time."""
    published: int = 0


class SensorHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a sensor observed and what it lost; key: the node."""

    schema: int = 1
    source: Source
    from_ns: int
    until_ns: int
    coverage: tuple[str, ...]
    """What was collected in the interval, such as `process.exec`."""
    rings: dict[str, RingBalance]
    interval: dict[str, RingBalance] = {}
    """The same counts for this interval alone; empty from a sensor that does not tell."""


class NamespaceStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a namespace stood at the end of an interval, for those of its workloads that did something."""

    namespace: str
    """Empty for hosts."""
    file: str
    """Default posture of process and file rules: `allow`, `audit` or `block`; likewise the other two."""
    network: str
    capabilities: str
    enforcement: Enforcement
    workloads: int
    """How many did something in the interval."""
    allow_listed: int
    """How many of them an Allow rule selects, so that in some section what no rule is about is a miss."""
    judged: int
    denied: int
    alerted: int
    """Verdicts of the interval that are no denials."""


class ServiceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a service did in an interval; key: the node. In the topic of `SensorHealth`."""

    schema: int = 1
    service: Literal["streams", "enforcer", "sink"]
    node: str
    instance: str
    """Its static name within the node, such as `judge-0`."""
    incarnation: str
    """16 hex digits drawn at every start."""
    from_ns: int
    until_ns: int
    counts: dict[str, int]
    """Of this interval, by names that docs/consumers.md lists for each service."""
    lag: dict[str, int]
    """Records that were waiting at its end, by topic name."""
    policies: PolicyPosition | None = None
    namespaces: tuple[NamespaceStanding, ...] = ()
    """Of a stream worker."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be used, with the reason; key: the original's."""

    schema: int = 1
    topic: str
    partition: int
    offset: int
    reason: str
    """A stable code: see `wire.codec`."""
    sentence: str
    value: bytes
    """The original's value (base64 in JSON)."""
    at_ns: int
