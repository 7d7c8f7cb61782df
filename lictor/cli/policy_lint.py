"""`lictor policy lint`: what is wrong, or probably not meant, with policies in files."""

import textwrap
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from lictor.cli.context import Form, Output, err, fail, json_line, out
from lictor.cli.policy_files import policy_texts
from lictor.cli.policy_inputs import workloads_in
from lictor.cli.posture import SECTIONS
from lictor.exit_codes import FINDINGS, USAGE
from policy.documents import read_documents
from policy.lint import Circumstances, Finding, Layout, Severity, lint
from policy.settings import PostureKind
from policy.verdict import Mode
from wire.text import printable

MOST_COLUMNS = 100
"""Where lines are broken on a wide terminal; on a narrower one at its width, elsewhere not at all."""


def lint_policies(  # noqa: PLR0917  # typer calls it by name
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, or - for standard input.")],
    image_layout: Annotated[
        Layout, typer.Option(help="What images the workloads have: decides which paths are links.")
    ] = Layout.UNKNOWN,
    workloads: Annotated[
        Path | None,
        typer.Option(help="All known workloads, as an identity map: for selectors that match none."),
    ] = None,
    posture: Annotated[
        list[str] | None,
        typer.Option(help="A namespace's posture, such as dvwa:file=block; may be given several times."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    output: Output = Form.TEXT,
) -> None:
    """Say what is wrong, or probably not meant, with policies. Nothing has to run for it.

    Exit code 1 where a finding is an error, or with --strict a warning.
    """
    circumstances = Circumstances(
        layout=image_layout,
        workloads=tuple(workloads_in(workloads)) if workloads else None,
        postures=_postures(posture or []),
    )
    texts = [read_documents(text, name) for name, text in policy_texts(paths)]
    if not any(text.documents or text.problems for text in texts):
        fail("no policy documents in what was given", USAGE)
    findings = lint(texts, circumstances)
    for finding in findings:
        out.print(json_line(finding) if output is Form.JSON else in_lines(finding))
    counts = Counter(finding.severity for finding in findings)
    if output is Form.TEXT:
        number = sum(len(text.documents) for text in texts)
        said = (
            _counted(number, "policy", "policies"),
            _counted(counts[Severity.ERROR], "error", "errors"),
            _counted(counts[Severity.WARNING], "warning", "warnings"),
            _counted(counts[Severity.INFO], "note", "notes"),
        )
        err.print(f"{said[0]} read: {', '.join(said[1:])}")
    if counts[Severity.ERROR] or (strict and counts[Severity.WARNING]):
        raise typer.Exit(FINDINGS)


def in_lines(finding: Finding) -> str:
    """A finding as text: on a terminal in lines that fit, elsewhere in one, as editors read them."""
    line = printable(str(finding))
    if not out.is_terminal:
        return line
    return "\n".join(
        textwrap.wrap(
            line,
            width=min(out.width, MOST_COLUMNS),
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _postures(given: list[str]) -> dict[str, dict[PostureKind, Mode]]:
    modes: dict[str, Mode] = {"audit": "audit", "block": "block"}
    kinds: dict[str, PostureKind] = {kind: kind for kind in SECTIONS}
    found: dict[str, dict[PostureKind, Mode]] = {}
    for one in given:
        namespace, _, setting = one.partition(":")
        kind, _, mode = setting.partition("=")
        if not namespace or kind not in kinds or mode not in modes:
            fail(
                f"{one}: give NAMESPACE:KIND=MODE with KIND one of {', '.join(kinds)} and MODE one of "
                f"{', '.join(modes)}, such as dvwa:file=block",
                USAGE,
            )
        found.setdefault(namespace, {})[kinds[kind]] = modes[mode]
    return found
