"""`lictor policy explain`: why an event is judged as it is, and what a workload may do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.cli.event_inputs import Subject, described, inline, subjects_in
from lictor.cli.explanation_text import explanation_lines, headline, matrix_lines, told_line
from lictor.cli.paragraphs import paragraph, workload_line
from lictor.cli.policy_files import STANDARD_INPUT
from lictor.cli.policy_inputs import (
    HostPostures,
    Postures,
    WorkloadsFile,
    changed,
    documents_of,
    posture_changes,
    with_documents,
    workload_given,
)
from lictor.cli.policy_state import in_force
from lictor.cli.record_search import SEARCHED, named_by, search
from lictor.exit_codes import FINDINGS, USAGE
from policy.documents.tree import Value
from policy.events import AnyEvent
from policy.explanation import Explanation
from policy.explanation import explain as explanation_of
from policy.policy_set import PolicySet
from policy.rights.matrix import matrix_of
from policy.rights.told import Told, told
from policy.verdict import Verdict
from policy.workload import Workload
from wire.records import PolicyPosition


class Explained(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of JSON output."""

    event: AnyEvent
    described: Told
    """The event as people write it."""
    workload: Workload
    policies: PolicyPosition
    """`offset` is -1 for policies that no log holds."""
    recorded: Verdict | None = None
    """What the verdict said that was looked up or given."""
    recorded_under: PolicyPosition | None = None
    explanation: Explanation


def explain(
    context: typer.Context,
    *,
    event: Annotated[
        str | None,
        typer.Argument(help="A file, - for standard input, or the id of an event or verdict on the topics."),
    ] = None,
    exec_: Annotated[
        str | None, typer.Option("--exec", metavar="PATH", help="This program is executed.")
    ] = None,
    read: Annotated[str | None, typer.Option(metavar="PATH", help="This file is read.")] = None,
    write: Annotated[str | None, typer.Option(metavar="PATH", help="This file is written.")] = None,
    socket: Annotated[
        str | None, typer.Option(metavar="PROTOCOL", help="A socket is made: tcp, udp, icmp...")
    ] = None,
    dns: Annotated[str | None, typer.Option(metavar="NAME", help="This name is asked for.")] = None,
    capability: Annotated[
        str | None, typer.Option(metavar="NAME", help="This capability is used: net_raw...")
    ] = None,
    syscall: Annotated[str | None, typer.Option(metavar="NAME", help="This system call is made.")] = None,
    happening: Annotated[
        str | None,
        typer.Option(
            "--event", metavar="YAML", help="Anything else: '{rename: /a, new: /b, by: /usr/bin/mv}'."
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="PATH", help="The program that executes or acts.")
    ] = None,
    script: Annotated[
        str | None, typer.Option(metavar="PATH", help="With --exec: the script that is run.")
    ] = None,
    arg: Annotated[
        list[str] | None, typer.Option("--arg", help="With --exec: an argument. Again for more.")
    ] = None,
    path: Annotated[
        str | None, typer.Option(metavar="PATH", help="With --syscall: the file that it is about.")
    ] = None,
    uid: Annotated[int | None, typer.Option(help="The acting user.")] = None,
    owner: Annotated[int | None, typer.Option(help="The user that owns the file.")] = None,
    tty: Annotated[str | None, typer.Option(help="The terminal, such as pts0.")] = None,
    workload: Annotated[
        str | None,
        typer.Option(metavar="NAMESPACE/POD", help="Whose doing: a pod, or host (or host/NODE)."),
    ] = None,
    container: Annotated[str, typer.Option(help="The pod's container.")] = "",
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label of the pod. Again for more.")
    ] = None,
    annotation: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="An annotation of the pod.")
    ] = None,
    workloads: WorkloadsFile = None,
    policies: Annotated[
        list[Path] | None,
        typer.Option(help="Policies, in files or folders, instead of those in force. Again for more."),
    ] = None,
    posture: Postures = None,
    host_posture: HostPostures = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="Print what the workload may do.")] = False,
    all_rules: Annotated[bool, typer.Option("--all", help="Show the rules that do not match too.")] = False,
    searched: Annotated[
        int, typer.Option("--search", min=1, help="Records of each partition that an id is sought in.")
    ] = SEARCHED,
    output: Output = Form.TEXT,
) -> None:
    """Say why an event is judged as it is: every rule that was considered, in the order of precedence.

    The event comes from a file, standard input, the topics (by its id) or flags. What is explained is the
    judgement under the policies in force, or under those that are given.
    """
    said: dict[str, Value] = {
        "exec": exec_,
        "read": read,
        "write": write,
        "socket": socket,
        "dns": dns,
        "capability": capability,
        "syscall": syscall,
        "script": script,
        "args": [*arg] if arg else None,
        "path": path,
        "uid": uid,
        "owner": owner,
        "tty": tty,
    }
    flags: dict[str, Value] = {key: value for key, value in said.items() if value is not None}
    if happening is not None:
        flags |= inline(happening)
    if source is not None:
        flags["from" if "exec" in flags else "by"] = source
    whose = (
        None
        if workload is None
        else workload_given(workload, workloads, container, label or (), annotation or ())
    )
    if whose is None and (container or label or annotation or workloads):
        fail("--container, --label, --annotation and --workloads say more about --workload; give it", USAGE)
    if matrix:
        if event is not None or flags or whose is None:
            fail("--matrix is about a workload and no event: give --workload NAMESPACE/POD", USAGE)
        _print_matrix(whose, _policies(context, policies, posture, host_posture), output)
        return
    if (event is None) == (not flags):
        fail("give one event: a file, -, an id, or flags such as --exec /usr/bin/id", USAGE)
    subjects = [Subject(described(flags))] if event is None else _subjects(context, event, searched)
    current = _policies(context, policies, posture, host_posture)
    for number, subject in enumerate(subjects):
        if number and output is Form.TEXT:
            out.print()
        _print(subject, whose, current, output, all_rules=all_rules)


