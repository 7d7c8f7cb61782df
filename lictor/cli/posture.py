"""`lictor posture get` and `set`: what happens to what no rule allows, per namespace."""

from typing import Annotated

import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.cli.policy_state import asking, change, in_force
from lictor.exit_codes import USAGE
from policy.changes import NamespaceChanged
from policy.settings import PostureKind

app = typer.Typer(no_args_is_help=True, help="Default postures of namespaces: audit or block.")

SECTIONS: tuple[PostureKind, ...] = ("file", "network", "capabilities")
MODES = ("audit", "block", "default")

Namespace = Annotated[str, typer.Argument(help="The namespace.")]


@app.command("get")
def get(
    context: typer.Context,
    namespace: Annotated[str | None, typer.Argument(help="Only this namespace.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Show the postures of namespaces, and where each comes from."""
    current = in_force(given(context).settings())
    names = [namespace] if namespace else sorted(current.namespaces)
    for name in names:
        row: dict[str, str] = {"namespace": name}
        for section in SECTIONS:
            posture = current.posture_of(name, section)
            row[section] = posture.mode
            row[f"{section}_from"] = posture.origin
        if output is Form.JSON:
            out.print(json_line(row))
        else:
            parts = (f"{section}={row[section]} ({row[f'{section}_from']})" for section in SECTIONS)
            out.print(f"{name}  {'  '.join(parts)}")
    if not names and output is Form.TEXT:
        out.print("no namespace has settings of its own; the global postures hold")


@app.command("set")
def set_posture(
    context: typer.Context,
    namespace: Namespace,
    postures: Annotated[
        list[str], typer.Argument(help="file=block, network=audit, capabilities=default, ...")
    ],
) -> None:
    """Set a namespace's postures; `default` goes back to the global one."""
    annotations = {}
    for given_posture in postures:
        section, _, mode = given_posture.partition("=")
        if section not in SECTIONS or mode not in MODES:
            fail(
                f"{given_posture}: give SECTION=MODE with SECTION one of {', '.join(SECTIONS)} and MODE "
                f"one of {', '.join(MODES)}; file covers processes too",
                USAGE,
            )
        annotations[f"kubearmor-{section}-posture"] = None if mode == "default" else mode
    settings = given(context).settings()
    offset = change(settings, NamespaceChanged(namespace=namespace, annotations=annotations, by=asking()))
    out.print(f"{namespace}: {' '.join(postures)} from policy offset {offset} on")
