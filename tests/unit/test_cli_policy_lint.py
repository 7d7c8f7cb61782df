"""`lictor policy lint` as a person or a pipeline runs it: output, exit codes, what is refused."""

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from lictor.cli import policy_lint
from lictor.cli.main import app
from lictor.exit_codes import FINDINGS, OK, USAGE

SAMPLE = Path(__file__).parents[2] / "lictor" / "sample" / "documents"

CLEAN = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: clean, namespace: shop}
spec:
  severity: 3
  action: Block
  selector: {matchLabels: {app: cart}}
  process:
    matchPaths:
    - path: /usr/bin/apt
"""
WARNED = CLEAN.replace("/usr/bin/apt", "/bin/apt")
WRONG = CLEAN.replace("/usr/bin/apt", "/usr/../bin/apt")
KNOWN = """\
workloads:
- {cgroup: /a, namespace: shop, pod: cart-0, labels: {app: cart}}
"""


def run(*arguments: str | Path, stdin: str = "") -> Result:
    return CliRunner().invoke(app, ["policy", "lint", *map(str, arguments)], input=stdin)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "warned.yaml").write_text(WARNED)
    (tmp_path / "clean.yaml").write_text(CLEAN.replace("name: clean", "name: other"))
    return tmp_path


def test_findings_are_lines_that_editors_read(folder: Path) -> None:
    result = run(folder)
    assert result.exit_code == OK
    assert result.stdout == (
        f"{folder}/warned.yaml:10:13: warning: spec.process.matchPaths[0].path: /bin is a link to /usr/bin "
        "on merged-/usr images, so this never matches there; write /usr/bin/apt [symlink-trap]\n"
    )
    assert result.stderr == "2 policies read: 0 errors, 1 warning, 0 notes\n"


def test_exit_codes(folder: Path, tmp_path: Path) -> None:
    assert run(folder / "clean.yaml", "--strict").exit_code == OK
    assert run(folder, "--strict").exit_code == FINDINGS
    assert run(folder, "--image-layout", "merged-usr").exit_code == FINDINGS
    assert run(folder, "--image-layout", "split-usr", "--strict").exit_code == OK
    assert run("-", stdin=WRONG).exit_code == FINDINGS
    assert run("-", stdin="kind: Nothing").exit_code == FINDINGS
    assert run(tmp_path / "absent.yaml").exit_code == USAGE
    assert run("-", stdin="").exit_code == USAGE
    assert run(folder, "--image-layout", "other").exit_code == USAGE


def test_json_is_a_finding_a_line(folder: Path) -> None:
    result = run(folder, "-o", "json")
    (finding,) = map(json.loads, result.stdout.splitlines())
    assert finding["code"] == "symlink-trap"
    assert finding["severity"] == "warning"
    assert (finding["line"], finding["column"]) == (10, 13)
    assert result.stderr == ""


def test_problems_of_reading_stand_among_the_findings() -> None:
    result = run("-", stdin=f"{WRONG}---\n{CLEAN.replace('path:', 'paht:')}")
    assert [line.partition(": error: ")[0] for line in result.stdout.splitlines()] == [
        "standard input:10:13",
        "standard input:21:7",
        "standard input:21:7",
    ]
    assert "is not a field here; did you mean path? [unknown-field]" in result.stdout
    assert result.stderr == "1 policy read: 3 errors, 0 warnings, 0 notes\n"


def test_known_workloads(tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text(KNOWN)
    assert run("-", "--workloads", known, stdin=CLEAN).stdout == ""
    missed = run("-", "--workloads", known, stdin=CLEAN.replace("app: cart", "app: card"))
    assert (
        "no known workload of shop has app=card; did you mean cart? [selector-matches-nothing]"
        in missed.stdout
    )
    known.write_text("workloads: 3")
    refused = run("-", "--workloads", known, stdin=CLEAN)
    assert refused.exit_code == USAGE
    assert "known.txt:1" in refused.stderr


def test_postures() -> None:
    assert "[posture-without-allow]" in run("-", "--posture", "shop:file=block", stdin=CLEAN).stdout
    for wrong in ("shop", "shop:file", "shop:files=block", ":file=block", "shop:file=default"):
        result = run("-", "--posture", wrong, stdin=CLEAN)
        assert result.exit_code == USAGE
        assert "NAMESPACE:KIND=MODE" in result.stderr


def test_the_policy_that_is_shipped_is_clean_even_strictly() -> None:
    result = run(
        SAMPLE / "policy.yaml",
        "--strict",
        *("--image-layout", "merged-usr", "--posture", "dvwa:file=block"),
        *("--workloads", SAMPLE / "workloads.yaml"),
    )
    assert result.exit_code == OK, result.stdout


def test_what_an_author_chose_is_shown_without_harm() -> None:
    hostile = CLEAN.replace("/usr/bin/apt", '"/bin/\\e[2J[red]\\u202e"')
    result = run("-", stdin=hostile)
    assert "/usr/bin/\\x1b[2J[red]\\u202e" in result.stdout
    assert "\x1b" not in result.stdout


def test_on_a_terminal_lines_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(
        force_terminal=True, width=80, markup=False, highlight=False, soft_wrap=True, no_color=True
    )
    monkeypatch.setattr(policy_lint, "out", console)
    lines = run("-", stdin=WARNED).stdout.splitlines()
    assert lines[0].startswith("standard input:10:13: warning: ")
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert all(line.startswith("    ") for line in lines[1:])
    assert lines[-1].endswith("[symlink-trap]")
