"""Whose process it is: the unit that policies select and verdicts name."""

from typing import Literal

import msgspec

HOST = "host"


class Workload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A container, or the node's own processes.

    `id` is `node/container-id` or `node/host`: known from the cgroup alone, so that labels which
    arrive late never change it.
    """

    id: str
    node: str
    kind: Literal["container", "host"]
    complete: bool = False
    """Whether namespace and labels are known. Until then the judge says `unknown`."""
    cgroup: str = ""
    """Path of its cgroup2 directory below the hierarchy's root; it and all below are this workload's."""
    container_id: str = ""
    namespace: str = ""
    pod: str = ""
    container: str = ""
    image: str = ""
    labels: dict[str, str] = {}
    """The pod's labels; for the host, the node's."""
    annotations: dict[str, str] = {}

    @property
    def title(self) -> str:
        """How people name it: `namespace/pod`, else its id."""
        return f"{self.namespace}/{self.pod}" if self.namespace and self.pod else self.id
