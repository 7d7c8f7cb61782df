"""What a provider knows about a container: the seam between cgroups and orchestrators."""

from typing import Protocol

import msgspec


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Whose container it is.

    `cgroup` is the cgroup2 path that the container lives in, as `/proc/PID/cgroup` shows it;
    everything below it is the same workload.
    """

    cgroup: str
    container_id: str
    namespace: str
    pod: str = ""
    container: str = ""
    image: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class IdentityProvider(Protocol):
    """Knows containers by cgroup. Look-ups never block and never raise: what is not known is None."""

    def by_cgroup(self, cgroup: str) -> Identity | None:
        """The container that `cgroup` (or an ancestor of it) belongs to."""

    @property
    def generation(self) -> int:
        """Grows whenever an answer may have changed, so that callers can keep what they looked up."""
