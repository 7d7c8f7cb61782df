"""What every command shares: the settings, the consoles and how errors end."""

import json
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from lictor import settings as settings_module
from lictor.exit_codes import INFRASTRUCTURE, USAGE
from lictor.settings import Settings, SettingsError
from wire.codec import encode
from wire.text import printable

# What comes from outside is printed with markup and emoji off: `[red]` in a path is a path.
out = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
err = Console(markup=False, emoji=False, highlight=False, soft_wrap=True, stderr=True)


class Form(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


Output = Annotated[Form, typer.Option("-o", "--output", help="Print text for people or JSON a line.")]


class Given:
    """The flags that stand before the command, kept until a command asks for the settings."""

    def __init__(self, config: Path | None, flags: dict[str, Any]) -> None:
        self._config = config
        self._flags = flags

    def settings(self, **more: Any) -> Settings:
        """File, environment and flags; `more` are a command's own flags, None where not given."""
        try:
            return settings_module.load(self._config, self._flags | more)
        except SettingsError as error:
            fail(str(error), USAGE)


def given(context: typer.Context) -> Given:
    """What the root command was given."""
    found = context.find_root().obj
    if not isinstance(found, Given):
        raise TypeError("the root command sets this before any other runs")
    return found


def json_line(record: object) -> str:
    """A record as one line of JSON that a terminal shows as it is: no control or format character in it.

    They stand as JSON's own escapes, so that whoever reads the line gets the same record.
    """
    return _NOT_ASCII.sub(_spelled, encode(record).decode())


def fail(sentence: str, code: int = INFRASTRUCTURE) -> NoReturn:
    """End with a sentence that says what to do."""
    say_error(sentence)
    raise typer.Exit(code)


def say_error(sentence: str) -> None:
    """Say what is wrong and what to do."""
    err.print(f"lictor: {_lines(sentence)}", style="red")


def warn(sentence: str) -> None:
    """Say what may surprise, and go on."""
    err.print(f"lictor: {_lines(sentence)}", style="yellow")


_NOT_ASCII = re.compile(r"[^\x20-\x7e]")


def _spelled(found: re.Match[str]) -> str:
    character = found[0]
    return character if printable(character) == character else json.dumps(character)[1:-1]


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.splitlines())
