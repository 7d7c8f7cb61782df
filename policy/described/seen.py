"""Texts of descriptions in the form in which events carry them."""

from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt, StrictStr

from policy.documents.fields import refusal
from policy.documents.problems import ProblemCode
from policy.events import Executable
from policy.text import as_seen, shown

LONGEST = 4096
"""Characters of one path: PATH_MAX of Linux."""


def _text(value: str) -> str:
    if "\0" in value:
        raise refusal(ProblemCode.BAD_PATH, f"{shown(value)} holds a NUL, which no path or argument can")
    return as_seen(value)


def _path(value: str) -> str:
    if not value or len(value) > LONGEST:
        raise refusal(ProblemCode.BAD_PATH, f"a path has 1 to {LONGEST} characters; this has {len(value)}")
    if value != "/" and value.endswith("/"):
        raise refusal(ProblemCode.BAD_PATH, f"{shown(value)}: the kernel reports no path with / at its end")
    if any(part in {"", ".", ".."} for part in value.split("/")[1:]) and value != "/":
        raise refusal(
            ProblemCode.BAD_PATH, f"{shown(value)}: the kernel reports resolved paths, without //, . and .."
        )
    return _text(value)


def _absolute(value: str) -> str:
    if not value.startswith("/"):
        raise refusal(ProblemCode.BAD_PATH, f"{shown(value)} has to begin with /: paths are absolute")
    return _path(value)


SeenText = Annotated[StrictStr, AfterValidator(_text)]
"""An argument, or a path as a program gave it."""
ResolvedPath = Annotated[StrictStr, AfterValidator(_absolute)]
"""As the kernel resolved it."""
PathOrEnd = Annotated[StrictStr, AfterValidator(_path)]
"""As the kernel resolved it, or where the event has it truncated the end of that."""
Number = Annotated[StrictInt, Field(ge=0, le=2**32 - 1)]
"""An id, or a number of the kernel's."""


def program(path: str | None) -> Executable | None:
    """A program that acts; None where it is not known."""
    return None if path is None else Executable(path=path)
