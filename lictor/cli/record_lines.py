"""Events, verdicts and outcomes as one line each, for people."""

import os
from datetime import UTC, datetime

from policy.events import (
    AnyEvent,
    CapabilityEvent,
    DnsEvent,
    ExitEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from wire.records import EventBatch, Outcome, VerdictRecord, program_of, refusal_of
from wire.sockets import family_name, ip_protocol, ip_protocol_name, type_name
from wire.text import printable


def event_line(batch: EventBatch, event: AnyEvent) -> str:
    """One event for people."""
    return printable(f"{clock(event.time_ns)}  {batch.workload.title}  {event.pid} {deed(event)}")


def deed(event: AnyEvent) -> str:
    """What a process did, in words that follow its pid."""
    match event:
        case ExitEvent():
            return (
                f"ended with signal {event.signal}" if event.signal else f"ended with code {event.exit_code}"
            )
        case ProcessEvent():
            return f"runs {command(event)}"
        case FileEvent():
            done = f"{event.access} {event.path}" + (f" {event.new_path}" if event.new_path else "")
        case NetworkEvent():
            done = f"{event.operation} {_socket(event)}"
        case DnsEvent():
            done = f"asks for {event.name}" + (f" ({event.record})" if event.record else "")
        case CapabilityEvent():
            done = f"uses capability {event.capability}"
        case SyscallEvent():
            done = f"calls {event.syscall}" + (f" {event.path}" if event.path else "")
        case MemoryEvent():
            done = "makes anonymous memory executable"
    refusal = refusal_of(event)
    return f"{_actor(event)}: {done}" + (f" ({os.strerror(refusal)})" if refusal else "")


def _actor(event: JudgedEvent) -> str:
    program = program_of(event)
    return program.path if program else "(program not known)"


def _socket(event: NetworkEvent) -> str:
    number = ip_protocol(event.family, event.type, event.protocol)
    name = None if number is None else ip_protocol_name(number)
    what = name or f"{family_name(event.family)} {type_name(event.type)}"
    if not event.address:
        return what
    if not event.port:
        return f"{what} {event.address}"
    address = f"[{event.address}]" if ":" in event.address else event.address
    return f"{what} {address}:{event.port}"


def verdict_line(record: VerdictRecord) -> str:
    """One verdict for people."""
    verdict = record.verdict
    return printable(
        f"{clock(record.event.time_ns)}  {verdict.decision:<7}  {record.workload.title}  {verdict.sentence}"
    )


def outcome_line(outcome: Outcome) -> str:
    """One outcome for people."""
    return printable(
        f"{clock(outcome.carried_out_ns)}  {outcome.result:<14}  {outcome.record.workload.title}  "
        f"{_actor(outcome.record.event)}  {outcome.sentence}"
    )


def command(event: ProcessEvent) -> str:
    """The program and its arguments as one line."""
    arguments = " ".join(event.args[1:])
    script = f" for {event.script}" if event.script else ""
    cut = " ..." if event.args_truncated else ""
    return f"{event.executable.path}{script} {arguments}{cut}".rstrip()


def clock(at_ns: int) -> str:
    """Local time of day, to the millisecond."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
