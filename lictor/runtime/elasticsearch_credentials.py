"""Who may enter the Elasticsearch of a state folder: names and passwords, made once.

They are below the folder's `keys/`, which only the one who runs `lictor up` can read. Elasticsearch itself
gets salted hashes of them. API keys are made of these identities and are not kept here.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lictor.runtime.errors import CredentialError

if TYPE_CHECKING:
    from pathlib import Path

    from lictor.runtime.state import LocalState

ADMIN = "lictor-admin"
"""May do everything; sets up roles, templates and keys."""

READER = "lictor-reader"
"""Reads what is stored; for people and their curl."""

ROLES = {ADMIN: "superuser", READER: "lictor-analyst"}

PASSWORD_BYTES = 24
ROUNDS = 1000
"""Of PBKDF2. The password is 192 random bits: nobody guesses it, however fast a guess is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """A name and its password."""

    user: str
    password: str = field(repr=False)

    @property
    def authorization(self) -> str:
        """The header's value of HTTP's basic authentication."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")

    @property
    def hash(self) -> str:
        """The password as the file realm keeps it, with a new salt.

        org.elasticsearch.xpack.core.security.authc.support.Hasher: `{PBKDF2}rounds$salt$hash`, SHA-512.
        """
        salt = secrets.token_bytes(32)
        digest = hashlib.pbkdf2_hmac("sha512", self.password.encode(), salt, ROUNDS, 32)
        return f"{{PBKDF2}}{ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def folder_of(root: Path) -> Path:
    """Where the passwords of a state folder are."""
    return root / "keys" / "elasticsearch"


def netrc_of(root: Path) -> Path:
    """The reader's password in the form of netrc(5), for `curl --netrc-file`."""
    return folder_of(root) / "reader.netrc"


def make(state: LocalState) -> dict[str, Credentials]:
    """Every identity, by name; those that are missing are made."""
    folder = folder_of(state.root)
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ROLES:
        if not (folder / name).exists():
            _write(folder / name, secrets.token_urlsafe(PASSWORD_BYTES) + "\n")
    found = {name: read(state.root, name) for name in ROLES}
    netrc = netrc_of(state.root)
    text = f"machine 127.0.0.1 login {READER} password {found[READER].password}\n"
    if not netrc.exists() or netrc.read_text(encoding="ascii") != text:
        _write(netrc, text)
    return found


def read(root: Path, name: str) -> Credentials:
    """How `name` enters the Elasticsearch of the state folder `root`.

    Raises:
        CredentialError: this user may not know, or there is no such identity.
    """
    path = folder_of(root) / name
    try:
        return Credentials(user=name, password=path.read_text(encoding="ascii").strip())
    except PermissionError as error:
        raise CredentialError(
            f"the local Elasticsearch asks who one is, and this user may not read {path}: use sudo, or set "
            "elasticsearch_api_key_file to a file with the key that you were given"
        ) from error
    except FileNotFoundError as error:
        raise CredentialError(
            f"{path} is missing: stop `lictor up` and start it again, it makes it"
        ) from error


def _write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii"
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
