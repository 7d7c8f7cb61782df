"""The OCI configuration of the sample's container: what it may do, which is little.

No capability at all, no new privileges, a read-only root, no network but its own loopback, no terminal, no
device. Apache runs as www-data from its first instruction and listens above port 1024; ping opens an ICMP
datagram socket, which ``net.ipv4.ping_group_range`` permits: neither needs a privilege.
"""

from __future__ import annotations

from pathlib import Path

WWW_DATA = 33
"""uid and gid of www-data on Debian and Ubuntu."""

SPEC_VERSION = "1.0.2"

PROCESSES_MAX = 64

NAMESPACES = ("pid", "network", "ipc", "uts", "mount")

Json = dict[str, "Json"] | list["Json"] | str | int | bool
"""What a configuration is made of."""


def oci_config(*, rootfs: Path, cgroup_path: str, hostname: str) -> dict[str, Json]:
    """Return ``config.json`` for a container that runs Apache on ``rootfs`` in ``cgroup_path``."""
    return {
        "ociVersion": SPEC_VERSION,
        "hostname": hostname,
        "root": {"path": str(rootfs), "readonly": True},
        "process": {
            "terminal": False,
            "user": {"uid": WWW_DATA, "gid": WWW_DATA},
            "args": ["/usr/sbin/apache2", "-DFOREGROUND"],
            "env": ["PATH=/usr/sbin:/usr/bin", "LANG=C.UTF-8"],
            "cwd": "/",
            "capabilities": {},
            "noNewPrivileges": True,
        },
        "mounts": [
            {
                "destination": "/proc",
                "type": "proc",
                "source": "proc",
                "options": ["nosuid", "nodev", "noexec"],
            },
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=64k"],
            },
            _tmpfs("/tmp", "mode=1777", "size=8m"),  # noqa: S108  the container's own
            _tmpfs("/run", "mode=755", f"uid={WWW_DATA}", f"gid={WWW_DATA}", "size=1m"),
            _tmpfs("/var/log/apache2", "mode=750", f"uid={WWW_DATA}", f"gid={WWW_DATA}", "size=4m"),
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in NAMESPACES],
            "cgroupsPath": cgroup_path,
            "resources": {"devices": [{"allow": False, "access": "rwm"}], "pids": {"limit": PROCESSES_MAX}},
            "sysctl": {"net.ipv4.ping_group_range": f"{WWW_DATA} {WWW_DATA}"},
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    }


def _tmpfs(destination: str, *options: str) -> dict[str, Json]:
    return {
        "destination": destination,
        "type": "tmpfs",
        "source": "tmpfs",
        "options": ["nosuid", "nodev", "noexec", *options],
    }
