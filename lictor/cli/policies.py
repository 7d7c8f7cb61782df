"""`lictor policy`: its commands by name, and those about the documents in force."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from lictor.cli import policy_diff, policy_explain, policy_test, schema
from lictor.cli.context import Form, Output, err, fail, given, json_line, out
from lictor.cli.policy_files import read_policies
from lictor.cli.policy_lint import lint_policies
from lictor.cli.policy_state import asking, change, in_force
from lictor.exit_codes import FINDINGS, USAGE
from policy.changes import PolicyApplied, PolicyDeleted

app = typer.Typer(no_args_is_help=True, help="Policies: KubeArmorPolicy documents and their kin.")

app.command("lint")(lint_policies)
app.command("test")(policy_test.run_tests)
app.command("explain")(policy_explain.explain)
app.command("diff")(policy_diff.diff)
app.command("schema")(schema.schema)
app.command("crds")(schema.crds)

KINDS = ("KubeArmorPolicy", "KubeArmorClusterPolicy", "KubeArmorHostPolicy")


@app.command("apply")
def apply(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, or - for standard input.")],
    output: Output = Form.TEXT,
) -> None:
    """Put policies in force. Nothing is applied unless every document is right."""
    documents = read_policies(paths)
    settings = given(context).settings()
    for document in documents:
        offset = change(settings, PolicyApplied(document=msgspec.Raw(document.canonical), by=asking()))
        if output is Form.JSON:
            row = {"policy": document.title, "hash": document.hash, "offset": offset}
            out.print(json_line(row))
        else:
            out.print(f"applied  {document.title}  {document.hash}  from policy offset {offset} on")


@app.command("get")
def get(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Only policies of this name.")] = None,
    namespace: Annotated[str | None, typer.Option("-n", "--namespace", help="Only this namespace.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Show the policies in force, in the order in which they were applied."""
    current = in_force(given(context).settings())
    shown = 0
    for document in current.documents:
        if (name and document.name != name) or (namespace and document.namespace != namespace):
            continue
        shown += 1
        out.print(
            json_line(msgspec.Raw(document.canonical))
            if output is Form.JSON
            else f"{document.title}  {document.hash}"
        )
    if output is Form.TEXT:
        err.print(f"{shown} in force at policy offset {current.offset}, set {current.hash}")
    if name and not shown:
        fail(f"no policy named {name} is in force", FINDINGS)


@app.command("delete")
def delete(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The policy's name.")],
    namespace: Annotated[str, typer.Option("-n", "--namespace", help="Its namespace.")] = "",
    kind: Annotated[str, typer.Option(help="Its kind.")] = KINDS[0],
) -> None:
    """Take a policy out of force."""
    if kind not in KINDS:
        fail(f"{kind}: a policy's kind is one of {', '.join(KINDS)}", USAGE)
    settings = given(context).settings()
    current = in_force(settings)
    if not any((one.kind, one.namespace, one.name) == (kind, namespace, name) for one in current.documents):
        where = f" in namespace {namespace}" if namespace else ""
        fail(f"no {kind} named {name}{where} is in force; see `lictor policy get`", FINDINGS)
    offset = change(settings, PolicyDeleted(kind=kind, namespace=namespace, name=name, by=asking()))
    out.print(f"deleted  {kind} {namespace + '/' if namespace else ''}{name}  from policy offset {offset} on")
