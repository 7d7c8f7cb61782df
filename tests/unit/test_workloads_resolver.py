from __future__ import annotations

from pathlib import Path

import pytest

from workloads.cgroup_paths import CgroupPaths
from workloads.identity import Identity
from workloads.identity_map import deepest
from workloads.resolver import Resolver

A = "a" * 64


class Identities:
    def __init__(self, *identities: Identity) -> None:
        self.known = {identity.cgroup: identity for identity in identities}
        self.generation = 1

    def by_cgroup(self, cgroup: str) -> Identity | None:
        return deepest(self.known, cgroup)


@pytest.fixture
def paths(tmp_path: Path) -> CgroupPaths:
    mount = tmp_path / "cgroup"
    for path in ("web/made", f"docker/{A}/lictor-sample/dvwa-web", "lictor-sample/dvwa-web/below"):
        (mount / path).mkdir(parents=True)
    return CgroupPaths(mount, proc=tmp_path / "proc")


def inode(tmp_path: Path, path: str) -> int:
    return (tmp_path / "cgroup" / path.lstrip("/")).stat().st_ino


DVWA = Identity(
    cgroup="/lictor-sample/dvwa-web",
    container_id="dvwa-web",
    namespace="dvwa",
    pod="dvwa-web-0",
    labels={"app": "x"},
)


def test_host_is_complete_and_has_the_nodes_labels(paths: CgroupPaths, tmp_path: Path) -> None:
    host = Resolver("n1", {"zone": "a"}, paths, Identities()).workload(inode(tmp_path, "/"))
    assert host.id == "n1/host"
    assert host.kind == "host"
    assert host.complete
    assert host.labels == {"zone": "a"}


def test_container_without_identity_is_not_complete(paths: CgroupPaths, tmp_path: Path) -> None:
    workload = Resolver("n1", {}, paths, Identities()).workload(inode(tmp_path, f"/docker/{A}"))
    assert workload.id == f"n1/{A}"
    assert workload.cgroup == f"/docker/{A}"
    assert not workload.complete


def test_identity_of_the_cgroup_and_below_is_one_object(paths: CgroupPaths, tmp_path: Path) -> None:
    resolver = Resolver("n1", {}, paths, Identities(DVWA))
    workload = resolver.workload(inode(tmp_path, "/lictor-sample/dvwa-web"))
    assert workload.complete
    assert workload.id == "n1/dvwa-web"
    assert workload.title == "dvwa/dvwa-web-0"
    assert resolver.workload(inode(tmp_path, "/lictor-sample/dvwa-web/below")) is workload
    assert resolver.workload_at("/lictor-sample/dvwa-web/else") is workload


def test_a_container_cannot_take_an_identity_by_making_cgroups(paths: CgroupPaths, tmp_path: Path) -> None:
    inner = Identity(cgroup=f"/docker/{A}/lictor-sample", container_id="stolen", namespace="dvwa")
    resolver = Resolver("n1", {}, paths, Identities(DVWA, inner))
    workload = resolver.workload(inode(tmp_path, f"/docker/{A}/lictor-sample/dvwa-web"))
    assert workload.id == f"n1/{A}"
    assert not workload.complete


def test_identity_that_arrives_late_keeps_the_id(paths: CgroupPaths, tmp_path: Path) -> None:
    provider = Identities()
    resolver = Resolver("n1", {}, paths, provider)
    cgroup = inode(tmp_path, "/lictor-sample/dvwa-web")
    before = resolver.workload(cgroup)
    provider.known[DVWA.cgroup] = DVWA
    assert resolver.workload(cgroup) is before, "looked again though nothing was said to have changed"
    provider.generation += 1
    after = resolver.workload(cgroup)
    assert after.complete
    assert not before.complete
    assert after.id == before.id


def test_cgroup_that_is_gone_is_never_the_host(paths: CgroupPaths) -> None:
    workload = Resolver("n1", {}, paths, Identities()).workload(999_999_999, 1)
    assert workload.id == "n1/cgroup-999999999"
    assert workload.kind == "container"
    assert not workload.complete


def test_a_container_called_host_is_not_the_host(paths: CgroupPaths) -> None:
    resolver = Resolver("n1", {}, paths, Identities())
    assert resolver.workload_at("/default/host").id == "n1/container:host"


def test_workload_of_process(paths: CgroupPaths, tmp_path: Path) -> None:
    folder = tmp_path / "proc" / "42"
    folder.mkdir(parents=True)
    (folder / "cgroup").write_text("0::/web/made\n")
    resolver = Resolver("n1", {}, paths, Identities())
    workload = resolver.workload_of_process(42)
    assert workload is not None
    assert workload.cgroup == "/web/made"
    assert resolver.workload_of_process(43) is None
