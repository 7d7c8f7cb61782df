"""Verdicts and outcomes as ECS documents, and what names them in Elasticsearch. Pure.

A denied exec is, in ECS 9.4's words, an alert of category process and intrusion_detection and of
type start and denied. Verdicts of a candidate policy set describe what would have happened: they
are events, never alerts, so that no alert rule fires on them.
"""

import hashlib
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

import msgspec

from dashboards import ecs
from policy.events import Executable, ProcessEvent
from policy.events import Process as SeenProcess
from policy.verdict import PostureReference, RuleReference
from policy.workload import Workload
from wire.records import LIVE, Outcome, Result, VerdictRecord, exec_id, process_id

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
_ECS = ecs.Ecs(version=ecs.ECS_VERSION)
_OS = ecs.OperatingSystem(type="linux")

_Success = Literal["success", "failure", "unknown"]

_TYPES: dict[str, tuple[str, ...]] = {
    "block": ("start", "denied"),
    "audit": ("start", "allowed"),
    "allow": ("start", "allowed"),
    "unknown": ("start", "info"),
}

_SUCCESS: dict[Result, _Success] = {"terminated": "success", "no-longer-denied": "unknown"}
"""Of a termination; every other result is a failure: what was denied was not stopped."""

encode = msgspec.json.Encoder().encode
"""A document to JSON bytes, without a line break in it."""


class DocumentError(Exception):
    """A record that no document can say, such as a time before 1970."""


def verdict_document_id(record: VerdictRecord) -> str:
    """`_id` of a verdict: its id, or the id's SHA-256 where Elasticsearch would refuse the length."""
    return _bounded(record.id)


def outcome_document_id(outcome: Outcome) -> str:
    """`_id` of an outcome: its id, bounded likewise.

    Never made from the verdict's id: the outcome of a forged order names the verdict that it pretends to
    come from, has an id of its own, and must not take the place of the true outcome.
    """
    return _bounded(outcome.id)


def verdict_document(record: VerdictRecord) -> ecs.Document:
    """What people read of a denial or alert.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    decision = record.verdict.decision
    denied = decision == "block" and record.enforcement != "off"
    event = _event(
        record,
        kind="alert" if record.candidate == LIVE else "event",
        type_=_TYPES[decision],
        # Whether a denied program was stopped is its outcome's to say; without enforcement it ran.
        outcome="unknown" if denied else "success",
        created=timestamp(record.judged_ns),
    )
    return _document(
        record, "verdict", at=timestamp(record.event.time_ns), message=record.verdict.sentence, event=event
    )


def outcome_document(outcome: Outcome) -> ecs.Document:
    """What people read of what became of an order, with its verdict's fields.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    record = outcome.record
    carried_out = timestamp(outcome.carried_out_ns)
    killed_after = outcome.exec_to_kill_ns
    event = _event(
        record,
        kind="event",
        type_=("end", "denied") if outcome.result == "terminated" else ("info",),
        outcome=_SUCCESS.get(outcome.result, "failure"),
        created=carried_out,
        action="terminate",
        start=timestamp(record.event.time_ns),
        end=carried_out,
        duration=killed_after,
    )
    became = ecs.LictorOutcome(
        result=outcome.result,
        node=outcome.node,
        exec_to_kill_ns=killed_after,
        exec_to_kill_ms=None if killed_after is None else killed_after / 1_000_000,
    )
    return _document(record, "outcome", at=carried_out, message=outcome.sentence, event=event, outcome=became)


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


def _bounded(identifier: str) -> str:
    raw = identifier.encode()
    return identifier if len(raw) <= ID_LIMIT_BYTES else f"sha256/{hashlib.sha256(raw).hexdigest()}"


def _document(
    record: VerdictRecord,
    document: Literal["verdict", "outcome"],
    *,
    at: str,
    message: str,
    event: ecs.Event,
    outcome: ecs.LictorOutcome | None = None,
) -> ecs.Document:
    seen, source, workload = record.event, record.source, record.workload
    user, group = ecs.User(id=str(seen.uid)), ecs.Group(id=str(seen.gid))
    return ecs.Document(
        timestamp=at,
        message=message,
        tags=record.verdict.tags,
        labels=_labels(workload.labels),
        ecs=_ECS,
        data_stream=_DATA_STREAM,
        event=event,
        rule=_rule(record),
        process=_process(record, user, group),
        user=user,
        group=group,
        container=_container(workload),
        orchestrator=_orchestrator(workload),
        host=ecs.Host(name=source.node, hostname=source.node, boot=ecs.Boot(id=source.boot_id), os=_OS),
        observer=ecs.Observer(vendor="Lictor", product="Lictor", type="sensor", name=source.node),
        lictor=_lictor(record, document, outcome),
    )


