from __future__ import annotations

import pytest

from workloads.cgroups import place

A = "a" * 64
B = "0123456789abcdef" * 4
UID = "12345678-1234-1234-1234-123456789abc"
UNDERSCORED = UID.replace("-", "_")
STATIC = "d7f1d3f3d7f1d3f3d7f1d3f3d7f1d3f3"

CONTAINERS = [
    (f"/docker/{A}", f"/docker/{A}", A, "docker", ""),
    (f"/system.slice/docker-{A}.scope", f"/system.slice/docker-{A}.scope", A, "docker", ""),
    (f"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-{A}.scope", None, A, "docker", ""),
    (f"/libpod_parent/libpod-{A}", None, A, "podman", ""),
    (f"/machine.slice/libpod-{A}.scope", None, A, "podman", ""),
    (f"/machine.slice/libpod-{A}.scope/container", f"/machine.slice/libpod-{A}.scope", A, "podman", ""),
    (f"/kubepods/besteffort/pod{UID}/{A}", None, A, "containerd", UID),
    (f"/kubepods/pod{STATIC}/{A}", None, A, "containerd", STATIC),
    (
        f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{A}.scope",
        None,
        A,
        "containerd",
        UID,
    ),
    (f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/crio-{A}.scope", None, A, "cri-o", UID),
    (f"/kubepods/burstable/pod{UID}/crio-{A}", None, A, "cri-o", UID),
    ("/system.slice/runc-web.scope", None, "web", "runc", ""),
    ("/lxc.payload.web/init.scope", "/lxc.payload.web", "web", "lxc", ""),
    (f"/parent/{A}", None, A, "", ""),
]


@pytest.mark.parametrize(("path", "cgroup", "container_id", "runtime", "pod_uid"), CONTAINERS)
def test_marked_container(
    path: str, cgroup: str | None, container_id: str, runtime: str, pod_uid: str
) -> None:
    placement = place(path)
    assert placement.kind == "container"
    assert placement.marked
    assert placement.cgroup == (cgroup or path)
    assert placement.container_id == container_id
    assert placement.runtime == runtime
    assert placement.pod_uid == pod_uid


@pytest.mark.parametrize("path", [path for path, *_ in CONTAINERS])
@pytest.mark.parametrize(
    "below", [f"docker/{B}", f"docker-{B}.scope", "init.scope", "x.service/y", "runc-z.scope"]
)
def test_cgroups_made_inside_a_container_stay_its_own(path: str, below: str) -> None:
    assert place(f"{path}/{below}") == place(path)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/init.scope",
        "/system.slice/ssh.service",
        "/system.slice/ssh.service/docker",
        "/user.slice/user-0.slice/session-1.scope",
        f"/machine.slice/libpod-conmon-{A}.scope",
        f"/libpod_parent/libpod-conmon-{A}",
        "/libpod_parent/conmon",
        f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/../crio-conmon-{A}.scope"[:15],
        "/kubepods",
        "/kubepods/besteffort",
        "/lxc.monitor.web",
        "/openrc.sshd",
        f"/system.slice/docker-{A}x.scope",
        f"/system.slice/docker-{A[:-1]}.scope",
    ],
)
def test_host(path: str) -> None:
    assert place(path).kind == "host"
    assert place(path).cgroup == ""


@pytest.mark.parametrize(
    ("path", "cgroup", "container_id"),
    [
        ("/web", "/web", "web"),
        ("/default/web", "/default/web", "web"),
        ("/default/web/made/inside", "/default/web", "web"),
        ("/lictor-sample/dvwa-web", "/lictor-sample/dvwa-web", "dvwa-web"),
        (f"/kubepods/pod{UID}", f"/kubepods/pod{UID}", f"pod{UID}"),
        (f"/kubepods/pod{UID}/made", f"/kubepods/pod{UID}", f"pod{UID}"),
    ],
)
def test_unmarked_paths_are_containers_rather_than_the_host(
    path: str, cgroup: str, container_id: str
) -> None:
    placement = place(path)
    assert placement.kind == "container"
    assert not placement.marked
    assert placement.cgroup == cgroup
    assert placement.container_id == container_id


def test_a_pod_uid_counts_only_below_kubepods() -> None:
    assert place(f"/elsewhere/pod{UID}/{A}").pod_uid == ""
