"""The keeper of one container: makes it, holds it, and removes it, whatever becomes of whoever asked.

``python -I -S keeper.py keep|remove ID STATE_FOLDER CGROUP``

* ``keep``: read one line, the OCI configuration; remove what an earlier run left under this id; create the
  container, see that it is in its own cgroup, start it; write one line, ``{"pid": N}`` or ``{"error": ...}``;
  wait until standard input ends; remove everything. Only the starter holds the other end, so the kernel ends
  it even after ``kill -9``; and as one program does all of it in order, nothing is removed half-made.
* ``remove``: only remove.

Only the standard library, no import of this project.
"""

import ctypes
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36

RUNC_TIMEOUT_S = 30.0
EMPTY_TIMEOUT_S = 10.0
POLL_S = 0.02


class KeeperError(Exception):
    """Why the container could not be made or removed."""


class Container:
    """One container by its names; removing can be repeated."""

    def __init__(self, container_id: str, state_folder: str, cgroup: str) -> None:
        self.container_id = container_id
        self.state_folder = Path(state_folder)
        self.bundle = self.state_folder / container_id
        self.cgroup = cgroup

    def start(self) -> int:
        """Create, place and start; the container's first process id on the host."""
        pid_file = self.bundle / "pid"
        with (self.bundle / "container.log").open("wb") as log, self.parent_cgroup(fcntl.LOCK_SH):
            bundle = ("--bundle", str(self.bundle), "--pid-file", str(pid_file))
            self.runc("create", *bundle, self.container_id, output=log.fileno())
            pid = int(pid_file.read_text())
            self.place(pid)
        self.runc("start", self.container_id)
        return pid

    def place(self, pid: int) -> None:
        """See that the waiting process is in the container's cgroup2 directory, which identifies its events.

        Not every runc attends to cgroup2 on a hybrid host, where it manages the version 1 hierarchies.
        """
        cgroups = Path(f"/proc/{pid}/cgroup")
        wanted = f"0::{self.cgroup}"
        if wanted not in cgroups.read_text().splitlines():
            folder = cgroup2_folder(self.cgroup)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "cgroup.procs").write_text(str(pid))
        if wanted not in cgroups.read_text().splitlines():
            raise KeeperError(f"the container cannot be put into the cgroup {self.cgroup}")

    def remove(self) -> None:
        """Kill what runs, and remove the container, its cgroups and its bundle."""
        self.kill()
        self.runc("delete", "--force", self.container_id)
        deadline = time.monotonic() + EMPTY_TIMEOUT_S
        for mount, _ in cgroup_mounts():
            folder = mount / self.cgroup.lstrip("/")
            while not removed(folder):
                if time.monotonic() > deadline:
                    raise KeeperError(f"{folder} does not empty")
                self.kill()
                time.sleep(POLL_S)
        with self.parent_cgroup(fcntl.LOCK_EX):
            for mount, _ in cgroup_mounts():
                removed(mount / self.cgroup.lstrip("/").split("/", 1)[0])
        if self.bundle.exists():
            shutil.rmtree(self.bundle)

    def kill(self) -> None:
        """Kill every process in the cgroup2 directory at once; no such directory is fine."""
        try:
            (cgroup2_folder(self.cgroup) / "cgroup.kill").write_text("1")
        except FileNotFoundError:
            return

    @contextmanager
    def parent_cgroup(self, how: int) -> Iterator[None]:
        """Keep one keeper from removing the parent cgroup under another that is about to use it."""
        self.state_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.state_folder / "parent-cgroup.lock").open("w") as lock:
            fcntl.flock(lock, how)
            yield

    def runc(self, *arguments: str, output: int | None = None) -> None:
        """Run runc to its end or raise KeeperError with what it said.

        ``output`` is a file where the container inherits it: a pipe would stay open as long as the container.
        """
        to = subprocess.PIPE if output is None else output
        try:
            result = subprocess.run(
                ["runc", "--root", str(self.state_folder / "runc"), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=to,
                timeout=RUNC_TIMEOUT_S,
            )
        except FileNotFoundError:
            raise KeeperError("runc is not installed: `apt-get install runc`") from None
        except subprocess.TimeoutExpired:
            raise KeeperError(f"runc {arguments[0]} did not finish within {RUNC_TIMEOUT_S:.0f} s") from None
        if result.returncode != 0:
            said = (self.bundle / "container.log").read_bytes() if output is not None else result.stderr
            raise KeeperError(f"runc {arguments[0]} failed: {said[-2000:].decode(errors='replace').strip()}")


def cgroup_mounts() -> list[tuple[Path, str]]:
    """Where the cgroup hierarchies are mounted, each with its type, ``cgroup`` or ``cgroup2``."""
    mounts = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, source = line.partition(" - ")
        kind = source.split(" ", 1)[0]
        if kind in ("cgroup", "cgroup2"):
            mounts.append((Path(fields.split(" ")[4]), kind))
    return mounts


def cgroup2_folder(cgroup: str) -> Path:
    """The directory of a cgroup2 path: below ``/sys/fs/cgroup``, or elsewhere on a hybrid host."""
    for mount, kind in cgroup_mounts():
        if kind == "cgroup2":
            return mount / cgroup.lstrip("/")
    raise KeeperError("no cgroup2 hierarchy is mounted: `mount -t cgroup2 none /sys/fs/cgroup`")


def removed(folder: Path) -> bool:
    """Remove a cgroup; whether it is gone. It stays while it has processes or children."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def keep(container: Container) -> None:
    """The whole life of one container."""
    config = read_config()
    container.remove()
    container.bundle.mkdir(mode=0o700, parents=True)
    (container.bundle / "config.json").write_bytes(config)
    try:
        try:
            tell({"pid": container.start()})
        except (KeeperError, OSError) as error:
            tell({"error": str(error)})
        while os.read(0, 4096):
            pass
    finally:
        container.remove()
        reap()


def adopt_orphans() -> None:
    """Be the parent of what runc leaves behind: not every machine's pid 1 collects zombies at once."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def reap() -> None:
    """Collect the adopted processes; they are dead, as their cgroup is gone."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


def tell(message: dict[str, int | str]) -> None:
    """Write one line to the starter, if it is still there to read it."""
    try:
        os.write(1, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        return


def read_config() -> bytes:
    """The first line of standard input."""
    received = b""
    while not received.endswith(b"\n"):
        chunk = os.read(0, 65536)
        if not chunk:
            raise KeeperError("the starter went away before it said what to start")
        received += chunk
    return received


def main(argv: list[str]) -> int:
    """Keep or remove; 0 when nothing is left of the container, else 1 with the reason on standard error."""
    # As an exit, TERM removes the container on its way.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    container = Container(*argv[2:])
    try:
        if argv[1] == "keep":
            adopt_orphans()
            keep(container)
        else:
            container.remove()
        # Inherited from the starter, and held until this process ends: only now is the name free.
        (container.state_folder / f"{container.container_id}.lock").unlink(missing_ok=True)
    except (KeeperError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
