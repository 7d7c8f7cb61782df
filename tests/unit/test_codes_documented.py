"""Every stable code has its place in docs/semantics.md, and the page lists none that is gone."""

import re
from pathlib import Path

import pytest

from policy.documents.problems import ProblemCode
from policy.verdict import Reason

PAGE = (Path(__file__).parents[2] / "docs" / "semantics.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("heading", "codes"), [("Reason codes", Reason), ("Problem codes", ProblemCode)])
def test_the_page_lists_exactly_these(heading: str, codes: type[Reason] | type[ProblemCode]) -> None:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `([a-z-]+)` \| \S", section, re.MULTILINE) == [code.value for code in codes]
