"""The worked examples, and the program that runs them."""

import json
from pathlib import Path

import msgspec
import pytest

from policy.documents import read_document
from tests.conformance.__main__ import cases, check, main
from tests.conformance.case import Case, SkippedError

FILE = Path(__file__).parents[1] / "conformance" / "cases.jsonl"
CASES = list(cases(FILE))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_case(case: Case) -> None:
    try:
        wrong = check(case)
    except SkippedError as reason:
        pytest.skip(str(reason))
    assert not wrong


def test_every_document_of_the_cases_is_valid_whatever_its_sections() -> None:
    documents = [document for case in CASES for document in case.policies]
    problems = [str(p) for one in documents for p in read_document(msgspec.json.encode(one)).problems]
    assert len(documents) > 100
    assert not problems


def test_runner_tells_what_differs_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [json.loads(line) for line in FILE.read_text().splitlines()]
    executions = [line for line in lines if line["event"]["operation"] == "Process"][:2]
    files = [line for line in lines if line["event"]["operation"] == "File"][:1]
    executions[0]["expect"]["allowed"] = not executions[0]["expect"]["allowed"]
    wrong = tmp_path / "wrong.jsonl"
    wrong.write_text("\n".join(map(json.dumps, executions + files)))
    assert main([str(wrong)]) == 1
    out = capsys.readouterr().out
    assert f"FAILED {executions[0]['id']}" in out
    assert "allowed: expected" in out
    assert out.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"
    assert "skipped 1: operation File" in out


def test_runner_passes_and_asks_for_files(tmp_path: Path) -> None:
    right = tmp_path / "right.jsonl"
    first = next(line for line in FILE.read_text().splitlines() if '"operation": "Process"' in line)
    right.write_text(first + "\n\n")
    assert main([str(right)]) == 0
    assert main([]) == 2
