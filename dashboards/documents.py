"""Verdicts and outcomes as ECS documents, and what names them in Elasticsearch. Pure.

What all documents about an event have in common is made here as well; `dashboards.event_documents` uses it.

A denied exec is, in ECS 9.4's words, an alert of category process and intrusion_detection and of
type start and denied; `dashboards.deeds` says what the other kinds of events are. Verdicts of a candidate
policy set describe what would have happened: they are events, never alerts, so that no alert rule fires
on them.
"""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec

from dashboards import ecs, own_fields
from dashboards.deeds import Deed, base_name, deed_of
from dashboards.own_part import lictor_part, program_path
from policy.events import ActingEvent, Event, JudgedEvent, ProcessEvent
from policy.events import Process as SeenProcess
from policy.verdict import Decision, PostureReference, RuleReference
from policy.workload import Workload
from wire.records import LIVE, Outcome, Result, Source, VerdictRecord, process_id, program_of, refusal_of

P = TypeVar("P", bound=ecs.Process)

VERDICTS_STREAM = "logs-lictor.verdicts-default"
"""The data stream of verdicts and outcomes."""

ID_LIMIT_BYTES = 512
"""Elasticsearch refuses a longer `_id` (org.elasticsearch.action.index.IndexRequest)."""

LABEL_NAME_LIMIT = 512
"""Characters of a label's name that are kept. Kubernetes allows 317, other runtimes more; a flattened
field refuses a document with a key beyond Lucene's 32,766 bytes, or with a NUL in it."""

DEFAULT_POSTURE = "DefaultPosture"
"""KubeArmor's name for what decides when no rule does."""

_LAST_NS = 2**63 - 1
_NS = 1_000_000_000

_DATA_STREAM = ecs.DataStream(type="logs", dataset="lictor.verdicts", namespace="default")
ECS = ecs.Ecs(version=ecs.ECS_VERSION)
_OS = ecs.OperatingSystem(type="linux")

_Success = Literal["success", "failure", "unknown"]

_DECIDED: dict[Decision, str] = {
    "block": "denied",
    "audit": "allowed",
    "allow": "allowed",
    "unknown": "info",
}
"""The type that a decision adds to those of what was done."""

_SUCCESS: dict[Result, _Success] = {"terminated": "success", "no-longer-denied": "unknown"}
"""Of a termination; every other result is a failure: what was denied was not stopped."""

encode = msgspec.json.Encoder().encode
"""A document to JSON bytes, without a line break in it."""


class DocumentError(Exception):
    """A record that no document can say, such as a time before 1970."""


def verdict_document_id(record: VerdictRecord) -> str:
    """`_id` of a verdict: its id, or the id's SHA-256 where Elasticsearch would refuse the length."""
    return bounded_id(record.id)


def outcome_document_id(outcome: Outcome) -> str:
    """`_id` of an outcome: its id, bounded likewise.

    Never made from the verdict's id: the outcome of a forged order names the verdict that it pretends to
    come from, has an id of its own, and must not take the place of the true outcome.
    """
    return bounded_id(outcome.id)


def verdict_document(record: VerdictRecord) -> ecs.Document:
    """What people read of a denial or alert.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    deed = deed_of(record.event)
    event = _event(
        record,
        deed,
        kind="alert" if record.candidate == LIVE else "event",
        type_=tuple(dict.fromkeys((*deed.types, _DECIDED[record.verdict.decision]))),
        outcome=_went(record),
        created=timestamp(record.judged_ns),
        action=deed.action,
    )
    return _document(
        record,
        deed,
        "verdict",
        at=timestamp(record.event.time_ns),
        message=record.verdict.sentence,
        event=event,
    )


def _went(record: VerdictRecord) -> _Success:
    """How what was done went, as far as the verdict's time can tell."""
    event = record.event
    if isinstance(event, ActingEvent):
        return "failure" if refusal_of(event) else "success"
    # Whether a denied program was stopped is its outcome's to say; without enforcement it ran.
    denied = record.verdict.decision == "block" and record.enforcement != "off"
    return "unknown" if denied else "success"


