"""`lictor policy diff`: what is compared, what is printed and what it ends with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lictor.cli.main import app
from lictor.exit_codes import FINDINGS, OK, USAGE
from lictor.sample.documents import POLICY_FILE, WORKLOADS_FILE

POLICY = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: %s, namespace: ns}
spec:
  selector: {matchLabels: {app: web}}
  process: {matchPaths: [{path: %s, action: %s}]}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {
        "nothing": "",
        "block": POLICY % ("p", "/usr/bin/id", "Block"),
        "audit": POLICY % ("p", "/usr/bin/id", "Audit"),
        "allow": POLICY % ("q", "/usr/bin/dash", "Allow"),
        "bad": POLICY % ("p", "id", "Block"),
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    return {name: str(tmp_path / f"{name}.yaml") for name in texts}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["policy", "diff", *arguments])


def read(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def kinds(result: Result) -> set[str]:
    return {one["change"] for group in read(result)["groups"] for one in group["consequences"]}


def test_what_is_newly_denied_ends_in_one(files: dict[str, str]) -> None:
    result = run(files["audit"], files["block"])
    assert result.exit_code == FINDINGS
    assert result.stdout == (
        """\
1 of 2 group(s) of workloads change; of the events tried: 1 newly denied, 0
  newly allowed, 0 alert changed, 0 credit changed.

a pod of ns with app=web
  - process: Audit /usr/bin/id: passes with an alert
  + process: Block /usr/bin/id: is denied
  NEWLY DENIED  exec: /usr/bin/id
      before: PASSES WITH AN ALERT [rule-audit]: /usr/bin/id passes, with an
          alert by spec.process.matchPaths[0] of KubeArmorPolicy ns/p.
      after:  DENIED [rule-block]: /usr/bin/id is denied by
          spec.process.matchPaths[0] of KubeArmorPolicy ns/p.
"""
    )


def test_what_is_only_allowed_ends_in_zero(files: dict[str, str]) -> None:
    result = run(files["block"], files["nothing"], "-o", "json")
    assert result.exit_code == OK
    assert kinds(result) == {"newly-allowed"}


def test_the_same_in_two_files_is_no_change(files: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "copy.yaml"
    copy.write_text(Path(files["block"]).read_text())
    result = run(files["block"], str(copy))
    assert (result.exit_code, result.stdout) == (
        OK,
        "Nothing changes for any of 2 group(s) of workloads.\n",
    )


def test_postures_of_both_sides_and_of_one(files: dict[str, str]) -> None:
    sides = (files["nothing"], files["allow"])
    assert run(*sides).exit_code == OK
    result = run(*sides, "--posture", "ns:file=block")
    assert result.exit_code == FINDINGS
    assert "process: allow-list mode is switched on" in result.stdout
    assert "process: what no rule is about passes -> is denied" in result.stdout
    copy = Path(files["allow"]).with_name("copy.yaml")
    copy.write_text(Path(files["allow"]).read_text())
    one = run(files["allow"], str(copy), "--posture-after", "file=block")
    assert one.exit_code == FINDINGS
    assert "file posture: audit (global) -> block (global)" in one.stdout
    other = run(files["allow"], str(copy), "--posture-before", "file=block")
    assert other.exit_code == OK


def test_adding_keeps_what_was_there(files: dict[str, str]) -> None:
    result = run(files["block"], files["allow"], "--add", "-o", "json")
    assert result.exit_code == OK
    assert kinds(result) == {"alert-changed"}
    assert "newly-allowed" in kinds(run(files["block"], files["allow"], "-o", "json"))


def test_workloads_of_a_file_are_the_ones_looked_at(files: dict[str, str]) -> None:
    given = ("--workloads", str(WORKLOADS_FILE))
    assert read(run(files["nothing"], files["block"], *given, "-o", "json"))["groups"] == []
    result = run(files["nothing"], str(POLICY_FILE), *given, "--posture", "dvwa:file=block")
    assert result.exit_code == FINDINGS
    assert "\ndvwa/dvwa-web-0\n" in result.stdout


def test_alike_events_are_one_example_unless_all_are_wanted(files: dict[str, str]) -> None:
    sides = (files["nothing"], str(POLICY_FILE), "--posture", "dvwa:file=block")
    result = run(*sides)
    assert "more event(s) alike" in result.stdout
    every = run(*sides, "--all").stdout
    assert every.count("NEWLY DENIED") > result.stdout.count("NEWLY DENIED")
    assert "more event(s) alike" not in every
    assert all(len(line) <= 80 for line in every.splitlines())


def test_json_is_one_object(files: dict[str, str]) -> None:
    found = read(run(files["audit"], files["block"], "-o", "json"))
    (group,) = found["groups"]
    (consequence,) = group["consequences"]
    assert consequence["described"] == {"exec": "/usr/bin/id"}
    assert consequence["before"]["reason"] == "rule-audit"
    assert group["workload"]["labels"] == {"app": "web"}


def test_folders_and_what_cannot_be_used(files: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "p.yaml").write_text(Path(files["block"]).read_text())
    assert run(files["nothing"], str(folder)).exit_code == FINDINGS
    for arguments, sentence in (
        ((files["block"], files["bad"]), "problem(s) in the policies"),
        ((files["block"], "/no/such"), "/no/such"),
        ((files["block"], files["block"]), "nothing to compare"),
        ((files["block"], "current", "--add"), "--add is about documents"),
        ((files["block"], files["allow"], "--posture", "x"), "KIND=MODE"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (USAGE, ""), arguments
        assert sentence in result.stderr
