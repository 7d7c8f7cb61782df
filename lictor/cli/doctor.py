"""`lictor doctor`: what works on this machine, what does not, and what to do."""

import typer

from lictor import doctor as checks
from lictor.cli.context import Form, Output, given, json_line, out
from lictor.exit_codes import INFRASTRUCTURE, OK
from wire.text import printable

_STYLES = {"ok": "green", "warning": "yellow", "error": "bold red"}


def doctor(context: typer.Context, output: Output = Form.TEXT) -> None:
    """Look at kernel, BTF, privileges, JDK, ports and servers. Ends with 3 if something is missing."""
    findings = checks.examine(given(context).settings())
    for finding in findings:
        if output is Form.JSON:
            out.print(json_line(finding))
            continue
        out.print(f"{finding.state:<8}", style=_STYLES[finding.state], end="")
        out.print(f" {finding.subject}: {printable(finding.found)}")
        if finding.advice:
            out.print(f"         {printable(finding.advice)}")
    bad = any(finding.state == "error" for finding in findings)
    raise typer.Exit(INFRASTRUCTURE if bad else OK)
