"""Give up privileges for good, and see that they are gone.

Capabilities, the bounding set and no_new_privs belong to threads, not to processes: drop before the
first thread starts (clients of Kafka start some). Standard library and prctl(2)/capset(2) only.
"""

from __future__ import annotations

import ctypes
import os
import pwd
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path

from wire.errors import OperatorError

_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_READ = 23
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522


class Capability(IntEnum):
    """Capabilities that a service here may keep, by their number (capabilities(7))."""

    DAC_READ_SEARCH = 2
    KILL = 5
    SYS_PTRACE = 19
    PERFMON = 38
    BPF = 39


class PrivilegeError(OperatorError):
    """Privileges could not be given up, or were still there afterwards: do not go on."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Data(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def drop_privileges(user: str, keep: Iterable[Capability] = ()) -> None:
    """Become `user` with its primary group only, keeping the capabilities in `keep` and no way to more.

    Supplementary groups, the bounding, inheritable and ambient sets are emptied and no_new_privs is
    set, for this process and all that it will ever execute. What came of it is read back for every
    thread. Without `keep` it also works for a process that has no privileges and is `user` already.

    Raises:
        PrivilegeError: something could not be given up. The process may have given up a part.
    """
    kept = frozenset(keep)
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise PrivilegeError(f"there is no user {user}: `useradd --system {user}` makes it") from None
    if account.pw_uid == 0:
        raise PrivilegeError(f"{user} is root; name an unprivileged user")
    libc = ctypes.CDLL(None, use_errno=True)
    _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)
    was_root = os.geteuid() == 0
    if was_root:
        _empty_bounding_set(libc)
        _prctl(libc, _PR_SET_KEEPCAPS, int(bool(kept)))
        os.setgroups([])
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    elif os.getresuid() != (account.pw_uid,) * 3:
        raise PrivilegeError(f"only root can become {user}; this is uid {os.geteuid()}")
    _prctl(libc, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    _set_capabilities(libc, kept)
    verify_privileges(account.pw_uid, account.pw_gid, kept, was_root=was_root)


def verify_privileges(uid: int, gid: int, kept: Iterable[Capability], *, was_root: bool) -> None:
    """See that every thread is `uid`, with exactly the capabilities `kept` and no way to more.

    Only root can empty the bounding set and the groups; for others (not `was_root`) they are what they
    are, and no_new_privs makes the bounding set meaningless.

    Raises:
        PrivilegeError: with everything that is otherwise.
    """
    none = "0" * 16
    mask = f"{sum(1 << capability for capability in kept):016x}"
    expected = {
        "Uid": [str(uid)] * 4,
        "Gid": [str(gid)] * 4,
        "CapInh": [none],
        "CapPrm": [mask],
        "CapEff": [mask],
        "CapAmb": [none],
        "NoNewPrivs": ["1"],
    }
    if was_root:
        expected |= {"CapBnd": [none], "Groups": []}
    wrong: list[str] = []
    for task in sorted(Path("/proc/self/task").iterdir()):
        lines = (task / "status").read_text(errors="replace").splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        wrong += [
            f"thread {task.name} has {field} {' '.join(status[field].split())}"
            for field, values in expected.items()
            if status[field].split() != values
        ]
    if wrong:
        raise PrivilegeError(
            "privileges are not what they should be (drop them before threads start): " + "; ".join(wrong)
        )


def _empty_bounding_set(libc: ctypes.CDLL) -> None:
    for capability in range(64):
        if libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            _prctl(libc, _PR_CAPBSET_DROP, capability)


def _prctl(libc: ctypes.CDLL, option: int, argument: int) -> None:
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise PrivilegeError(f"prctl({option}, {argument}) failed: {reason}")


def _set_capabilities(libc: ctypes.CDLL, kept: frozenset[Capability]) -> None:
    mask = sum(1 << capability for capability in kept)
    halves = [(mask >> shift) & 0xFFFFFFFF for shift in (0, 32)]
    data = (_Data * 2)(*(_Data(effective=half, permitted=half, inheritable=0) for half in halves))
    header = _Header(version=_CAPABILITY_VERSION_3, pid=0)
    if libc.capset(ctypes.byref(header), ctypes.byref(data)) != 0:
        reason = os.strerror(ctypes.get_errno())
        raise PrivilegeError(f"capabilities could not be set: {reason}")
