"""Values that documents hold, and what each has to look like.

A refusal is a `PydanticCustomError` whose type is a `ProblemCode` and whose message says what would be
right. `shapes` has as much of each rule as a schema can say.
"""

import difflib
import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, StrictBool, StrictInt, StrictStr, WithJsonSchema
from pydantic_core import PydanticCustomError

from policy.documents import shapes
from policy.documents.problems import ProblemCode
from policy.documents.shapes import LONGEST_NAME, LONGEST_PATH, MOST_ARGUMENTS
from policy.documents.vocabulary import CAPABILITIES, PRESETS, PROTOCOLS
from policy.glob import LONGEST, Glob, GlobError
from policy.text import shown

ActionName = Literal["Allow", "Audit", "Block"]


def refusal(code: ProblemCode, sentence: str) -> PydanticCustomError:
    """The error that a validator raises. `sentence` may hold what the author wrote, made safe."""
    # Without a context pydantic formats nothing, so that braces in what the author wrote are harmless.
    return PydanticCustomError(code.value, sentence)


def nearest(word: str, known: Iterable[str]) -> str:
    """`: did you mean X?` where a known word is near, else the empty string."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[found[0]]}?" if found else ""


def _action(value: object) -> object:
    if not isinstance(value, str):
        return value
    name = value.capitalize()
    # Only ASCII: Python takes a Kelvin sign for a k in upper case.
    if name not in {"Allow", "Audit", "Block"} or not value.isascii():
        near = nearest(value, ("Allow", "Audit", "Block"))
        raise refusal(ProblemCode.BAD_ACTION, f"{shown(value)} is none of Allow, Audit and Block{near}")
    return name


def _severity(value: int) -> int:
    if not 1 <= value <= 10:
        raise refusal(ProblemCode.BAD_SEVERITY, f"severity goes from 1 to 10; this is {shown(str(value))}")
    return value


def _path(value: str) -> str:
    _not_too_long(value, ProblemCode.BAD_PATH)
    if not value.startswith("/"):
        raise refusal(ProblemCode.BAD_PATH, f"{shown(value)} has to begin with /: paths are absolute")
    if value.endswith("/"):
        raise refusal(
            ProblemCode.BAD_PATH,
            f"{shown(value)} ends in /: a path names a file; matchDirectories takes `dir`",
        )
    return _one_line(value, ProblemCode.BAD_PATH)


def _directory(value: str) -> str:
    _not_too_long(value, ProblemCode.BAD_DIRECTORY)
    if not value.startswith("/") or not value.endswith("/"):
        raise refusal(ProblemCode.BAD_DIRECTORY, f"{shown(value)} has to begin and to end with /")
    return _one_line(value, ProblemCode.BAD_DIRECTORY)


def _not_too_long(value: str, code: ProblemCode) -> None:
    if len(value) > LONGEST_PATH:
        raise refusal(code, f"a path has at most {LONGEST_PATH} characters; this has {len(value)}")


def _one_line(value: str, code: ProblemCode) -> str:
    if "\n" in value or "\0" in value:
        raise refusal(code, f"{shown(value)} holds a line break or a NUL")
    return value


def _path_or_directory(value: str) -> str:
    return _directory(value) if value.endswith("/") else _path(value)


def _pattern(value: str) -> str:
    try:
        Glob(value)
    except GlobError as error:
        raise refusal(
            ProblemCode.BAD_PATTERN, f"{shown(value)} cannot be read as a pattern: {error}"
        ) from error
    return value


def _execname(value: str) -> str:
    if not value or "/" in value:
        raise refusal(
            ProblemCode.BAD_EXECNAME, "execname is the last part of a program's path, such as apt: no / in it"
        )
    return _one_line(value, ProblemCode.BAD_EXECNAME)


def _arguments(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(value) > MOST_ARGUMENTS:
        raise refusal(
            ProblemCode.BAD_ARGUMENTS,
            f"at most {MOST_ARGUMENTS} arguments can be listed; these are {len(value)}",
        )
    return value


def comma_list(value: str) -> tuple[str, ...]:
    """`"tcp, udp"` as `("tcp", "udp")`; blank entries are skipped."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _protocols(value: str) -> str:
    names = comma_list(value)
    if not names:
        raise refusal(ProblemCode.BAD_PROTOCOL, f"name a protocol: {', '.join(PROTOCOLS)}")
    for name in names:
        if name.lower() not in PROTOCOLS or not name.isascii():
            raise refusal(
                ProblemCode.BAD_PROTOCOL,
                f"{shown(name)} is none of {', '.join(PROTOCOLS)}{nearest(name, PROTOCOLS)}",
            )
    return value


