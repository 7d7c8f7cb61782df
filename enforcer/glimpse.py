"""What an unprivileged process can see of another: that it lives, since when, and in which cgroup."""

from typing import Protocol

from enforcer import procfs
from enforcer.plan import Gone, Living, Look, Replaced, Seen
from policy.workload import Workload


class Workloads(Protocol):
    """Whose cgroup is it: `workloads.resolver.Resolver`, with this node's own identities."""

    def workload_at(self, path: str) -> Workload:
        """The workload of the cgroup at `path`, as `wire.text.decode` gives it."""


def glimpse(look: Look, workloads: Workloads) -> Seen:
    """Look at a process as of now. The signaller looks again, with more right, before it signals."""
    process = f"/proc/{look.pid}"
    try:
        if procfs.read_stat(process).start_ticks != look.start_ns // procfs.NS_PER_TICK:
            return Replaced()
        cgroup = procfs.read_cgroup(process)
    except (FileNotFoundError, ProcessLookupError):
        return Gone()
    return Living(cgroup=cgroup, workload=workloads.workload_at(cgroup))


def sees_others() -> bool:
    """Whether other users' processes can be seen at all: not where /proc is mounted with `hidepid`."""
    try:
        procfs.read_stat("/proc/1")
    except OSError:
        return False
    return True
