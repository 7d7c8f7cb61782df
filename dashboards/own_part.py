"""What a document says under `lictor`: the verdict's reasons, and what ECS has no names for. Pure."""

from typing import Literal

from dashboards import own_fields
from dashboards.deeds import Deed, base_name
from policy.events import ActingEvent, Executable, JudgedEvent, ProcessEvent
from policy.verdict import PostureReference, RuleReference
from policy.workload import Workload
from wire.records import Source, VerdictRecord, exec_id, kind_of, process_id, program_of


def lictor_part(
    record: VerdictRecord,
    deed: Deed,
    document: Literal["verdict", "outcome"],
    outcome: own_fields.LictorOutcome | None,
) -> own_fields.Lictor:
    """All that stands under `lictor`."""
    verdict, decided_by = record.verdict, record.verdict.decided_by
    source, seen = record.source, record.event
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
        process=process_part(source, seen),
        exec=exec_part(source, seen),
        file=deed.own_file,
        socket=deed.socket,
        capability=deed.capability,
        syscall=deed.syscall,
        result=seen.result if isinstance(seen, ActingEvent) else None,
        workload=workload_part(record.workload),
        outcome=outcome,
    )


def workload_part(workload: Workload) -> own_fields.LictorWorkload:
    """Whose process it was."""
    return own_fields.LictorWorkload(
        id=workload.id, kind=workload.kind, complete=workload.complete, cgroup=workload.cgroup or None
    )


def exec_part(source: Source, seen: JudgedEvent) -> own_fields.LictorExec | None:
    """What is to say of an exec; None of anything else."""
    if not isinstance(seen, ProcessEvent):
        return None
    executed_by = program_path(seen.source)
    return own_fields.LictorExec(
        id=exec_id(source, seen),
        script=seen.script or None,
        source=None
        if executed_by is None
        else own_fields.LictorProgram(executable=executed_by, name=base_name(executed_by)),
        args_truncated=seen.args_truncated,
        args_redacted=seen.args_redacted,
        owner_uid=str(seen.owner_uid),
        entered=seen.entered,
    )


def process_part(source: Source, seen: JudgedEvent) -> own_fields.LictorProcess:
    """What is to say of the process that acted, its program and those above it."""
    program = program_of(seen)
    return own_fields.LictorProcess(
        ancestors=tuple(
            own_fields.LictorAncestor(
                entity_id=process_id(source, ancestor.pid, ancestor.start_ns),
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