def outcome_document(outcome: Outcome) -> ecs.Document:
    """What people read of what became of an order, with its verdict's fields.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    record = outcome.record
    deed = deed_of(record.event)
    carried_out = timestamp(outcome.carried_out_ns)
    killed_after = outcome.exec_to_kill_ns
    event = _event(
        record,
        deed,
        kind="event",
        type_=("end", "denied") if outcome.result == "terminated" else ("info",),
        outcome=_SUCCESS.get(outcome.result, "failure"),
        created=carried_out,
        action="terminate",
        start=timestamp(record.event.time_ns),
        end=carried_out,
        duration=killed_after,
    )
    became = own_fields.LictorOutcome(
        result=outcome.result,
        node=outcome.node,
        exec_to_kill_ns=killed_after,
        exec_to_kill_ms=None if killed_after is None else killed_after / 1_000_000,
    )
    return _document(
        record, deed, "outcome", at=carried_out, message=outcome.sentence, event=event, outcome=became
    )


def timestamp(time_ns: int) -> str:
    """Nanoseconds since the epoch as ISO 8601 in UTC, nine digits of fraction.

    Raises:
        DocumentError: before 1970 or after 2262, which `date_nanos` cannot hold.
    """
    if not 0 <= time_ns <= _LAST_NS:
        raise DocumentError(f"{time_ns} ns is no time between 1970 and 2262")
    seconds, nanoseconds = divmod(time_ns, _NS)
    return f"{_second(seconds)}.{nanoseconds:09d}Z"


@lru_cache(maxsize=4096)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def bounded_id(identifier: str) -> str:
    """The id itself, or its SHA-256 where Elasticsearch would refuse the length."""
    raw = identifier.encode()
    return identifier if len(raw) <= ID_LIMIT_BYTES else f"sha256/{hashlib.sha256(raw).hexdigest()}"


def _document(
    record: VerdictRecord,
    deed: Deed,
    document: Literal["verdict", "outcome"],
    *,
    at: str,
    message: str,
    event: ecs.Event,
    outcome: own_fields.LictorOutcome | None = None,
) -> ecs.Document:
    seen, source, workload = record.event, record.source, record.workload
    user, group = ecs.User(id=str(seen.uid)), ecs.Group(id=str(seen.gid))
    return ecs.Document(
        timestamp=at,
        message=message,
        tags=record.verdict.tags,
        labels=bounded_labels(workload.labels),
        ecs=ECS,
        data_stream=_DATA_STREAM,
        event=event,
        rule=_rule(record),
        process=process_of(ecs.Process, source, seen, user, group),
        file=deed.file,
        network=deed.network,
        source=deed.source,
        destination=deed.destination,
        dns=deed.dns,
        user=user,
        group=group,
        container=container_of(workload),
        orchestrator=orchestrator_of(workload),
        host=host_of(source),
        observer=observer_of(source),
        lictor=lictor_part(record, deed, document, outcome),
    )


def _event(
    record: VerdictRecord,
    deed: Deed,
    *,
    kind: Literal["alert", "event"],
    type_: tuple[str, ...],
    outcome: _Success,
    created: str,
    action: str,
    start: str | None = None,
    end: str | None = None,
    duration: int | None = None,
) -> ecs.Event:
    return ecs.Event(
        id=record.event_id,
        kind=kind,
        category=(deed.category, "intrusion_detection"),
        type=type_,
        action=action,
        outcome=outcome,
        reason=record.verdict.sentence,
        severity=record.verdict.severity,
        created=created,
        sequence=record.event.sequence,
        start=start,
        end=end,
        duration=duration,
        module="lictor",
        dataset="lictor.verdicts",
    )


def _rule(record: VerdictRecord) -> ecs.Rule | None:
    decided_by = record.verdict.decided_by
    if isinstance(decided_by, RuleReference):
        policy = f"{decided_by.namespace}/{decided_by.policy}" if decided_by.namespace else decided_by.policy
        return ecs.Rule(
            id=f"{decided_by.kind}/{policy}/{decided_by.place}",
            name=decided_by.policy,
            ruleset=policy,
            category=decided_by.kind,
            version=decided_by.hash,
            description=record.verdict.message or None,
        )
    if isinstance(decided_by, PostureReference):
        return ecs.Rule(
            id=f"{DEFAULT_POSTURE}/{decided_by.posture}",
            name=DEFAULT_POSTURE,
            ruleset=DEFAULT_POSTURE,
            category=DEFAULT_POSTURE,
        )
    return None


def process_of(kind: type[P], source: Source, seen: JudgedEvent, user: ecs.User, group: ecs.Group) -> P:
    """The process that acted, and its parent."""
    path = program_path(program_of(seen))
    executed = seen if isinstance(seen, ProcessEvent) else None
    return kind(
        entity_id=process_id(source, seen.pid, seen.start_ns),
        pid=seen.pid,
        start=wall_start(seen, seen.start_ns),
        executable=path,
        name=None if path is None else base_name(path),
        args=executed.args if executed else (),
        args_count=len(executed.args) if executed else None,
        command_line=" ".join(executed.args) or None if executed else None,
        working_directory=executed.cwd or None if executed else None,
        user=user,
        group=group,
        parent=_parent(source, seen, seen.ancestors[0]) if seen.ancestors else None,
    )


def _parent(source: Source, seen: Event, parent: SeenProcess) -> ecs.ParentProcess:
    path = program_path(parent.executable)
    return ecs.ParentProcess(
        entity_id=process_id(source, parent.pid, parent.start_ns),
        pid=parent.pid,
        start=wall_start(seen, parent.start_ns),
        executable=path,
        name=None if path is None else base_name(path),
    )


def host_of(source: Source) -> ecs.Host:
    """The node."""
    return ecs.Host(name=source.node, hostname=source.node, boot=ecs.Boot(id=source.boot_id), os=_OS)


def observer_of(source: Source) -> ecs.Observer:
    """The sensor."""
    return ecs.Observer(vendor="Lictor", product="Lictor", type="sensor", name=source.node)


def container_of(workload: Workload) -> ecs.Container | None:
    """The container; None of a host's process."""
    if workload.kind != "container":
        return None
    return ecs.Container(
        id=workload.container_id or workload.id.rpartition("/")[2],
        name=workload.container or None,
        image=ecs.Image(name=workload.image) if workload.image else None,
    )


def orchestrator_of(workload: Workload) -> ecs.Orchestrator | None:
    """Namespace and pod; None without a namespace."""
    if not workload.namespace:
        return None
    pod = ecs.Resource(type="pod", name=workload.pod) if workload.pod else None
    return ecs.Orchestrator(type="kubernetes", namespace=workload.namespace, resource=pod)


def bounded_labels(labels: dict[str, str]) -> dict[str, str]:
    """Labels under names that a flattened field takes."""
    if all(len(name) <= LABEL_NAME_LIMIT and "\0" not in name for name in labels):
        return labels
    return {name[:LABEL_NAME_LIMIT].replace("\0", "\\x00"): value for name, value in labels.items()}


def wall_start(seen: Event, start_ns: int) -> str:
    """A start on the boot clock as wall clock, by the event's own pair of clocks."""
    return timestamp(seen.time_ns - seen.boot_ns + start_ns)