def _event(
    record: VerdictRecord,
    *,
    kind: Literal["alert", "event"],
    type_: tuple[str, ...],
    outcome: _Success,
    created: str,
    action: Literal["exec", "terminate"] = "exec",
    start: str | None = None,
    end: str | None = None,
    duration: int | None = None,
) -> ecs.Event:
    return ecs.Event(
        id=record.event_id,
        kind=kind,
        category=("process", "intrusion_detection"),
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


def _process(record: VerdictRecord, user: ecs.User, group: ecs.Group) -> ecs.Process:
    seen = record.event
    path = seen.executable.path
    return ecs.Process(
        entity_id=process_id(record.source, seen.pid, seen.start_ns),
        pid=seen.pid,
        start=_wall_start(seen, seen.start_ns),
        executable=path,
        name=_name(path),
        args=seen.args,
        args_count=len(seen.args),
        command_line=" ".join(seen.args) or None,
        working_directory=seen.cwd or None,
        user=user,
        group=group,
        parent=_parent(record, seen.ancestors[0]) if seen.ancestors else None,
    )


def _parent(record: VerdictRecord, parent: SeenProcess) -> ecs.ParentProcess:
    path = _path(parent.executable)
    return ecs.ParentProcess(
        entity_id=process_id(record.source, parent.pid, parent.start_ns),
        pid=parent.pid,
        start=_wall_start(record.event, parent.start_ns),
        executable=path,
        name=None if path is None else _name(path),
    )


def _lictor(
    record: VerdictRecord, document: Literal["verdict", "outcome"], outcome: ecs.LictorOutcome | None
) -> ecs.Lictor:
    verdict, workload, decided_by = record.verdict, record.workload, record.verdict.decided_by
    rule = posture = None
    if isinstance(decided_by, RuleReference):
        rule = ecs.LictorRule(
            kind=decided_by.kind,
            namespace=decided_by.namespace or None,
            place=decided_by.place,
            action=decided_by.action,
        )
    elif isinstance(decided_by, PostureReference):
        posture = ecs.LictorPosture(
            section=decided_by.posture, mode=decided_by.mode, origin=decided_by.origin
        )
    return ecs.Lictor(
        document=document,
        verdict=ecs.LictorVerdict(id=record.id),
        decision=verdict.decision,
        reason=verdict.reason,
        action=verdict.action or None,
        alert=verdict.alert,
        candidate=record.candidate,
        enforcement=record.enforcement,
        rule=rule,
        posture=posture,
        policies=ecs.LictorPolicies(offset=record.policies.offset, hash=record.policies.hash),
        exec=_exec(record),
        workload=ecs.LictorWorkload(
            id=workload.id, kind=workload.kind, complete=workload.complete, cgroup=workload.cgroup or None
        ),
        outcome=outcome,
    )


def _exec(record: VerdictRecord) -> ecs.LictorExec:
    seen = record.event
    source = _path(seen.source)
    return ecs.LictorExec(
        id=exec_id(record.source, seen),
        script=seen.script or None,
        source=None if source is None else ecs.LictorProgram(executable=source, name=_name(source)),
        ancestors=tuple(
            ecs.LictorAncestor(
                entity_id=process_id(record.source, ancestor.pid, ancestor.start_ns),
                pid=ancestor.pid,
                executable=_path(ancestor.executable),
            )
            for ancestor in seen.ancestors
        ),
        ancestors_truncated=seen.ancestors_truncated,
        args_truncated=seen.args_truncated,
        args_redacted=seen.args_redacted,
        path_truncated=seen.executable.truncated,
        path_escaped=seen.executable.escaped,
        unlinked=seen.executable.unlinked,
        device=str(seen.executable.device),
        inode=str(seen.executable.inode),
        owner_uid=str(seen.owner_uid),
        namespace_pid=seen.namespace_pid,
        tty=seen.tty or None,
        cgroup_id=str(seen.cgroup_id),
    )


def _container(workload: Workload) -> ecs.Container | None:
    if workload.kind != "container":
        return None
    return ecs.Container(
        id=workload.container_id or workload.id.rpartition("/")[2],
        name=workload.container or None,
        image=ecs.Image(name=workload.image) if workload.image else None,
    )


def _orchestrator(workload: Workload) -> ecs.Orchestrator | None:
    if not workload.namespace:
        return None
    pod = ecs.Resource(type="pod", name=workload.pod) if workload.pod else None
    return ecs.Orchestrator(type="kubernetes", namespace=workload.namespace, resource=pod)


def _labels(labels: dict[str, str]) -> dict[str, str]:
    if all(len(name) <= LABEL_NAME_LIMIT and "\0" not in name for name in labels):
        return labels
    return {name[:LABEL_NAME_LIMIT].replace("\0", "\\x00"): value for name, value in labels.items()}


def _wall_start(seen: ProcessEvent, start_ns: int) -> str:
    """A start on the boot clock as wall clock, by the event's own pair of clocks."""
    return timestamp(seen.time_ns - seen.boot_ns + start_ns)


def _path(executable: Executable | None) -> str | None:
    return None if executable is None else executable.path or None


def _name(path: str) -> str:
    return path.rpartition("/")[2]
