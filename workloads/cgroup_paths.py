"""From a cgroup's id to its path.

The id that the kernel reports is the inode number of the cgroup2 directory. kernfs does not use one
again while the node is up, so what was learned stays true. A process names its cgroup in
/proc/PID/cgroup while it lives; one that is gone leaves only the id, and then the hierarchy is walked.
Nothing here needs a privilege: cgroupfs and /proc/PID/cgroup are open to everyone.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

from prometheus_client import Counter

from wire.errors import OperatorError
from wire.text import decode

_KNOWN = 16_384
"""Paths kept and directories looked at in one walk: the bound against a workload that makes many."""

_PAUSE_S = 0.05
_SHARE = 20
"""A walk that took t is followed by none for 20 t: at most a twentieth of the time goes into walks."""

_walks = Counter("lictor_cgroup_walks_total", "Walks of the cgroup hierarchy to find a new cgroup's path.")
_unknown = Counter("lictor_cgroup_unknown_total", "Look-ups of a cgroup that was gone or not found in time.")


class NoCgroup2Error(OperatorError):
    """No cgroup2 hierarchy is mounted; the message says what to do."""


def find_cgroup2(mountinfo: Path = Path("/proc/self/mountinfo")) -> Path:
    """Where the cgroup2 hierarchy is mounted: /sys/fs/cgroup, or .../unified on a hybrid host.

    Raises:
        NoCgroup2Error: it is not mounted.
    """
    for line in mountinfo.read_bytes().splitlines():
        before, _, after = line.partition(b" - ")
        if after.split(b" ", 1)[0] == b"cgroup2":
            mount_point = before.split(b" ")[4]
            # proc(5): space, tab, newline and backslash stand as three octal digits.
            raw = mount_point.replace(b"\\040", b" ").replace(b"\\011", b"\t").replace(b"\\134", b"\\")
            return Path(os.fsdecode(raw))
    raise NoCgroup2Error("no cgroup2 hierarchy is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified")


class CgroupPaths:
    """Paths by id, in the text of `wire.text.decode`, relative to the hierarchy's root (`/` itself)."""

    def __init__(
        self,
        mount: Path,
        *,
        proc: Path = Path("/proc"),
        clock: Callable[[], float] = time.monotonic,
        known: int = _KNOWN,
    ) -> None:
        """`mount` is the hierarchy's mount point (`find_cgroup2`)."""
        self._mount = os.fsencode(mount)
        self._proc = os.fsencode(proc)
        self._clock = clock
        self._limit = known
        self._paths: OrderedDict[int, str] = OrderedDict()
        self._next_walk = float("-inf")

    def path(self, cgroup_id: int, pid_hint: int | None = None) -> str | None:
        """The path of a cgroup, or None where it is gone and was never seen.

        `pid_hint` is a process that was in it: asked first, and believed only if the id agrees.
        """
        known = self._paths.get(cgroup_id)
        if known is not None:
            self._paths.move_to_end(cgroup_id)
            return known
        if pid_hint is not None:
            self._ask_process(cgroup_id, pid_hint)
        if cgroup_id not in self._paths and self._clock() >= self._next_walk:
            self._walk()
        found = self._paths.get(cgroup_id)
        if found is None:
            _unknown.inc()
        return found

    def path_of_process(self, pid: int) -> str | None:
        """The path of the cgroup that a live process is in now, or None where there is no such process."""
        raw = self._raw_path_of_process(pid)
        return None if raw is None else decode(raw)[0]

    def _raw_path_of_process(self, pid: int) -> bytes | None:
        try:
            with open(b"%s/%d/cgroup" % (self._proc, pid), "rb") as lines:  # noqa: PTH123  bytes
                for line in lines:
                    if line.startswith(b"0::/"):
                        return line[3:].rstrip(b"\n")
        except (FileNotFoundError, ProcessLookupError):
            pass
        return None

    def _ask_process(self, cgroup_id: int, pid: int) -> None:
        raw = self._raw_path_of_process(pid)
        if raw is None:
            return
        try:
            inode = os.stat(self._mount + raw).st_ino  # noqa: PTH116  bytes
        except (FileNotFoundError, NotADirectoryError):
            return
        if inode == cgroup_id:
            self._learn(inode, raw)

    def _walk(self) -> None:
        """Learn every cgroup that there is, the shallow ones first, as far as the bound goes."""
        began = self._clock()
        _walks.inc()
        waiting = deque([b""])
        seen = 0
        while waiting and seen < self._limit:
            below = waiting.popleft()
            try:
                inode = os.stat(self._mount + below).st_ino  # noqa: PTH116  bytes
                with os.scandir(self._mount + below) as entries:
                    folders = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue  # removed since its parent was read
            seen += 1
            self._learn(inode, below or b"/")
            waiting.extend(b"%s/%s" % (below, name) for name in folders)
        took = self._clock() - began
        self._next_walk = began + took + max(_PAUSE_S, _SHARE * took)

    def _learn(self, inode: int, raw: bytes) -> None:
        # What was removed stays until it is pushed out: its last events are read after it is gone.
        self._paths[inode] = decode(raw)[0]
        self._paths.move_to_end(inode)
        if len(self._paths) > self._limit:
            self._paths.popitem(last=False)