def _subjects(context: typer.Context, event: str, searched: int) -> Sequence[Subject]:
    """The events that the argument names, all of them before the first is explained."""
    named = named_by(event)
    if event == STANDARD_INPUT or named is None or Path(event).exists():
        if event != STANDARD_INPUT and not Path(event).exists():
            fail(f"{event}: there is no such file, and it is not the id of an event or verdict", USAGE)
        return list(subjects_in(event))
    result = search(given(context).settings(), named, searched)
    if result.found is None:
        fail(
            f"{event} was not found; searched were {result.searched}; --search N looks further back", FINDINGS
        )
    return [Subject(result.found.event, result.found.workload, result.found)]


def _policies(
    context: typer.Context,
    paths: Sequence[Path] | None,
    postures: Sequence[str] | None,
    host_postures: Sequence[str] | None,
) -> PolicySet:
    changes = posture_changes(postures or (), host_postures or ())
    if paths:
        return changed(with_documents(PolicySet.empty(), documents_of(paths)), changes)
    return changed(in_force(given(context).settings()), changes)


def _print(
    subject: Subject, whose: Workload | None, policies: PolicySet, output: Form, *, all_rules: bool
) -> None:
    workload = whose or subject.workload
    if workload is None:
        fail(
            "whose doing is it? give --workload NAMESPACE/POD, with --label KEY=VALUE where it matters", USAGE
        )
    found = explanation_of(subject.event, policies.for_workload(workload))
    record = subject.record.verdict if subject.record else None
    explained = Explained(
        event=subject.event,
        described=told(subject.event),
        workload=workload,
        policies=PolicyPosition(offset=policies.offset, hash=policies.hash),
        recorded=record.verdict if record else None,
        recorded_under=record.policies if record else None,
        explanation=found,
    )
    if output is Form.JSON:
        out.print(json_line(explained))
        return
    out.print(paragraph(told_line(explained.described)))
    out.print(paragraph(f"by {workload_line(workload)}"))
    out.print(paragraph(f"under {_under(explained.policies)}"))
    out.print()
    if explained.recorded is not None and explained.recorded_under is not None:
        then = f"{headline(explained.recorded)}: {explained.recorded.sentence}"
        out.print(paragraph(f"Recorded under {_under(explained.recorded_under)}: {then}"))
        out.print()
    for line in explanation_lines(found, all_rules=all_rules):
        out.print(line)


def _under(position: PolicyPosition) -> str:
    where = f"policy offset {position.offset}" if position.offset >= 0 else "the policies given"
    return f"{where}, set {position.hash}"


def _print_matrix(workload: Workload, policies: PolicySet, output: Form) -> None:
    found = matrix_of(policies, workload)
    if output is Form.JSON:
        out.print(json_line(found))
        return
    for line in matrix_lines(found):
        out.print(line)
