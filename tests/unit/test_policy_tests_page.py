"""docs/policy-tests.md: its example runs as it says, and it lists all that can be written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from lictor.cli.main import app
from policy.described import VERBS
from policy.described.sockets import SocketNumbers
from policy.described.workload import DescribedContainer, DescribedHost
from policy.expectations.written import (
    DescribedNamespace,
    DescribedSettings,
    Expected,
    ExpectedPosture,
    NamespacePostures,
    PolicyTest,
    WrittenCase,
)

PAGE = (Path(__file__).parents[2] / "docs" / "policy-tests.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_does_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ping.yaml").write_text(block("yaml"))
    result = CliRunner().invoke(app, ["policy", "test", "ping.yaml"])
    command, output = block("text").split("\n", 1)
    assert command == "$ lictor policy test ping.yaml"
    assert result.stdout == output
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "model",
    [
        PolicyTest,
        WrittenCase,
        DescribedSettings,
        DescribedNamespace,
        NamespacePostures,
        Expected,
        ExpectedPosture,
        DescribedContainer,
        DescribedHost,
        SocketNumbers,
        *dict.fromkeys(VERBS.values()),
    ],
)
def test_the_page_names_every_field(model: type[BaseModel]) -> None:
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    words = {word for span in re.findall(r"`([^`]+)`", prose) for word in re.findall(r"\w+", span)}
    fields = {field.alias or "" for field in model.model_fields.values()}
    assert fields - words - {"apiVersion"} == set()
