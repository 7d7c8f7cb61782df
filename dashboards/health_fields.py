"""The shape of a document of the health data stream, in ECS's names and this project's own.

One says what a service did in an interval and what it lost, or how a namespace stood at its end.
"""

from typing import Literal

from dashboards.ecs import DataStream, Ecs, Orchestrator
from dashboards.field_set import Date, DateNanos, FieldSet
from dashboards.own_fields import LictorPolicies

HEALTH_STREAM = "logs-lictor.health-default"
"""The data stream of health and standing."""


class HealthEvent(FieldSet, frozen=True, kw_only=True):
    """A measurement of an interval."""

    kind: Literal["metric"]
    module: str
    dataset: str
    start: Date
    end: Date
    duration: int
    """Nanoseconds."""


class HealthHost(FieldSet, frozen=True, kw_only=True):
    """The node."""

    name: str


class ServiceNode(FieldSet, frozen=True, kw_only=True):
    """One of several instances of a service on a node."""

    name: str


class Service(FieldSet, frozen=True, kw_only=True):
    """Which service it was: `lictor-sensor`, `lictor-streams`, `lictor-enforcer` or `lictor-sink`."""

    name: str
    node: ServiceNode
    ephemeral_id: str
    """Drawn at every start."""


class LictorHealth(FieldSet, frozen=True, kw_only=True):
    """Counts of the interval, those that the service has."""

    complete: bool | None = None
    """No event was lost or left unpublished, and no record put aside (`wire.health.is_complete`)."""
    coverage: tuple[str, ...] = ()
    """What was collected, such as `process.exec`."""
    seen: int | None = None
    """Here and in the next five: a sensor's, summed over its rings (`wire.records.RingBalance`)."""
    filtered: int | None = None
    coalesced: int | None = None
    lost: int | None = None
    received: int | None = None
    published: int | None = None
    unpublished: int | None = None
    judged: int | None = None
    denied: int | None = None
    alerted: int | None = None
    terminated: int | None = None
    stored: int | None = None
    rejected: int | None = None
    dead_letters: int | None = None
    lag: int | None = None
    """Records that waited at the end of the interval, of all topics."""
    lags: dict[str, int] = {}  # noqa: RUF012  # msgspec gives every document its own
    """The same by topic."""


class LictorStanding(FieldSet, frozen=True, kw_only=True):
    """How a namespace stood, for those of its workloads that did something in the interval."""

    file: str
    """Default posture: `allow`, `audit` or `block`; likewise the next two."""
    network: str
    capabilities: str
    enforcement: str
    workloads: int
    allow_listed: int
    judged: int
    denied: int
    alerted: int


class LictorOfHealth(FieldSet, frozen=True, kw_only=True):
    """This project's own fields."""

    document: Literal["health", "standing"]
    health: LictorHealth | None = None
    standing: LictorStanding | None = None
    policies: LictorPolicies | None = None
    """The policy set that the service had at the end of the interval."""


class HealthDocument(FieldSet, frozen=True, kw_only=True, rename={"timestamp": "@timestamp"}):
    """One document of the health data stream."""

    timestamp: DateNanos
    """The end of the interval."""
    ecs: Ecs
    data_stream: DataStream
    event: HealthEvent
    service: Service
    host: HealthHost
    orchestrator: Orchestrator | None = None
    """A standing's namespace; absent for hosts."""
    lictor: LictorOfHealth
