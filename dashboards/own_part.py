"""What a document says under `lictor`: the verdict's reasons, and what ECS has no names for. Pure."""

from typing import Literal

from dashboards import own_fields
from dashboards.deeds import Deed, base_name
from policy.events import ActingEvent, Executable, ProcessEvent
from policy.verdict import PostureReference, RuleReference
from wire.records import VerdictRecord, exec_id, kind_of, process_id, program_of


def lictor_part(
    record: VerdictRecord,
    deed: Deed,
    document: Literal["verdict", "outcome"],
    outcome: own_fields.LictorOutcome | None,
) -> own_fields.Lictor:
    """All that stands under `lictor`."""
    verdict, workload, decided_by = record.verdict, record.workload, record.verdict.decided_by
    seen = record.event
    rule = posture = None
    if isinstance(decided_by, RuleReference):
        rule = own_fields.LictorRule(
            kind=decided_by.kind,
            namespace=decided_by.namespace or None,
            place=decided_by.place,
            action=decided_by.action,
        )
    elif isinstance(decided_by, PostureReference):
        posture = own_fields.LictorPosture(
            section=decided_by.posture, mode=decided_by.mode, origin=decided_by.origin
        )
    return own_fields.Lictor(
        document=document,
        kind=kind_of(seen),
        verdict=own_fields.LictorVerdict(id=record.id),
        decision=verdict.decision,
        reason=verdict.reason,
        action=verdict.action or None,
        alert=verdict.alert,
        candidate=record.candidate,
        enforcement=record.enforcement,
        rule=rule,
        posture=posture,
        policies=own_fields.LictorPolicies(offset=record.policies.offset, hash=record.policies.hash),
        process=_process(record),
        exec=_exec(record, seen) if isinstance(seen, ProcessEvent) else None,
        file=deed.own_file,
        socket=deed.socket,
        capability=deed.capability,
        syscall=deed.syscall,
        result=seen.result if isinstance(seen, ActingEvent) else None,
        workload=own_fields.LictorWorkload(
            id=workload.id, kind=workload.kind, complete=workload.complete, cgroup=workload.cgroup or None
        ),
        outcome=outcome,
    )


def _exec(record: VerdictRecord, seen: ProcessEvent) -> own_fields.LictorExec:
    source = program_path(seen.source)
    return own_fields.LictorExec(
        id=exec_id(record.source, seen),
        script=seen.script or None,
        source=None
        if source is None
        else own_fields.LictorProgram(executable=source, name=base_name(source)),
        args_truncated=seen.args_truncated,
        args_redacted=seen.args_redacted,
        owner_uid=str(seen.owner_uid),
        entered=seen.entered,
    )


def _process(record: VerdictRecord) -> own_fields.LictorProcess:
    seen = record.event
    program = program_of(seen)
    return own_fields.LictorProcess(
        ancestors=tuple(
            own_fields.LictorAncestor(
                entity_id=process_id(record.source, ancestor.pid, ancestor.start_ns),
                pid=ancestor.pid,
                executable=program_path(ancestor.executable),
            )
            for ancestor in seen.ancestors
        ),
        ancestors_truncated=seen.ancestors_truncated,
        path_truncated=program is not None and program.truncated,
        path_escaped=program is not None and program.escaped,
        unlinked=program is not None and program.unlinked,
        device=None if program is None else str(program.device),
        inode=None if program is None else str(program.inode),
        namespace_pid=seen.namespace_pid,
        tty=seen.tty or None,
        cgroup_id=str(seen.cgroup_id),
    )


def program_path(executable: Executable | None) -> str | None:
    """Its path; None where the program is not known."""
    return None if executable is None else executable.path or None
