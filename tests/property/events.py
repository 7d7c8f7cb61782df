"""Random events of every kind, in the form of `tests.reference.questions`."""

from typing import Any, get_args

from hypothesis import strategies as st

from policy.events import Access
from tests.property.documents import any_of, often, seldom
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


ACTORS: list[dict[str, Any] | None] = [
    {"path": "/s", "truncated": False},
    {"path": "/s", "truncated": False},
    {"path": "/t/u", "truncated": False},
    {"path": "/t/u", "truncated": False},
    {"path": "/v", "truncated": False},
    {"path": "/s", "truncated": True},
    {"path": "u", "truncated": True},
    {"path": "q/s", "truncated": True},
    None,
]
"""Programs that act; None where it is not known."""
WHOSE = any_of(uid=[0, 7], owner=[0, 7], tty=["", "pts0"])
UNCERTAIN = any_of(args_truncated=[False] * 5 + [True], args_redacted=[False] * 5 + [True])


def paths(draw: st.DrawFn, more: list[str], prefix: str = "") -> dict[str, Any]:
    if draw(st.sampled_from([True] + [False] * 7)):
        return {f"{prefix}path": draw(st.sampled_from(TAILS)), f"{prefix}truncated": True}
    return {f"{prefix}path": draw(st.sampled_from(SEEN * 2 + more)), f"{prefix}truncated": False}


@st.composite
def executions(draw: st.DrawFn) -> Event:
    """A process that became another program, sometimes for a script."""
    source = draw(st.sampled_from(ACTORS))
    script = draw(st.sampled_from([""] * 6 + ["/a/b/c", "/a/./b//c", "/b/../a/b/c", "a/b/c"]))
    named = [draw(st.sampled_from(["/a/b/c", "c", "-x"]))] if script else []
    return {
        "kind": "process",
        **paths(draw, IN_MEMORY),
        **draw(WHOSE),
        "script": script,
        "source": source,
        "parent": draw(st.sampled_from(ACTORS)) if source is None else {"path": "/w", "truncated": False},
        "args": ("argv0", *named, *draw(st.lists(st.sampled_from(["x", "x", "y", "z"]), max_size=2))),
        **draw(UNCERTAIN),
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
        **draw(WHOSE),
        "actor": draw(st.sampled_from(ACTORS)),
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
        "actor": draw(st.sampled_from(ACTORS)),
    }


def _acting(kind: str, field: str, values: list[str]) -> st.SearchStrategy[Event]:
    fixed = {"kind": st.just(kind), field: st.sampled_from(values), "actor": st.sampled_from(ACTORS)}
    return st.fixed_dictionaries(fixed)


@st.composite
def calls(draw: st.DrawFn) -> Event:
    """A system call, on a file or on none."""
    on = {"path": "", "truncated": False} if draw(seldom) else paths(draw, [])
    name = draw(st.sampled_from(["unlink", "unlink", "unlinkat", "chown", "mount"]))
    return {"kind": "syscall", "syscall": name, **on, "actor": draw(st.sampled_from(ACTORS))}


EVENTS: dict[str, st.SearchStrategy[Event]] = {
    "process": executions(),
    "file": accesses(),
    "network": sockets(),
    "dns": _acting("dns", "name", NAMES),
    "capability": _acting("capability", "capability", ["net_raw", "net_raw", "chown", "sys_admin"]),
    "syscall": calls(),
    "memory": st.fixed_dictionaries({"kind": st.just("memory"), "actor": st.sampled_from(ACTORS)}),
}


TOGETHER = [("path", "truncated"), ("access", "new_path", "new_truncated")]
"""Fields that make sense only with each other."""


@st.composite
def twins(draw: st.DrawFn, events: list[Event]) -> Event:
    """One of the events with one thing changed: what a memory must not take for the same."""
    one, other = draw(st.sampled_from(events)), draw(st.sampled_from(events))
    field = draw(st.sampled_from([key for key in one if key != "kind"]))
    fields = next((together for together in TOGETHER if field in together), (field,))
    if fields == (field,) and isinstance(one[field], bool):
        return {**one, field: not one[field]}
    return {**one, **{key: other[key] for key in fields if key in other}}
