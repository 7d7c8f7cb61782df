"""What settings have in common: the error, secrets out of files, and what a local `lictor up` offers."""

from pathlib import Path

from pydantic import SecretStr

from lictor.runtime.state import Live, default_state, find_live
from wire.errors import OperatorError


class SettingsError(OperatorError):
    """A setting is wrong; the message names it and says what would be right."""


def local_runtime(otherwise: str, given: str | None) -> Live | None:
    """What a local `lictor up` offers; `given` is what is used instead where this user may not know."""
    try:
        return find_live()
    except PermissionError as error:
        if given is not None:
            return None
        raise SettingsError(
            f"a `lictor up` may be running whose folder {default_state()} this user may not enter: use "
            f"sudo, or say with {otherwise}"
        ) from error


def secret(name: str, value: SecretStr | None, path: Path | None) -> str | None:
    """A secret that was set, or that is the only line of a file.

    Raises:
        SettingsError: the file cannot be read, or is not a line.
    """
    if path is None:
        return None if value is None else value.get_secret_value()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_file: {error}; make it readable for whom the service runs as") from error
    if len(lines) != 1 or not lines[0]:
        raise SettingsError(f"{name}_file: {path} has {len(lines)} lines and must have one, the password")
    return lines[0]
