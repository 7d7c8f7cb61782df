"""Events as ECS documents, one document an event, whether or not anybody judged it. Pure.

An event's document has the fields of a verdict's that are about the event, under the same names, so that
one search finds both. Its `_id` is the event's id, which a verdict has in `event.id`.
"""

from dashboards import ecs, own_fields
from dashboards.deeds import Deed, base_name, deed_of
from dashboards.documents import (
    ECS,
    bounded_id,
    bounded_labels,
    container_of,
    host_of,
    observer_of,
    orchestrator_of,
    process_of,
    timestamp,
    wall_start,
)
from dashboards.event_fields import EventDocument, LictorExit, LictorOfEvent, SeenEvent, SeenProcess
from dashboards.own_part import exec_part, process_part, program_path, workload_part
from policy.events import ActingEvent, AnyEvent, ExitEvent, JudgedEvent, ProcessEvent
from policy.workload import Workload
from wire.records import Source, event_id, kind_of, process_id, program_of, refusal_of

EVENTS_STREAM = "logs-lictor.events-default"
"""The data stream of events."""

_DATASET = "lictor.events"
_DATA_STREAM = ecs.DataStream(type="logs", dataset=_DATASET, namespace="default")


def event_document_id(source: Source, event: AnyEvent) -> str:
    """`_id` of an event: its id, or the id's SHA-256 where Elasticsearch would refuse the length."""
    return bounded_id(event_id(source, event))


def event_document(source: Source, workload: Workload, event: AnyEvent) -> EventDocument:
    """What people read of an event.

    Raises:
        DocumentError: a time that Elasticsearch cannot hold.
    """
    if isinstance(event, ExitEvent):
        return _ended(source, workload, event)
    return _acted(source, workload, event)


def _acted(source: Source, workload: Workload, event: JudgedEvent) -> EventDocument:
    deed = deed_of(event)
    user, group = ecs.User(id=str(event.uid)), ecs.Group(id=str(event.gid))
    return EventDocument(
        timestamp=timestamp(event.time_ns),
        message=_sentence(event, deed),
        labels=bounded_labels(workload.labels),
        ecs=ECS,
        data_stream=_DATA_STREAM,
        event=SeenEvent(
            id=event_id(source, event),
            kind="event",
            category=(deed.category,),
            type=deed.types,
            action=deed.action,
            outcome="failure" if refusal_of(event) else "success",
            sequence=event.sequence,
            module="lictor",
            dataset=_DATASET,
        ),
        process=process_of(SeenProcess, source, event, user, group),
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
        lictor=LictorOfEvent(
            document="event",
            kind=kind_of(event),
            process=process_part(source, event),
            exec=exec_part(source, event),
            file=deed.own_file,
            socket=deed.socket,
            capability=deed.capability,
            syscall=deed.syscall,
            result=event.result if isinstance(event, ActingEvent) else None,
            recorded=source.recorded,
            workload=workload_part(workload),
        ),
    )


def _ended(source: Source, workload: Workload, event: ExitEvent) -> EventDocument:
    at = timestamp(event.time_ns)
    path = program_path(event.executable)
    how = f"signal {event.signal}" if event.signal else f"code {event.exit_code}"
    return EventDocument(
        timestamp=at,
        message=f"{path or 'a program'} ended: {how}",
        labels=bounded_labels(workload.labels),
        ecs=ECS,
        data_stream=_DATA_STREAM,
        event=SeenEvent(
            id=event_id(source, event),
            kind="event",
            category=("process",),
            type=("end",),
            action="exit",
            sequence=event.sequence,
            module="lictor",
            dataset=_DATASET,
        ),
        process=SeenProcess(
            entity_id=process_id(source, event.pid, event.start_ns),
            pid=event.pid,
            start=wall_start(event, event.start_ns),
            executable=path,
            name=None if path is None else base_name(path),
            end=at,
            # What the shell says of a process that a signal ended is a convention, not its exit code.
            exit_code=None if event.signal else event.exit_code,
        ),
        container=container_of(workload),
        orchestrator=orchestrator_of(workload),
        host=host_of(source),
        observer=observer_of(source),
        lictor=LictorOfEvent(
            document="event",
            kind=kind_of(event),
            process=_ended_process(event),
            exit=LictorExit(signal=event.signal) if event.signal else None,
            recorded=source.recorded,
            workload=workload_part(workload),
        ),
    )


def _ended_process(event: ExitEvent) -> own_fields.LictorProcess:
    program = event.executable
    return own_fields.LictorProcess(
        path_truncated=program is not None and program.truncated,
        path_escaped=program is not None and program.escaped,
        unlinked=program is not None and program.unlinked,
        device=None if program is None else str(program.device),
        inode=None if program is None else str(program.inode),
        cgroup_id=str(event.cgroup_id),
    )


def _sentence(event: JudgedEvent, deed: Deed) -> str:
    """For people: who did what to what."""
    who, what = program_path(program_of(event)), _object(deed)
    if isinstance(event, ProcessEvent):
        who, what = program_path(event.source), who
    action = deed.action if deed.syscall is None else f"{deed.action} {deed.syscall}"
    return " ".join(part for part in (who or "a program", action, what) if part)


def _object(deed: Deed) -> str | None:
    endpoint = deed.destination or deed.source
    if deed.dns is not None:
        return deed.dns.question.name
    if deed.file is not None:
        return deed.file.path
    if endpoint is not None:
        return endpoint.address if endpoint.port is None else f"{endpoint.address} port {endpoint.port}"
    return deed.capability
