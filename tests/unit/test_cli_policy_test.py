"""`lictor policy test`: what it reads, prints, writes and ends with."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lictor.cli.main import app
from lictor.cli.policy_files import policy_texts, read_policies
from lictor.sample.documents import FOLDER

POLICY = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: %s, namespace: ns}
spec:
  selector: {matchLabels: {app: web}}
  process: {matchPaths: [{path: /bin/%s}]}
  action: Block
"""
TEST = """\
apiVersion: lictor.dev/v1
kind: PolicyTest
workloads: {web: {namespace: ns, labels: {app: web}}}
tests:
- name: it is denied
  event: {exec: /bin/a}
  expect: block
"""

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments: str, files: dict[str, str] | None = None, given: str | None = None) -> Result:
        for name, text in (files or {}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return CliRunner().invoke(app, ["policy", "test", *arguments], input=given)

    return invoke


def rows(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def verdicts(result: Result) -> dict[str, str]:
    return {row["name"]: row["verdict"]["decision"] for row in rows(result)[:-1]}


def both(name: str = "a") -> str:
    return POLICY % (name, name) + "---\n" + TEST


def test_the_samples_own_tests_pass_and_every_rule_decides_one(run: Run) -> None:
    result = run(str(FOLDER))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-2:] == ["5 of 5 rules decide a test", "18 passed, 0 failed"]


def test_text_has_a_line_for_each_case_and_a_summary(run: Run) -> None:
    result = run("a.yaml", files={"a.yaml": both()})
    assert result.exit_code == 0
    assert result.stdout == "a.yaml\nok    it is denied\n1 of 1 rules decide a test\n1 passed, 0 failed\n"


def test_a_failure_says_what_was_asked_what_differs_and_why(run: Run) -> None:
    wrong = both().replace("expect: block", "expect: {decision: audit, alert: false, policy: b, severity: 3}")
    result = run("a.yaml", files={"a.yaml": wrong})
    assert result.exit_code == 1
    assert result.stdout == dedent("""\
        a.yaml
        FAIL  it is denied
              a.yaml:13
              event     exec: /bin/a
              workload  ns/pod, labels app=web
              decision  expected audit, found block
              alert     expected false, found true
              policy    expected b, found ns/a
              severity  expected 3, found none
              /bin/a is denied by spec.process.matchPaths[0] of KubeArmorPolicy ns/a.
              decided by a.yaml:6 (Block)
        1 of 1 rules decide a test
        0 passed, 1 failed
        """)


def test_a_failure_says_that_no_policy_selects_the_workload(run: Run) -> None:
    other = both().replace("web: {namespace: ns, labels: {app: web}}", "db: {namespace: ns}")
    result = run("a.yaml", files={"a.yaml": other})
    assert "no rule selects this workload; in force for this test: KubeArmorPolicy" in result.stdout
    assert "workload  ns/pod, labels none" in result.stdout


def test_lines_keep_to_80_columns(run: Run) -> None:
    wrong = both().replace("/bin/", f"/{'long/' * 12}").replace("block", "allow")
    result = run("a.yaml", files={"a.yaml": wrong.replace("denied", "denied " * 20)})
    assert result.exit_code == 1
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_what_a_test_says_is_shown_without_harm(run: Run) -> None:
    hostile = both().replace("it is denied", r'"\e[2J\u202e"').replace("block", "allow")
    result = run("a.yaml", "--junit", "j.xml", files={"a.yaml": hostile})
    assert r"FAIL  \x1b[2J\u202e" in result.stdout
    assert ET.parse("j.xml").find(".//testcase[@name='\\x1b[2J\\u202e']") is not None  # noqa: S314  # our own


def test_json_has_a_line_for_each_case_and_the_sums(run: Run) -> None:
    wrong = both().replace("expect: block", "expect: allow")
    case, sums = rows(run("a.yaml", "-o", "json", files={"a.yaml": wrong}))
    assert (case["suite"], case["file"], case["line"], case["passed"]) == ("a.yaml", "a.yaml", 13, False)
    assert case["differences"] == [{"field": "decision", "expected": "allow", "found": "block"}]
    assert case["verdict"]["decided_by"]["policy"] == "a"
    assert case["event"]["executable"] == {"path": "/bin/a"}
    assert sums == {"passed": 0, "failed": 1, "rules": 1, "rules_never_credited": []}


def test_junit_tells_failures_and_where_they_stand(run: Run) -> None:
    more = both() + "- {name: so is b, event: {exec: /bin/b}, expect: block}\n"
    assert run("a.yaml", "--junit", "j.xml", files={"a.yaml": more}).exit_code == 1
    root = ET.parse("j.xml").getroot()  # noqa: S314  # our own
    (suite,) = root
    assert [(one.get("tests"), one.get("failures"), one.get("errors")) for one in (root, suite)] == [
        ("2", "1", "0"),
        ("2", "1", "0"),
    ]
    good, bad = suite
    assert (good.get("name"), good.get("classname"), len(good)) == ("it is denied", "a.yaml", 0)
    assert (bad.get("file"), bad.get("line")) == ("a.yaml", "16")
    (failure,) = bad
    assert failure.get("message") == "not as expected: decision"
    assert "decision  expected block, found allow" in (failure.text or "")


def test_a_document_with_problems_is_told_whole_and_nothing_is_tested(run: Run) -> None:
    wrong = both().replace("spec:", "spek:").replace("event: {exec", "event: {exce")
    result = run("a.yaml", "--junit", "j.xml", files={"a.yaml": wrong})
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.split(": ")[0] for line in lines[:-1]] == ["a.yaml:1:1", "a.yaml:4:1", "a.yaml:14:10"]
    assert lines[-1] == "lictor: 3 problem(s); nothing was tested"
    assert [one.get("type") for one in ET.parse("j.xml").iter("error")] == [  # noqa: S314  # our own
        "missing-field",
        "unknown-field",
        "missing-field",
    ]


