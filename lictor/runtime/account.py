"""The unprivileged users that servers and services run as.

The enforcer has one of its own: it alone may read the node's sealing key and talk to the signaller, and
none of the others could do either by being taken over.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from lictor.runtime.errors import AccountError

NAME = "lictor"
ENFORCER = "lictor-enforcer"
"""Of the group of `NAME`, so that it can enter the state folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """A user as setuid(2) and its kin need it."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]

    def own(self, path: Path) -> None:
        """Give a file or folder to this user, without following a link."""
        os.chown(path, self.uid, self.gid, follow_symlinks=False)


def find(name: str = NAME) -> Account | None:
    """The account, or None where the system has none of that name."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    groups = tuple(os.getgrouplist(name, entry.pw_gid))
    return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid, groups=groups)


def unprivileged(name: str = NAME) -> Account | None:
    """Whom to drop to: the system user when root; None, everything as oneself, when not.

    Raises AccountError when root and the user does not exist.
    """
    if os.geteuid() != 0:
        return None
    account = find(name)
    if account is None:
        msg = f"there is no system user {name!r}: `make setup` makes it"
        raise AccountError(msg)
    return account
