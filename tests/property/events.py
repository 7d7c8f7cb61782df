"""Random events of every kind, in the form of `tests.reference.questions`."""

from typing import Any, get_args

from hypothesis import strategies as st

from policy.events import Access
from tests.property.documents import ARGUMENTS, PROGRAMS, often, seldom
from tests.reference.world import Event

SEEN = ["/a/b/c", "/a/b/c", "/a/b/c", "/a/b", "/ab/c", "/b/c", "/", "/a/b/c/d", "/a/b\\\\c", "/z"]
TAILS = ["c", "/c", "b/c", "/a/b/c", "x/c", "/x/b/c", "b/c/d", "b"]
"""Ends of paths whose front was cut off."""
IN_MEMORY = ["/memfd:x", "/dev/shm/a/b/c", "/run/shm/x", "/dev/shmx"]
IN_PROC = [
    "/proc/7/environ",
    "/proc/7/task/8/environ",
    "/proc/100/environ",
    "/proc/7",
    "/proc/7/environ/x",
    "/proc/7x",
]
NAMES = [
    "a.test",
    "b.a.test",
    "xa.test",
    "B.A.TEST",
    "a.test.ns.svc.cluster.local",
    "a.test.svc.cluster.local",
    "a.test.cluster.local",
    "a.test.evil",
    "a.test.x.y.svc.cluster.local",
    "kube.svc.cluster.local",
    "",
]


@st.composite
def programs(draw: st.DrawFn) -> dict[str, Any] | None:
    """A program that acts, or None where it is not known."""
    if draw(seldom):
        return draw(
            st.sampled_from([None, {"path": "u", "truncated": True}, {"path": "/s", "truncated": True}])
        )
    return {"path": draw(st.sampled_from([*PROGRAMS, "/v"])), "truncated": False}


def paths(draw: st.DrawFn, more: list[str], prefix: str = "") -> dict[str, Any]:
    if draw(st.sampled_from([True] + [False] * 7)):
        return {f"{prefix}path": draw(st.sampled_from(TAILS)), f"{prefix}truncated": True}
    return {f"{prefix}path": draw(st.sampled_from(SEEN * 2 + more)), f"{prefix}truncated": False}


def whose(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "uid": draw(st.sampled_from([0, 7])),
        "owner": draw(st.sampled_from([0, 7])),
        "tty": draw(st.sampled_from(["", "pts0"])),
    }


@st.composite
def executions(draw: st.DrawFn) -> Event:
    """A process that became another program, sometimes for a script."""
    source = draw(programs())
    script = draw(st.sampled_from([""] * 6 + ["/a/b/c", "/a/./b//c", "/b/../a/b/c", "a/b/c"]))
    named = [draw(st.sampled_from(["/a/b/c", "c", "-x"]))] if script else []
    return {
        "kind": "process",
        **paths(draw, IN_MEMORY),
        **whose(draw),
        "script": script,
        "source": source,
        "parent": draw(programs()) if source is None else {"path": "/w", "truncated": False},
        "args": ("argv0", *named, *draw(st.lists(st.sampled_from([*ARGUMENTS, "z"]), max_size=2))),
        "args_truncated": draw(st.sampled_from([False] * 5 + [True])),
        "args_redacted": draw(st.sampled_from([False] * 5 + [True])),
        "cwd": draw(st.sampled_from(["/a/b", "/"])),
        "entered": draw(seldom),
    }


@st.composite
def accesses(draw: st.DrawFn) -> Event:
    """A file that was accessed."""
    access = draw(st.sampled_from(["read"] * 8 + ["write", "rename", "link"] * 2 + list(get_args(Access))))
    new = paths(draw, [], "new_") if draw(often) else {"new_path": "", "new_truncated": False}
    return {
        "kind": "file",
        "access": access,
        **paths(draw, IN_PROC),
        **(new if access in {"rename", "link", "symlink"} else {"new_path": "", "new_truncated": False}),
        **whose(draw),
        "actor": draw(programs()),
        "namespace_pid": draw(st.sampled_from([7, 100])),
    }


@st.composite
def sockets(draw: st.DrawFn) -> Event:
    """A socket that was used: IP, packet, netlink, local, and none of these."""
    return {
        "kind": "network",
        "operation": draw(st.sampled_from(["socket", "connect", "bind", "listen", "accept", "send"])),
        "family": draw(st.sampled_from([2, 2, 10, 0, 1, 16, 17])),
        "type": draw(st.sampled_from([1, 1, 2, 3, 4, 5, 6, 10, 9])),
        "protocol": draw(st.sampled_from([0, 0, 6, 17, 1, 58, 132, 33, 255, 262])),
        "actor": draw(programs()),
    }


def _acting(kind: str, field: str, values: list[str]) -> st.SearchStrategy[Event]:
    fixed = {"kind": st.just(kind), field: st.sampled_from(values), "actor": programs()}
    return st.fixed_dictionaries(fixed)


@st.composite
def calls(draw: st.DrawFn) -> Event:
    """A system call, on a file or on none."""
    on = {"path": "", "truncated": False} if draw(seldom) else paths(draw, [])
    name = draw(st.sampled_from(["unlink", "unlink", "unlinkat", "chown", "mount"]))
    return {"kind": "syscall", "syscall": name, **on, "actor": draw(programs())}


EVENTS: dict[str, st.SearchStrategy[Event]] = {
    "process": executions(),
    "file": accesses(),
    "network": sockets(),
    "dns": _acting("dns", "name", NAMES),
    "capability": _acting("capability", "capability", ["net_raw", "net_raw", "chown", "sys_admin"]),
    "syscall": calls(),
    "memory": st.fixed_dictionaries({"kind": st.just("memory"), "actor": programs()}),
}