def _capabilities(value: str) -> str:
    names = comma_list(value)
    if not names:
        raise refusal(ProblemCode.BAD_CAPABILITY, "name a capability, such as net_raw")
    for name in names:
        if name not in CAPABILITIES:
            near = nearest(name.lower().removeprefix("cap_"), CAPABILITIES)
            raise refusal(
                ProblemCode.BAD_CAPABILITY,
                f"{shown(name)} is no capability; write it in lower case without cap_, such as net_raw{near}",
            )
    return value


def _domain(value: str) -> str:
    name = value.removesuffix(".")
    if len(name) > LONGEST_NAME or not all(
        re.fullmatch(shapes.DOMAIN_LABEL, label) for label in name.split(".")
    ):
        raise refusal(
            ProblemCode.BAD_DOMAIN,
            f"{shown(value)} is no domain name; write it as example.com (its subdomains are covered)",
        )
    return value


def _syscalls(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise refusal(ProblemCode.BAD_SYSCALL, "list at least one system call, such as unlink")
    return value


def _syscall(value: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", value):
        raise refusal(
            ProblemCode.BAD_SYSCALL,
            f"{shown(value)} is no system call; write its name in lower case, such as unlink",
        )
    return value


def _not_allow(action: ActionName) -> ActionName:
    if action == "Allow":
        raise refusal(ProblemCode.BAD_ACTION, "a preset is Audit or Block: there is nothing to allow")
    return action


def _preset(value: str) -> str:
    if value not in PRESETS:
        raise refusal(
            ProblemCode.BAD_PRESET, f"{shown(value)} is none of {', '.join(PRESETS)}{nearest(value, PRESETS)}"
        )
    return value


def _name(value: str) -> str:
    if len(value) > LONGEST_NAME or not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", value):
        raise refusal(
            ProblemCode.BAD_NAME,
            f"{shown(value)} is no name: letters and digits, - _ and . between them, 253 at most",
        )
    return value


Text = StrictStr
Flag = StrictBool
Action = Annotated[ActionName, BeforeValidator(_action), WithJsonSchema(shapes.ACTION)]
PresetAction = Annotated[Action, AfterValidator(_not_allow), WithJsonSchema(shapes.PRESET_ACTION)]
Severity = Annotated[StrictInt, AfterValidator(_severity), WithJsonSchema(shapes.SEVERITY)]
Name = Annotated[StrictStr, AfterValidator(_name), WithJsonSchema(shapes.NAME)]
FilePath = Annotated[StrictStr, AfterValidator(_path), WithJsonSchema(shapes.FILE_PATH)]
Directory = Annotated[StrictStr, AfterValidator(_directory), WithJsonSchema(shapes.DIRECTORY)]
FilePathOrDirectory = Annotated[
    StrictStr, AfterValidator(_path_or_directory), WithJsonSchema(shapes.FILE_PATH_OR_DIRECTORY)
]
Pattern = Annotated[StrictStr, AfterValidator(_pattern), WithJsonSchema(shapes.pattern_shape(LONGEST))]
ExecName = Annotated[StrictStr, AfterValidator(_execname), WithJsonSchema(shapes.EXECNAME)]
Arguments = Annotated[tuple[StrictStr, ...], AfterValidator(_arguments), WithJsonSchema(shapes.ARGUMENTS)]
Protocols = Annotated[StrictStr, AfterValidator(_protocols), WithJsonSchema(shapes.PROTOCOLS_LIST)]
"""One protocol or a comma list, as written; see `comma_list`."""
Capabilities = Annotated[StrictStr, AfterValidator(_capabilities), WithJsonSchema(shapes.CAPABILITIES_LIST)]
"""One capability or a comma list, as written."""
Domain = Annotated[StrictStr, AfterValidator(_domain), WithJsonSchema(shapes.DOMAIN)]
SyscallName = Annotated[StrictStr, AfterValidator(_syscall)]
SyscallNames = Annotated[
    tuple[SyscallName, ...],
    AfterValidator(_syscalls),
    WithJsonSchema(shapes.SYSCALLS),
]
PresetName = Annotated[StrictStr, AfterValidator(_preset), WithJsonSchema(shapes.PRESET)]
