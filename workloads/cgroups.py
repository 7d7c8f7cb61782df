"""From a cgroup2 path to whose it is: pure, by the names that runtimes give.

The outermost container on a path wins. A workload that may make cgroups of its own makes them below
its container's, so nothing that it can name changes whose process it is.

| runtime | path |
| --- | --- |
| docker | `…/docker/<64 hex>`, `…/docker-<64 hex>.scope` |
| podman | `…/libpod-<64 hex>`, `…/libpod-<64 hex>.scope` |
| containerd's CRI | `…/kubepods…/pod<uid>/<64 hex>`, `…/cri-containerd-<64 hex>.scope` |
| cri-o | `…/crio-<64 hex>`, `…/crio-<64 hex>.scope` |
| runc, crun, youki under systemd | `…/runc-<name>.scope` |
| LXC | `…/lxc.payload.<name>` |
| ctr | `/<namespace>/<name>` |
| runc alone | `/<name>` |

The last two carry no mark. What has none, and does not begin with a systemd unit either, was made by
hand or by such a runtime; it is taken for a container rather than for the host, since a container
under the host's rules would be judged by the wrong ones, while a host process under a container's is
only `unknown`. Two components name it (`/<namespace>/<name>`) where there are two, so a container
that runc made at `/<name>` and that makes cgroups below itself shows as those; give it a parent
(`cgroupsPath: /<parent>/<name>`), or name it in the identity map.

systemd-nspawn's containers and virtual machines count as the host.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

_MARKED = re.compile(r"(docker|cri-containerd|crio|libpod)-([0-9a-f]{64})(?:\.scope)?")
_BARE = re.compile(r"[0-9a-f]{64}")
_POD = re.compile(
    r"(?:kubepods(?:-[a-z]+)*-)?pod([0-9a-f]{8}(?:[-_]?[0-9a-f]{4}){3}[-_]?[0-9a-f]{12})(?:\.slice)?"
)
_OCI_SCOPE = re.compile(r"(runc|crun|youki)-(.+)\.scope")
_LXC = re.compile(r"lxc\.payload\.(.+)")
_UNIT = re.compile(r".+\.(?:slice|service|scope|mount|swap|socket)")
_OF_A_RUNTIME = re.compile(r"(?:libpod-|crio-)?conmon(?:-.*)?|lxc\.monitor\..*")
_OPENRC = re.compile(r"openrc(?:\..*)?")

_RUNTIMES = {"cri-containerd": "containerd", "crio": "cri-o", "libpod": "podman"}


class Placement(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process lives.

    `cgroup` is the container's own cgroup: the process may live further below. It is empty for the
    host. `marked` says that the runtime's naming settles where the container begins.
    """

    kind: Literal["container", "host"]
    cgroup: str = ""
    container_id: str = ""
    runtime: str = ""
    pod_uid: str = ""
    marked: bool = False


_HOST = Placement(kind="host")


def place(path: str) -> Placement:
    """Whose cgroup `path` is; as in /proc/PID/cgroup, from the root of the cgroup2 hierarchy."""
    components = [component for component in path.split("/") if component]
    if not components:
        return _HOST
    in_kubepods = False
    pod_uid = ""
    pod_depth = 0
    for depth, component in enumerate(components, start=1):
        found = _container(component, components[depth - 2] if depth > 1 else "", in_pod=bool(pod_uid))
        if found is not None:
            runtime, container_id = found
            return Placement(
                kind="container",
                cgroup="/" + "/".join(components[:depth]),
                container_id=container_id,
                runtime=runtime,
                pod_uid=pod_uid,
                marked=True,
            )
        in_kubepods = in_kubepods or component.startswith("kubepods")
        if in_kubepods and not pod_uid and (pod := _POD.fullmatch(component)):
            pod_uid = pod[1].replace("_", "-")
            pod_depth = depth
    if pod_uid:
        # A pod's own cgroup, outside its containers: a sandboxed runtime's process.
        cgroup = "/" + "/".join(components[:pod_depth])
        return Placement(kind="container", cgroup=cgroup, container_id=f"pod{pod_uid}", pod_uid=pod_uid)
    return _unmarked(components)


def _container(component: str, parent: str, *, in_pod: bool) -> tuple[str, str] | None:
    """The runtime and the container's id, where this component of a path is a container's own."""
    if marked := _MARKED.fullmatch(component):
        return _RUNTIMES.get(marked[1], marked[1]), marked[2]
    if _BARE.fullmatch(component):
        return "docker" if parent == "docker" else "containerd" if in_pod else "", component
    if scope := _OCI_SCOPE.fullmatch(component):
        return scope[1], scope[2]
    if lxc := _LXC.fullmatch(component):
        return "lxc", lxc[1]
    return None


def _unmarked(components: list[str]) -> Placement:
    first = components[0]
    if _UNIT.fullmatch(first) or _OPENRC.fullmatch(first) or first.startswith("kubepods"):
        return _HOST
    if any(_OF_A_RUNTIME.fullmatch(component) for component in components[:2]):
        return _HOST
    own = components[:2]
    return Placement(kind="container", cgroup="/" + "/".join(own), container_id=own[-1])
