"""The codes of lint in docs/semantics.md are those of the code."""

from policy.documents import ProblemCode
from policy.lint import LintCode
from tests.documented.codes import meanings
from tests.documented.page import hold, table


def test_codes() -> None:
    found = meanings(LintCode)
    assert set(found) == {code.value for code in LintCode}
    assert all(found.values()), "a code has no docstring"
    hold(
        "semantics.md",
        "lint",
        table(("code", "meaning"), [(f"`{code}`", text) for code, text in found.items()]),
    )


def test_no_code_is_a_problem_of_the_reader() -> None:
    assert not {code.value for code in LintCode} & {code.value for code in ProblemCode}
