"""Who may enter the broker of a state folder: a name and a password for each principal, made once.

They are below the folder's `keys/`, one file each, which only the one who runs `lictor up` can read. Every
service is handed its own; commands in other terminals read the operator's.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from lictor.runtime.errors import CredentialError
from wire.access import ADMIN, PRINCIPALS
from wire.security import Security

if TYPE_CHECKING:
    from pathlib import Path

    from lictor.runtime.state import LocalState

BROKER = "broker"
"""The broker itself, towards its own controller; its password is another one at each start."""

OPERATOR = "operator"

_PASSWORD_BYTES = 24


def folder_of(root: Path) -> Path:
    """Where the passwords of a state folder are."""
    return root / "keys" / "kafka"


def make(state: LocalState) -> dict[str, str]:
    """Every principal's password; those that are missing are made."""
    folder = folder_of(state.root)
    folder.mkdir(mode=0o700, exist_ok=True)
    for principal in (ADMIN, *PRINCIPALS):
        path = folder / principal
        if path.exists():
            continue
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
            file.write(secrets.token_urlsafe(_PASSWORD_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    return {principal: _password(state.root, principal) for principal in (ADMIN, *PRINCIPALS)}


def read(root: Path, principal: str) -> Security:
    """How `principal` enters the broker of the state folder `root`.

    Raises:
        CredentialError: this user may not know, or there is no such principal.
    """
    return Security(
        protocol="sasl_plaintext",
        mechanism="PLAIN",
        user=principal,
        password=_password(root, principal),
    )


def jaas(principal: str, password: str, users: dict[str, str]) -> str:
    """A listener's part of the broker's settings: as whom it itself connects, and whom it lets in."""
    options = {"username": principal, "password": password}
    options |= {f"user_{name}": secret for name, secret in users.items()}
    said = " ".join(f'{name}="{value}"' for name, value in options.items())
    return f"org.apache.kafka.common.security.plain.PlainLoginModule required {said};"


def broker_password() -> str:
    """A new one."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def _password(root: Path, principal: str) -> str:
    path = folder_of(root) / principal
    try:
        return path.read_text(encoding="ascii").strip()
    except PermissionError as error:
        raise CredentialError(
            f"the local Kafka asks who one is, and this user may not read {path}: use sudo, or set "
            "kafka_protocol, kafka_mechanism, kafka_user and kafka_password to what you were given"
        ) from error
    except FileNotFoundError as error:
        raise CredentialError(
            f"{path} is missing: end `lictor up` and start it again, it makes it"
        ) from error
