"""`lictor enforcement get` and `set`: how a namespace's denials are carried out."""

from typing import Annotated, get_args

import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.cli.policy_state import asking, change, in_force
from lictor.exit_codes import USAGE
from policy.changes import Enforcement, NamespaceChanged, SettingsChanged

app = typer.Typer(no_args_is_help=True, help="How denials are carried out: off or terminate.")

HOST = "host"
LEVELS: dict[str, Enforcement] = {level: level for level in get_args(Enforcement)}


@app.command("get")
def get(
    context: typer.Context,
    namespace: Annotated[str | None, typer.Argument(help="Only this namespace.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Show how denials are carried out in namespaces and on hosts."""
    current = in_force(given(context).settings())
    names = [namespace] if namespace else [*sorted(current.namespaces), HOST]
    for name in names:
        level = current.settings.host_enforcement if name == HOST else current.enforcement_of(name)
        if output is Form.JSON:
            out.print(json_line({"namespace": name, "enforcement": level}))
        else:
            out.print(f"{name}  {level}")


@app.command("set")
def set_enforcement(
    context: typer.Context,
    namespace: Annotated[str, typer.Argument(help="The namespace, or `host` for the nodes themselves.")],
    level: Annotated[str, typer.Argument(help="off or terminate.")],
) -> None:
    """Set how a namespace's denials are carried out."""
    if level not in LEVELS:
        fail(f"{level}: enforcement is one of {', '.join(LEVELS)}", USAGE)
    one = (
        SettingsChanged(host_enforcement=LEVELS[level], by=asking())
        if namespace == HOST
        else NamespaceChanged(namespace=namespace, enforcement=LEVELS[level], by=asking())
    )
    offset = change(given(context).settings(), one)
    out.print(f"{namespace}: enforcement {level} from policy offset {offset} on")
