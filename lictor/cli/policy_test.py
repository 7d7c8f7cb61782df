"""`lictor policy test`: whether policies do what people expect of them, without a kernel or a broker."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated
from xml.etree.ElementTree import Element

import typer

from lictor.cli import junit
from lictor.cli.context import Form, Output, fail, json_line, out
from lictor.cli.policy_files import say_problems
from lictor.cli.policy_suites import Gathered, gather
from lictor.exit_codes import FINDINGS, USAGE
from policy.expectations import CaseResult, Compared, rules_never_credited, run
from policy.text import printable
from policy.verdict import RuleReference
from policy.workload import Workload

WIDTH = 80
_INDENT = "      "


def run_tests(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders, or - for standard input.")],
    output: Output = Form.TEXT,
    junit_file: Annotated[Path | None, typer.Option("--junit", help="Also write JUnit's XML here.")] = None,
    coverage: Annotated[bool, typer.Option("--coverage", help="List the rules that decide no test.")] = False,
) -> None:
    """Judge what the tests describe, and compare with what they expect.

    Tests are documents of kind PolicyTest, in *.test.yaml files or beside the
    policies. 1 is the exit code when a verdict is not as expected, or a document
    is not right; 2 when there are no tests.
    """
    gathered = gather(paths)
    if gathered.problems:
        _write(junit_file, junit.of_problems(gathered.problems))
        say_problems(gathered.problems, "nothing was tested")
    if not gathered.suites:
        fail("no tests in what was given: none of the documents is a PolicyTest", USAGE)
    results = [result for suite, documents in gathered.suites for result in run(suite, documents)]
    never = rules_never_credited(gathered.documents, results)
    _write(junit_file, junit.of_results(results, lambda result: explained(result, gathered)))
    if output is Form.JSON:
        _print_json(results, gathered, never)
    else:
        _print_text(results, gathered, never, listed=coverage)
    if not all(result.passed for result in results):
        raise typer.Exit(FINDINGS)


def explained(result: CaseResult, gathered: Gathered) -> Iterator[str]:
    """All that is known of a case that failed, a line each: what was asked, what differs, and why."""
    case, verdict = result.case, result.verdict
    yield f"{result.suite.located.file}:{case.line}"
    yield f"event     {case.described}"
    yield f"workload  {_whose(case.workload)}"
    width = max(len(one.field) for one in result.differences)
    for one in result.differences:
        yield f"{one.field:{width}}  expected {_value(one.expected)}, found {_value(one.found)}"
    yield verdict.sentence
    by = verdict.decided_by
    if isinstance(by, RuleReference) and by in gathered.rules_at:
        yield f"decided by {gathered.rules_at[by]} ({by.action})"
    if not result.selected:
        policies = next(documents for suite, documents in gathered.suites if suite is result.suite)
        titles = ", ".join(one.title for one in policies) or "no policy at all"
        yield f"no rule selects this workload; in force for this test: {titles}"


def _whose(workload: Workload) -> str:
    title = workload.title if workload.kind == "container" else f"the host {workload.node}"
    container = f", container {workload.container}" if workload.container else ""
    labels = ", ".join(f"{key}={value}" for key, value in workload.labels.items())
    return f"{title}{container}, labels {labels or 'none'}"


def _value(value: Compared) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _print_text(
    results: Sequence[CaseResult], gathered: Gathered, never: Sequence[RuleReference], *, listed: bool
) -> None:
    suite = None
    for result in results:
        if result.suite is not suite:
            suite = result.suite
            _line(suite.title, "")
        _line(f"{'ok  ' if result.passed else 'FAIL'}  {result.case.name}", _INDENT)
        if not result.passed:
            for line in explained(result, gathered):
                _line(f"{_INDENT}{line}", f"{_INDENT}  ")
    failed = sum(not result.passed for result in results)
    total = len(gathered.rules_at)
    if listed:
        for rule in never:
            _line(f"never decides  {gathered.rules_at[rule]}  {_title(rule)}", _INDENT)
    hint = "; --coverage lists the others" if never and not listed else ""
    _line(f"{total - len(never)} of {total} rules decide a test{hint}", "")
    _line(f"{len(results) - failed} passed, {failed} failed", "")


def _line(text: str, indent: str) -> None:
    """A line, folded at the terminal's usual width; what cannot be folded, such as a path, stays whole."""
    for line in textwrap.wrap(
        printable(text), WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    ):
        out.print(line)


def _title(rule: RuleReference) -> str:
    name = f"{rule.namespace}/{rule.policy}" if rule.namespace else rule.policy
    return f"{rule.action}, {rule.place} of {rule.kind} {name}"


def _print_json(results: Sequence[CaseResult], gathered: Gathered, never: Sequence[RuleReference]) -> None:
    for result in results:
        row: dict[str, object] = {
            "suite": result.suite.name,
            "file": result.suite.located.file,
            "line": result.case.line,
            "name": result.case.name,
            "passed": result.passed,
            "differences": result.differences,
            "workload": result.case.workload,
            "event": result.case.event,
            "verdict": result.verdict,
            "rules_select": result.selected,
        }
        out.print(json_line(row))
    failed = sum(not result.passed for result in results)
    rows = [{"rule": rule, "at": gathered.rules_at[rule]} for rule in never]
    summary = {"passed": len(results) - failed, "failed": failed}
    out.print(json_line(summary | {"rules": len(gathered.rules_at), "rules_never_credited": rows}))


def _write(path: Path | None, report: Element) -> None:
    if path is None:
        return
    try:
        junit.write(report, path)
    except OSError as error:
        fail(f"{path}: {error.strerror}", USAGE)
