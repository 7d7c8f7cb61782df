"""`lictor policy diff`: what changes in rights between two policy sets, without events."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.cli.difference_text import difference_lines
from lictor.cli.policy_inputs import (
    HostPostures,
    Postures,
    WorkloadsFile,
    changed,
    documents_of,
    posture_changes,
    with_documents,
    workloads_in,
)
from lictor.cli.policy_state import in_force
from lictor.exit_codes import FINDINGS, USAGE
from policy.changes import Change, PolicyDeleted
from policy.policy_set import PolicySet
from policy.rights.difference import Difference, difference

CURRENT = "current"


class _Sides(NamedTuple):
    before: PolicySet
    after: PolicySet


def diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(metavar="A", help="A file or folder; current: what is in force.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The same, to compare with A.")],
    *,
    add: Annotated[
        bool, typer.Option("--add", help="B is applied on top of A, as `policy apply` would.")
    ] = False,
    workloads: WorkloadsFile = None,
    posture: Postures = None,
    host_posture: HostPostures = None,
    posture_before: Annotated[
        list[str] | None, typer.Option(metavar="[NAMESPACE:]KIND=MODE", help="A posture of A alone.")
    ] = None,
    posture_after: Annotated[
        list[str] | None, typer.Option(metavar="[NAMESPACE:]KIND=MODE", help="A posture of B alone.")
    ] = None,
    all_examples: Annotated[bool, typer.Option("--all", help="Show every event that was tried.")] = False,
    output: Output = Form.TEXT,
) -> None:
    """Say what B changes for workloads, compared with A. Exit code 1: something is newly denied.

    Rules are compared, and events that are made up of the rules of both sides are judged under each:
    what is told was answered by the judge. Where one side is in force, the other has its namespaces
    and settings. Without --workloads, workloads are made up of the selectors.
    """
    changes = posture_changes(posture or (), host_posture or ())
    sides = _sides(context, before, after, add=add)
    found = difference(
        changed(sides.before, [*changes, *posture_changes(posture_before or ())]),
        changed(sides.after, [*changes, *posture_changes(posture_after or ())]),
        None if workloads is None else workloads_in(workloads),
    )
    _print(found, output, all_examples=all_examples)
    if found.number("newly-denied"):
        raise typer.Exit(FINDINGS)


def _sides(context: typer.Context, before: str, after: str, *, add: bool) -> _Sides:
    if before == after:
        fail(f"both sides are {before}: there is nothing to compare", USAGE)
    if add and after == CURRENT:
        fail("--add is about documents: give the files to add as B", USAGE)
    base = PolicySet.empty()
    if CURRENT in {before, after}:
        base = in_force(given(context).settings())
    bare = _without_documents(base)
    old = base if before == CURRENT else with_documents(bare, documents_of([Path(before)]))
    if add:
        return _Sides(old, with_documents(old, documents_of([Path(after)])))
    new = base if after == CURRENT else with_documents(bare, documents_of([Path(after)]))
    return _Sides(old, new)


def _without_documents(policies: PolicySet) -> PolicySet:
    """The namespaces and settings of a set."""
    gone: Sequence[Change] = [
        PolicyDeleted(kind=one.kind, namespace=one.namespace, name=one.name) for one in policies.documents
    ]
    return changed(policies, gone)


def _print(found: Difference, output: Form, *, all_examples: bool) -> None:
    if output is Form.JSON:
        out.print(json_line(found))
        return
    for line in difference_lines(found, all_examples=all_examples):
        out.print(line)
