"""The shape of a document: Elastic Common Schema 9.4 field sets, and this project's own under `lictor`.

Field names and types are ECS's (https://www.elastic.co/docs/reference/ecs); what ECS has no name for
stands under `lictor` (`dashboards.own_fields`), which ECS never uses. The index templates are made from
the types that stand there and here (`dashboards.template`).

Dates are strings in ISO 8601, UTC, with nanoseconds. Absent values are left out, never empty.
"""

from typing import Literal

from dashboards.field_set import Date, DateNanos, FieldSet, Ip, LongKeyword, Searchable, Text
from dashboards.own_fields import Lictor

ECS_VERSION = "9.4.0"


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
    action: str
    """Of a verdict, what the process did: `exec`, or what `dashboards.deeds` calls it. Of an outcome:
    `terminate`."""
    outcome: Literal["success", "failure", "unknown"]
    reason: LongKeyword
    severity: int | None = None
    created: Date
    """When it was judged, or an order carried out."""
    sequence: int
    """The kernel's count on one cpu."""
    start: Date | None = None
    """An outcome's: when the event happened."""
    end: Date | None = None
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
    description: LongKeyword | None = None
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
    start: Date
    executable: LongKeyword | None = None
    name: LongKeyword | None = None


class Process(FieldSet, frozen=True, kw_only=True):
    """The program that was executed, or that acted. For a script this is its interpreter."""

    entity_id: str
    pid: int
    start: Date
    executable: LongKeyword | None = None
    name: LongKeyword | None = None
    args: tuple[LongKeyword, ...] = ()
    """Here and in the next three: only where a program was executed."""
    args_count: int | None = None
    command_line: Searchable | None = None
    working_directory: LongKeyword | None = None
    user: User | None = None
    """Here and in the next: absent only of a process that ended."""
    group: Group | None = None
    parent: ParentProcess | None = None


class File(FieldSet, frozen=True, kw_only=True):
    """The file that something was done to."""

    path: LongKeyword
    name: LongKeyword
    type: Literal["file", "dir", "symlink"] | None = None
    uid: str | None = None
    """Who owns it, by number."""
    mode: str | None = None
    """Permissions in octal, such as `0644`."""


class Network(FieldSet, frozen=True, kw_only=True):
    """The socket, as far as it speaks IP."""

    type: Literal["ipv4", "ipv6"] | None = None
    transport: str | None = None
    iana_number: str | None = None
    """The IP protocol's."""
    protocol: str | None = None
    """Above the transport: `dns`."""
    direction: Literal["egress", "ingress"] | None = None


class Endpoint(FieldSet, frozen=True, kw_only=True):
    """One side of a connection."""

    address: str
    """As the kernel has it: an IP address, or a path of AF_UNIX."""
    ip: Ip | None = None
    """The same, where it is an IP address."""
    port: int | None = None


class DnsQuestion(FieldSet, frozen=True, kw_only=True):
    """What was asked."""

    name: str
    type: str | None = None


class Dns(FieldSet, frozen=True, kw_only=True):
    """A name that was asked for."""

    type: Literal["query"]
    question: DnsQuestion


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


class Document(FieldSet, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """One document of the verdicts data stream."""

    timestamp: DateNanos
    message: Text
    tags: tuple[str, ...] = ()
    labels: dict[str, str] = {}  # noqa: RUF012  # msgspec gives every document its own
    """The workload's labels, names and values bounded."""
    ecs: Ecs
    data_stream: DataStream
    event: Event
    rule: Rule | None = None
    process: Process
    file: File | None = None
    network: Network | None = None
    source: Endpoint | None = None
    destination: Endpoint | None = None
    dns: Dns | None = None
    user: User
    group: Group
    container: Container | None = None
    orchestrator: Orchestrator | None = None
    host: Host
    observer: Observer
    lictor: Lictor
