"""The shape of a document: Elastic Common Schema 9.4 field sets, and this project's own under `lictor`.

Field names and types are ECS's (https://www.elastic.co/docs/reference/ecs); what ECS has no name for
stands under `lictor`, which ECS never uses. `templates/verdicts.json` maps every field that stands
here and no other; tests/unit/test_dashboards_template.py holds the two together.

Dates are strings in ISO 8601, UTC, with nanoseconds. Absent values are left out, never empty.
"""

from typing import Literal

import msgspec

ECS_VERSION = "9.4.0"


class FieldSet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A group of fields. A field that is required here stands in every document that has the group."""


class DataStream(FieldSet, frozen=True, kw_only=True):
    """Where the document lives: `type-dataset-namespace`."""

    type: str
    dataset: str
    namespace: str


class Ecs(FieldSet, frozen=True, kw_only=True):
    """The version of ECS that names follow."""

    version: str


class Event(FieldSet, frozen=True, kw_only=True):
    """What happened, in ECS's categories. `id` is the kernel event's, shared by all that came of it."""

    id: str
    kind: Literal["alert", "event"]
    category: tuple[str, ...]
    type: tuple[str, ...]
    action: Literal["exec", "terminate"]
    outcome: Literal["success", "failure", "unknown"]
    reason: str
    severity: int | None = None
    created: str
    """When it was judged, or an order carried out."""
    sequence: int
    """The kernel's count on one cpu."""
    start: str | None = None
    """An outcome's: when the program was executed."""
    end: str | None = None
    duration: int | None = None
    """Nanoseconds from exec to kill."""
    module: str
    dataset: str


class Rule(FieldSet, frozen=True, kw_only=True):
    """What decided: a policy's rule, or the default posture under KubeArmor's name for it."""

    id: str
    name: str
    ruleset: str
    category: str
    version: str | None = None
    """SHA-256 of the policy document, first 16 hex digits."""
    description: str | None = None
    """The policy's message."""


class User(FieldSet, frozen=True, kw_only=True):
    """The acting user, by number."""

    id: str


class Group(FieldSet, frozen=True, kw_only=True):
    """The acting group, by number."""

    id: str


class ParentProcess(FieldSet, frozen=True, kw_only=True):
    """The process's parent when it was executed."""

    entity_id: str
    pid: int
    start: str
    executable: str | None = None
    name: str | None = None


class Process(FieldSet, frozen=True, kw_only=True):
    """The program that was executed. For a script this is its interpreter (`lictor.exec.script`)."""

    entity_id: str
    pid: int
    start: str
    executable: str
    name: str
    args: tuple[str, ...] = ()
    args_count: int
    command_line: str | None = None
    working_directory: str | None = None
    user: User
    group: Group
    parent: ParentProcess | None = None


class Image(FieldSet, frozen=True, kw_only=True):
    """A container's image."""

    name: str


class Container(FieldSet, frozen=True, kw_only=True):
    """The container that the process ran in."""

    id: str
    name: str | None = None
    image: Image | None = None


class Resource(FieldSet, frozen=True, kw_only=True):
    """The pod."""

    type: str
    name: str


class Orchestrator(FieldSet, frozen=True, kw_only=True):
    """Where in Kubernetes the process ran."""

    type: str
    namespace: str
    resource: Resource | None = None


class Boot(FieldSet, frozen=True, kw_only=True):
    """One boot of a node."""

    id: str


class OperatingSystem(FieldSet, frozen=True, kw_only=True):
    """The node's operating system."""

    type: str


class Host(FieldSet, frozen=True, kw_only=True):
    """The node."""

    name: str
    hostname: str
    boot: Boot
    os: OperatingSystem


class Observer(FieldSet, frozen=True, kw_only=True):
    """Who saw it."""

    vendor: str
    product: str
    type: str
    name: str


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
    """A program that led to the exec."""

    executable: str
    name: str


class LictorAncestor(FieldSet, frozen=True, kw_only=True):
    """A process above the executed one."""

    entity_id: str
    pid: int
    executable: str | None = None


class LictorExec(FieldSet, frozen=True, kw_only=True):
    """What ECS cannot say of an exec. A flag stands only where it is true."""

    id: str
    script: str | None = None
    source: LictorProgram | None = None
    """Who executed it."""
    ancestors: tuple[LictorAncestor, ...] = ()
    """The parent first."""
    ancestors_truncated: bool = False
    args_truncated: bool = False
    args_redacted: bool = False
    path_truncated: bool = False
    path_escaped: bool = False
    unlinked: bool = False
    device: str
    inode: str
    """Unsigned 64 bits, which Elasticsearch's `long` cannot hold; likewise `cgroup_id`."""
    owner_uid: str
    namespace_pid: int
    tty: str | None = None
    cgroup_id: str


class LictorWorkload(FieldSet, frozen=True, kw_only=True):
    """Whose process it was."""

    id: str
    kind: str
    complete: bool
    cgroup: str | None = None


class LictorOutcome(FieldSet, frozen=True, kw_only=True):
    """What became of the order that a denial led to."""

    result: str
    node: str
    exec_to_kill_ns: int | None = None
    exec_to_kill_ms: float | None = None


class Lictor(FieldSet, frozen=True, kw_only=True):
    """This project's own fields."""

    document: Literal["verdict", "outcome"]
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
    exec: LictorExec
    workload: LictorWorkload
    outcome: LictorOutcome | None = None


class Document(FieldSet, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """One document of the verdicts data stream."""

    timestamp: str
    message: str
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    """The workload's labels, names and values bounded."""
    ecs: Ecs
    data_stream: DataStream
    event: Event
    rule: Rule | None = None
    process: Process
    user: User
    group: Group
    container: Container | None = None
    orchestrator: Orchestrator | None = None
    host: Host
    observer: Observer
    lictor: Lictor
