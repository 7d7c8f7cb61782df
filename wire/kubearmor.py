"""A verdict as the alert that KubeArmor's users know: the JSON of `karmor logs --json`.

Names and types are those of `feeder.Alert` in KubeArmor's protobuf/kubearmor.proto, as its relay server
prints them: numbers for times and pids, text for everything else, absent where there is nothing to say.
docs/kubearmor-alerts.md says what each field means here and where that differs. Consumers that need more
(reason codes, the rule's place, the policy's hash) read the verdict itself.
"""

import os
from datetime import UTC, datetime
from typing import Any, NamedTuple

from policy.events import (
    CapabilityEvent,
    DnsEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from policy.sections.network import AF_INET, AF_INET6
from policy.verdict import PostureReference, RuleReference
from policy.workload import Workload
from wire.records import Outcome, VerdictRecord, exec_id, program_of, refusal_of
from wire.sockets import family_name, ip_protocol, ip_protocol_name, type_name

DEFAULT_POSTURE = "DefaultPosture"
"""KubeArmor's name for what decides when no rule does."""
DEFAULT_CLUSTER = "default"
"""What KubeArmor calls a cluster that nobody named."""
ENFORCER = "Lictor"
PASSED = "Passed"
TERMINATED = "Terminated"

_OPERATIONS: dict[type[JudgedEvent], str] = {
    ProcessEvent: "Process",
    FileEvent: "File",
    NetworkEvent: "Network",
    DnsEvent: "Network",
    CapabilityEvent: "Capabilities",
    SyscallEvent: "Syscall",
    MemoryEvent: "File",
}
"""KubeArmor files names that are asked for under Network, and its anonymousMapExec preset under File."""


def as_kubearmor(
    record: VerdictRecord, outcome: Outcome | None = None, *, cluster: str = DEFAULT_CLUSTER
) -> dict[str, Any]:
    """The alert of a verdict and, where there is one, its outcome.

    It is JSON as it stands: text, numbers, lists of text and objects of text.

    Raises:
        ValueError: the outcome is another verdict's, or a time is none that a calendar has.
    """
    if outcome is not None and outcome.record.id != record.id:
        raise ValueError(f"the outcome {outcome.id} is not that of the verdict {record.id}")
    event, workload, verdict = record.event, record.workload, record.verdict
    told_ns = record.judged_ns if outcome is None else outcome.carried_out_ns
    subject = _subject(event)
    alert: dict[str, Any] = {
        "Timestamp": event.time_ns // 1_000_000_000,
        "UpdatedTime": _time(told_ns),
        "ClusterName": cluster,
        "HostName": record.source.node,
        "NamespaceName": workload.namespace,
        "PodName": workload.pod,
        "Labels": ",".join(f"{name}={value}" for name, value in sorted(workload.labels.items())),
        "ContainerID": _container(workload),
        "ContainerName": workload.container,
        "ContainerImage": workload.image,
        **_pids(record),
        "UID": event.uid,
        "ParentProcessName": _parent(event),
        "ProcessName": _program(event),
        "PolicyName": _policy(record),
        "Severity": "" if verdict.severity is None else str(verdict.severity),
        "Tags": ",".join(verdict.tags),
        "ATags": list(verdict.tags),
        "Message": verdict.message,
        "Type": "MatchedHostPolicy" if workload.kind == "host" else "MatchedPolicy",
        "Source": _source(event),
        "Operation": _operation(event),
        "Resource": subject.resource,
        "Data": _pairs(subject.data),
        "EventData": {name.capitalize(): value for name, value in (subject.data | subject.parts).items()},
        "Enforcer": ENFORCER,
        "Action": verdict.action or "Allow",
        "Result": _result(event, outcome),
        "TTY": event.tty,
    }
    if isinstance(event, ProcessEvent):
        name = event.executable.path.rpartition("/")[2]
        alert["Cwd"] = event.cwd
        alert["ExecEvent"] = {"ExecID": exec_id(record.source, event), "ExecutableName": name}
    return {name: value for name, value in alert.items() if value not in ("", [], {})}


class _Subject(NamedTuple):
    """What it was about."""

    resource: str
    data: dict[str, str]
    parts: dict[str, str] = {}  # noqa: RUF012  # nobody writes to it
    """Of the resource, where it has any."""


def _subject(event: JudgedEvent) -> _Subject:
    match event:
        case ProcessEvent():
            command = " ".join((event.executable.path, *event.args[1:]))
            subject = _Subject(command, {"syscall": "SYS_EXECVE"})
        case FileEvent():
            subject = _Subject(event.path, _of_file(event))
        case NetworkEvent():
            parts = _socket(event)
            subject = _Subject(_pairs(parts), _of_socket(event), parts)
        case DnsEvent():
            data = {"domain": event.name} | ({"qtype": event.record} if event.record else {})
            subject = _Subject(event.name, data)
        case CapabilityEvent():
            name = f"CAP_{event.capability.upper()}"
            subject = _Subject(name, {"capability": name})
        case SyscallEvent():
            subject = _Subject(event.path, {"syscall": f"SYS_{event.syscall.upper()}"})
        case MemoryEvent():
            subject = _Subject("", {"memory": "anonymous", "prot": "PROT_EXEC"})
    return subject


def _of_file(event: FileEvent) -> dict[str, str]:
    data: dict[str, str] = {"access": event.access}
    if event.new_path:
        data["newpath"] = event.new_path
    if event.flags:
        data["flags"] = hex(event.flags)
    return data


def _pairs(said: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in said.items())


def _socket(event: NetworkEvent) -> dict[str, str]:
    family = family_name(event.family)
    if not event.address:
        number = ip_protocol(event.family, event.type, event.protocol)
        name = None if number is None else ip_protocol_name(number)
        protocol = name.upper() if name else str(event.protocol)
        return {"domain": family, "type": type_name(event.type), "protocol": protocol}
    if event.family not in {AF_INET, AF_INET6}:
        return {"sa_family": family, "address": event.address}
    return {"sa_family": family, "sin_port": str(event.port), "sin_addr": event.address}


def _of_socket(event: NetworkEvent) -> dict[str, str]:
    # `send` is several system calls, and which it was is not known.
    if event.operation == "send":
        return {"operation": "send"}
    return {"syscall": f"SYS_{event.operation.upper()}"}


def _result(event: JudgedEvent, outcome: Outcome | None) -> str:
    """What truly happened. Only the kernel's own refusal is told in the kernel's words."""
    if outcome is not None and outcome.result == "terminated":
        return TERMINATED
    refusal = refusal_of(event)
    return os.strerror(refusal) if refusal else PASSED


def _pids(record: VerdictRecord) -> dict[str, int]:
    """As the node counts them, and as the container does; the node's own processes have one only."""
    event = record.event
    pids = {"HostPID": event.pid}
    if event.ancestors:
        pids["HostPPID"] = event.ancestors[0].pid
    if record.workload.kind == "host":
        pids |= {name.removeprefix("Host"): pid for name, pid in pids.items()}
    elif event.namespace_pid:
        pids["PID"] = event.namespace_pid
    return pids


def _container(workload: Workload) -> str:
    if workload.kind == "host":
        return ""
    return workload.container_id or workload.id.rpartition("/")[2]


def _policy(record: VerdictRecord) -> str:
    match record.verdict.decided_by:
        case RuleReference(policy=name):
            return name
        case PostureReference():
            return DEFAULT_POSTURE
        case None:
            return ""


def _operation(event: JudgedEvent) -> str:
    return next(name for kind, name in _OPERATIONS.items() if isinstance(event, kind))


def _program(event: JudgedEvent) -> str:
    program = program_of(event)
    return program.path if program else ""


def _parent(event: JudgedEvent) -> str:
    parent = event.ancestors[0].executable if event.ancestors else None
    return parent.path if parent else ""


def _source(event: JudgedEvent) -> str:
    """Of an exec who executed it, of everything else who did it."""
    if not isinstance(event, ProcessEvent):
        return _program(event)
    return event.source.path if event.source else _parent(event)


def _time(time_ns: int) -> str:
    """RFC 3339 in UTC, six digits of fraction, as KubeArmor writes it."""
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    try:
        second = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{time_ns} ns is no time that a calendar has") from error
    return f"{second:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06d}Z"