@pytest.mark.parametrize("files", [{"a.yaml": POLICY % ("a", "a")}, {"a.txt": "x"}])
def test_no_tests_is_an_error_of_usage(run: Run, files: dict[str, str]) -> None:
    result = run(".", files=files)
    assert result.exit_code == 2
    assert "no tests in what was given" in result.stderr


@pytest.mark.parametrize("arguments", [["nowhere.yaml"], ["a.yaml", "--junit", "no/folder.xml"]])
def test_files_that_cannot_be_used_are_errors_of_usage(run: Run, arguments: Sequence[str]) -> None:
    result = run(*arguments, files={"a.yaml": both()})
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_coverage_lists_the_rules_that_decide_no_test(run: Run) -> None:
    files = {"a.yaml": both() + "---\n" + POLICY % ("b", "b")}
    brief = run("a.yaml", files=files)
    assert "1 of 2 rules decide a test; --coverage lists the others" in brief.stdout
    listed = run("a.yaml", "--coverage")
    assert listed.stdout.splitlines()[2:4] == [
        "never decides  a.yaml:22  Block, spec.process.matchPaths[0] of KubeArmorPolicy",
        "      ns/b",
    ]
    assert listed.exit_code == 0


def test_policies_are_those_of_the_file_before_those_of_the_folder(run: Run) -> None:
    files = {"a.yaml": both("b"), "other.yaml": POLICY % ("other", "a")}
    assert verdicts(run("a.yaml", "-o", "json", files=files)) == {"it is denied": "allow"}


def test_policies_are_those_of_the_folder_but_not_of_folders_in_it_or_of_other_tests(run: Run) -> None:
    files = {
        "x.test.yaml": TEST,
        "in/b.yaml": POLICY % ("b", "a"),
        "y.test.yaml": POLICY % ("y", "a"),
        "c.yaml": POLICY % ("c", "c"),
    }
    assert verdicts(run("x.test.yaml", "-o", "json", files=files)) == {"it is denied": "allow"}
    assert verdicts(run("x.test.yaml", "-o", "json", files={"d.yml": POLICY % ("d", "a")})) == {
        "it is denied": "block"
    }


def test_policies_can_be_named(run: Run) -> None:
    named = TEST.replace("tests:", "policies: [../p/a.yaml, ../q]\ntests:")
    files = {"t/x.test.yaml": named, "p/a.yaml": POLICY % ("b", "b"), "q/a.json": POLICY % ("a", "a")}
    assert verdicts(run("t", "-o", "json", files=files)) == {"it is denied": "block"}
    none = TEST.replace("tests:", "policies: []\ntests:")
    files = {"t/x.test.yaml": none, "t/a.yaml": POLICY % ("a", "a")}
    assert verdicts(run("t", "-o", "json", files=files)) == {"it is denied": "allow"}


@pytest.mark.parametrize(
    ("named", "problem"),
    [
        ("policies: [gone.yaml]", "x.test.yaml:4:12: policies[0]: there is no gone.yaml [unknown-name]"),
        ("policies: [./e]", "x.test.yaml:4:12: policies[0]: no policy stands in e [unknown-name]"),
        ("settings: {}", "x.test.yaml:1:1: no policy stands beside this; name files in policies, or write"),
    ],
)
def test_a_test_without_the_policies_that_it_is_about_is_a_problem(
    run: Run, named: str, problem: str
) -> None:
    files = {"x.test.yaml": TEST.replace("tests:", f"{named}\ntests:"), "e/x.txt": ""}
    result = run("x.test.yaml", files=files)
    assert result.exit_code == 1
    assert problem in result.stderr


def test_standard_input_is_read(run: Run) -> None:
    result = run("-", given=both())
    assert result.stdout.splitlines() == [
        "standard input",
        "ok    it is denied",
        "1 of 1 rules decide a test",
        "1 passed, 0 failed",
    ]


def test_a_file_that_is_given_twice_is_tested_once(run: Run) -> None:
    result = run("a.yaml", "./a.yaml", ".", files={"a.yaml": both()})
    assert result.stdout.splitlines()[-1] == "1 passed, 0 failed"


def test_readers_of_policies_pass_tests_by(run: Run, tmp_path: Path) -> None:
    run(files={"a.yaml": both(), "b.test.yaml": POLICY % ("b", "b"), "map.yaml": "workloads: []"})
    assert [one.name for one in read_policies([tmp_path])] == ["a"]
    assert [Path(one.name).name for one in policy_texts([tmp_path])] == ["a.yaml", "map.yaml"]
    assert [one.name for one in read_policies([tmp_path / "b.test.yaml"])] == ["b"]
