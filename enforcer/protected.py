"""What is never killed, whoever asks: the node's own foundations, and Lictor."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from enforcer import procfs
from wire.errors import OperatorError
from wire.text import decode, printable

_FOLDERS = (
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/libexec",
    "/usr/libexec/podman",
    "/usr/lib/podman",
    "/usr/lib/systemd",
    "/opt/bin",
    "/opt/cni/bin",
)
_NAMES = (
    "buildkitd",
    "conmon",
    "conmonrs",
    "containerd",
    "containerd-shim*",
    "crio",
    "crun",
    "docker-init",
    "docker-proxy",
    "dockerd",
    "kubelet",
    "podman",
    "runc",
    "systemd",
    "systemd-*",
    "youki",
)

RUNTIMES = (
    *(f"{folder}/{name}" for folder in _FOLDERS for name in _NAMES),
    "/opt/cni/bin/*",
    *(f"/var/lib/rancher/*/bin/{name}" for name in ("containerd*", "k3s", "kubelet", "rke2", "runc")),
    "/memfd:runc_cloned:/proc/self/exe",
)
"""Container runtimes and service managers, by the path of their file.

runc copies itself into a memfd before it enters a container, hence the last.
"""


class OwnPidsError(OperatorError):
    """The list of Lictor's own processes cannot be read; the message says what to do."""


def node_mount_namespace() -> int:
    """The mount namespace that the node's own services live in: that of process 1.

    Where process 1 may not be looked at, that of kthreadd, which never leaves the first one; and
    without either (a pid namespace that hides them) the caller's own.
    """
    try:
        return procfs.mount_namespace("/proc/1")
    except PermissionError:
        kthreadd = Path("/proc/2")
        if kthreadd.exists() and procfs.read_stat(str(kthreadd)).flags & procfs.KERNEL_THREAD:
            return procfs.mount_namespace(str(kthreadd))
        return procfs.mount_namespace("/proc/self")


@dataclass(frozen=True, kw_only=True)
class Protection:
    """The rules of one node.

    A pattern is a glob (`fnmatch`: `*` crosses slashes) on the resolved path of a file in the node's
    own mount namespace. A file of that name in a container is not meant and not protected, nor is one
    that root does not own.
    """

    patterns: tuple[str, ...] = RUNTIMES
    own: frozenset[tuple[int, int]] = frozenset()
    """Lictor's own processes, each as `identity` gives it."""
    own_pids_file: Path | None = None
    """More of them: lines of `PID START`, as `write_own_pids` writes them. Read each time."""
    host_mount_namespace: int = field(default_factory=node_mount_namespace)

    def reason(
        self, pid: int, stat: procfs.Stat, file: procfs.ProgramFile, mount_namespaces: Iterable[int]
    ) -> str | None:
        """Why the process is protected, as the rest of a sentence; None if it is not.

        `mount_namespaces` are those that it has been seen in: at its exec, and now.

        Raises:
            OwnPidsError: `own_pids_file` cannot be used.
        """
        if (pid, stat.start_ticks) in self.own | self._listed():
            return "is one of Lictor's own"
        if self.host_mount_namespace not in mount_namespaces or file.owner != 0:
            return None
        path = decode(file.path.removesuffix(b" (deleted)"))[0]
        for pattern in self.patterns:
            if fnmatchcase(path, pattern):
                return f"runs {printable(path)}, which the node rests on (protected as {pattern})"
        return None

    def _listed(self) -> frozenset[tuple[int, int]]:
        if self.own_pids_file is None:
            return frozenset()
        try:
            return frozenset(_read_own_pids(self.own_pids_file))
        except FileNotFoundError:
            return frozenset()
        except (OSError, ValueError) as error:
            raise OwnPidsError(
                f"{self.own_pids_file} cannot be used as the list of Lictor's processes: {error}; "
                "write lines of `PID START`, or remove it"
            ) from error


def identity(pid: int) -> tuple[int, int]:
    """What tells a process from another one with the same pid: the pid, and its start in ticks.

    Raises:
        FileNotFoundError: there is no such process.
    """
    return pid, procfs.read_stat(f"/proc/{pid}").start_ticks


def resolved(patterns: Iterable[str]) -> tuple[str, ...]:
    """Patterns with links in their folders resolved, since the kernel knows files by such paths."""
    return tuple(dict.fromkeys(_resolve(pattern) for pattern in patterns))


def write_own_pids(path: Path, pids: Iterable[int]) -> None:
    """Say which processes are Lictor's; a pid without a process is left out. Replaces the file at once."""
    lines = []
    for pid in pids:
        try:
            lines.append("{} {}\n".format(*identity(pid)))
        except (FileNotFoundError, ProcessLookupError):
            continue
    new = path.with_name(f"{path.name}.new")
    new.write_text("".join(lines), encoding="ascii")
    new.replace(path)


def _read_own_pids(path: Path) -> Iterator[tuple[int, int]]:
    for line in path.read_text(encoding="ascii").splitlines():
        pid, start_ticks = line.split()
        yield int(pid), int(start_ticks)


def _resolve(pattern: str) -> str:
    folder, slash, name = pattern.rpartition("/")
    if not slash or "*" in folder or folder.startswith("/memfd:"):
        return pattern
    return f"{os.path.realpath(folder)}/{name}"
