"""The members of an enum of codes with what the source says about each."""

import ast
import inspect
import textwrap
from enum import StrEnum


def meanings(codes: type[StrEnum]) -> dict[str, str]:
    """Each code and the docstring below it, in one line; in the order of the source."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(codes))).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    last = ""
    for statement in definition.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant):
            last = str(statement.value.value)
            found[last] = ""
        elif last and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            found[last] = " ".join(str(statement.value.value).split())
    return found
