"""From where a process lives to its workload."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TypeVar

from policy.workload import HOST, Workload
from workloads.cgroup_paths import CgroupPaths
from workloads.cgroups import Placement, place
from workloads.identity import Identity, IdentityProvider

_KEPT = 8192

K = TypeVar("K")


class Resolver:
    """Gives the workload of a cgroup, by id or by path.

    The same `Workload` object comes back as long as nothing changed, so callers may compare by
    identity. A container whose identity is not known is not complete; nor is a cgroup that was gone
    before its path could be read, which is never taken for the host.

    A container that its runtime's naming marks has the provider's identity of its own cgroup, never
    that of a cgroup below it: those the workload may have made itself.
    """

    def __init__(
        self,
        node: str,
        node_labels: Mapping[str, str],
        cgroup_paths: CgroupPaths,
        provider: IdentityProvider,
    ) -> None:
        """`node_labels` are the labels of the host's workload."""
        self._node = node
        self._paths = cgroup_paths
        self._provider = provider
        self._host = Workload(
            id=f"{node}/{HOST}", node=node, kind="host", complete=True, labels=dict(node_labels)
        )
        self._generation = provider.generation
        self._by_id: OrderedDict[int, Workload] = OrderedDict()
        self._by_path: OrderedDict[str, Workload] = OrderedDict()
        self._by_container: OrderedDict[tuple[str, str], Workload] = OrderedDict()

    @property
    def host(self) -> Workload:
        """The node's own processes."""
        return self._host

    def workload(self, cgroup_id: int, pid_hint: int | None = None) -> Workload:
        """The workload of the cgroup whose cgroup2 directory has inode `cgroup_id`.

        `pid_hint` is a process in it that may still live.
        """
        self._forget_if_changed()
        known = self._by_id.get(cgroup_id)
        if known is not None:
            return known
        path = self._paths.path(cgroup_id, pid_hint)
        if path is None:
            return Workload(id=f"{self._node}/cgroup-{cgroup_id}", node=self._node, kind="container")
        return _keep(self._by_id, cgroup_id, self.workload_at(path))

    def workload_at(self, path: str) -> Workload:
        """The workload of the cgroup at `path`, as `CgroupPaths` gives it."""
        self._forget_if_changed()
        known = self._by_path.get(path)
        if known is not None:
            return known
        return _keep(self._by_path, path, self._identify(path))

    def workload_of_process(self, pid: int) -> Workload | None:
        """The workload of a live process as of now, or None where there is no such process."""
        path = self._paths.path_of_process(pid)
        return None if path is None else self.workload_at(path)

    def _forget_if_changed(self) -> None:
        generation = self._provider.generation
        if generation != self._generation:
            self._generation = generation
            self._by_id.clear()
            self._by_path.clear()
            self._by_container.clear()

    def _identify(self, path: str) -> Workload:
        placement = place(path)
        identity = self._provider.by_cgroup(placement.cgroup if placement.marked else path)
        if identity is not None:
            workload = self._known(placement, identity)
        elif placement.kind == "host":
            return self._host
        else:
            workload = Workload(
                id=self._id(placement.container_id),
                node=self._node,
                kind="container",
                cgroup=placement.cgroup,
                container_id=placement.container_id,
            )
        # All cgroups of one container share one object.
        own = (workload.id, workload.cgroup)
        kept = self._by_container.get(own)
        return kept if kept is not None else _keep(self._by_container, own, workload)

    def _known(self, placement: Placement, identity: Identity) -> Workload:
        marked = placement.marked
        container_id = placement.container_id if marked else identity.container_id
        return Workload(
            id=self._id(container_id),
            node=self._node,
            kind="container",
            complete=True,
            cgroup=placement.cgroup if marked else identity.cgroup,
            container_id=container_id,
            namespace=identity.namespace,
            pod=identity.pod,
            container=identity.container,
            image=identity.image,
            labels=identity.labels,
            annotations=identity.annotations,
        )

    def _id(self, container_id: str) -> str:
        # A container may be called what it likes, but not take the host's id.
        return f"{self._node}/container:{HOST}" if container_id == HOST else f"{self._node}/{container_id}"


def _keep(kept: OrderedDict[K, Workload], key: K, workload: Workload) -> Workload:
    kept[key] = workload
    if len(kept) > _KEPT:
        kept.popitem(last=False)
    return workload
