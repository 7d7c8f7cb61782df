"""The generated parts of docs/semantics.md are what the code says."""

from enum import StrEnum

import pytest

from policy.documents.problems import ProblemCode
from policy.lint import LintCode
from policy.verdict import Reason
from tests.documented import posture
from tests.documented.codes import meanings
from tests.documented.page import hold, table

PAGE = "semantics.md"
OUTCOME = ("decision", "action", "alert", "credited to")


@pytest.mark.parametrize(
    ("name", "codes"), [("reasons", Reason), ("problems", ProblemCode), ("lint", LintCode)]
)
def test_codes(name: str, codes: type[StrEnum]) -> None:
    found = meanings(codes)
    assert set(found) == {code.value for code in codes}
    assert all(found.values()), "a code has no docstring"
    hold(PAGE, name, table(("code", "meaning"), [(f"`{code}`", text) for code, text in found.items()]))


def test_no_code_means_two_things() -> None:
    assert not {code.value for code in LintCode} & {code.value for code in ProblemCode}


def test_posture_of_a_miss() -> None:
    heads = ("an Allow selects the workload", "annotation", "global", *OUTCOME)
    hold(PAGE, "misses", table(heads, posture.misses()))


def test_sections_and_postures() -> None:
    heads = ("an Allow rule of", "is backed by", "and then denies what it does not list of")
    hold(PAGE, "sections", table(heads, posture.sections()))


def test_modes() -> None:
    hold(PAGE, "modes", table(("mode", "denied by", *OUTCOME), posture.modes()))
