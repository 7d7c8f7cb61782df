"""Let an unprivileged service read this program wherever it was cloned.

Root's home is closed to others, and a clone in it would be too. A service that drops to another user
then sees the program at a second place: a bind mount in a mount namespace of its own, which ends with
it and which nobody else sees. util-linux does the work: unshare, mount, setpriv.
"""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from lictor.runtime.account import Account

_BIND = 'mount --bind "$0" "$1" && cd "$1" && shift && exec "$@"'

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds the packages and, in a clone, the virtual environment."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How to start a module. `account` is None where the command drops by itself."""

    argv: tuple[str, ...]
    cwd: Path
    account: Account | None


def launch(
    module: tuple[str, ...], *, become: Account | None, reader: Account | None, mount_point: Path
) -> Launch:
    """The command for `python -m MODULE ARGUMENTS...`; `module` is both.

    `become`: the user to start it as; None leaves that to the program. `reader`: who must be able to
    read the program sooner or later; None where nobody but oneself. `mount_point` is used only where
    `reader` could not read it otherwise; it is made if it is missing.
    """
    if reader is None or reaches(reader, ROOT):
        argv = (sys.executable, "-m", *module)
        return Launch(argv=argv, cwd=ROOT, account=become)
    mount_point.mkdir(mode=0o755, exist_ok=True)
    interpreter = Path(sys.executable)
    python = mount_point / interpreter.relative_to(ROOT) if interpreter.is_relative_to(ROOT) else interpreter
    setpriv = (
        ()
        if become is None
        else (
            "setpriv",
            f"--reuid={become.uid}",
            f"--regid={become.gid}",
            "--clear-groups",
            "--no-new-privs",
        )
    )
    argv = (
        *("unshare", "--mount", "--propagation", "private"),
        *("sh", "-c", _BIND, str(ROOT), str(mount_point)),
        *(*setpriv, str(python), "-m", *module),
    )
    return Launch(argv=argv, cwd=Path("/"), account=None)


def reaches(account: Account, path: Path) -> bool:
    """Whether the account may enter `path` and every folder above it, by their plain modes."""
    return all(_enters(account, folder.stat()) for folder in (path, *path.parents))


def _enters(account: Account, found: os.stat_result) -> bool:
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
