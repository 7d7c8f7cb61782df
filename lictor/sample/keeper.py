"""The keeper of one container: makes it, holds it, and removes it, whatever becomes of whoever asked.

``python -I -S keeper.py keep|remove ID BUNDLE RUNC_ROOT CGROUP CGROUP2_FOLDER``

* ``keep``: remove what an earlier run left under this id, create the container, put it into its cgroup2 directory,
  start it, write one line ``{"pid": N}`` or ``{"error": "..."}``, wait until standard input ends, remove everything.
  Standard input is a pipe that only the starter holds, so the kernel ends it even after ``kill -9`` of the starter;
  since one program does all of it in order, it is never removed while it is still being made.
* ``remove``: only remove.

Only the standard library, no import of this project.
"""

import json
import os
import shutil
import subprocess
import sys
import time

RUNC_TIMEOUT_S = 30.0
EMPTY_TIMEOUT_S = 10.0
POLL_S = 0.02


class KeeperError(Exception):
    """Why the container could not be made or removed."""


class Container:
    """One container by its names; every method can be repeated."""

    def __init__(self, container_id: str, bundle: str, runc_root: str, cgroup: str, cgroup2: str) -> None:
        self.container_id = container_id
        self.bundle = bundle
        self.runc_root = runc_root
        self.cgroup = cgroup
        self.cgroup2_folder = cgroup2 + cgroup

    def start(self) -> int:
        """Create, place and start; the container's first process id on the host."""
        pid_file = os.path.join(self.bundle, "pid")
        with open(os.path.join(self.bundle, "container.log"), "wb") as log:
            self.runc(
                "create",
                "--bundle",
                self.bundle,
                "--pid-file",
                pid_file,
                self.container_id,
                output=log.fileno(),
            )
        with open(pid_file) as file:
            pid = int(file.read())
        self.place(pid)
        self.runc("start", self.container_id)
        return pid

    def place(self, pid: int) -> None:
        """Put the waiting process into its own cgroup2 directory.

        On a hybrid host, runc 1.1 places it in the version 1 hierarchies only, and everything that the container
        runs would be in the root of version 2, where the kernel's cgroup id of an event says nothing.
        """
        os.makedirs(self.cgroup2_folder, exist_ok=True)
        with open(os.path.join(self.cgroup2_folder, "cgroup.procs"), "w") as file:
            file.write(str(pid))
        with open(f"/proc/{pid}/cgroup") as file:
            placed = [line.rstrip("\n") for line in file if line.startswith("0::")]
        if placed != [f"0::{self.cgroup}"]:
            raise KeeperError(f"the container's cgroup is {placed}, not {self.cgroup}")

    def remove(self) -> None:
        """Kill what runs, and remove the container, its cgroups and its bundle."""
        self.kill()
        self.runc("delete", "--force", self.container_id)
        deadline = time.monotonic() + EMPTY_TIMEOUT_S
        while os.path.isdir(self.cgroup2_folder):
            try:
                os.rmdir(self.cgroup2_folder)
            except FileNotFoundError:
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise KeeperError(f"{self.cgroup2_folder} does not empty: {error.strerror}") from None
                self.kill()
                time.sleep(POLL_S)
        shutil.rmtree(self.bundle, ignore_errors=True)

    def kill(self) -> None:
        """Kill every process in the cgroup2 directory at once; none there is fine."""
        try:
            with open(os.path.join(self.cgroup2_folder, "cgroup.kill"), "w") as file:
                file.write("1")
        except FileNotFoundError:
            return

    def runc(self, *arguments: str, output: int = subprocess.PIPE) -> None:
        """Run runc to its end or raise KeeperError with what it said."""
        command = ["runc", "--root", self.runc_root, *arguments]
        try:
            # A file as the output, never a pipe, when the container inherits it: a pipe would stay open with it.
            result = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=RUNC_TIMEOUT_S
            )
        except FileNotFoundError:
            raise KeeperError("runc is not installed: `apt-get install runc`") from None
        except subprocess.TimeoutExpired:
            raise KeeperError(f"runc {arguments[0]} did not finish within {RUNC_TIMEOUT_S:.0f} s") from None
        if result.returncode != 0:
            said = (result.stderr or b"").decode(errors="replace").strip() or self.log_tail()
            raise KeeperError(f"runc {arguments[0]} failed: {said}")

    def log_tail(self) -> str:
        """The end of what runc and the container wrote."""
        try:
            with open(os.path.join(self.bundle, "container.log"), "rb") as file:
                return file.read()[-2000:].decode(errors="replace").strip()
        except FileNotFoundError:
            return ""


def keep(container: Container, config: bytes) -> None:
    """The whole life of one container."""
    container.remove()
    os.makedirs(container.bundle, mode=0o700)
    with open(os.path.join(container.bundle, "config.json"), "wb") as file:
        file.write(config)
    try:
        try:
            tell({"pid": container.start()})
        except (KeeperError, OSError) as error:
            tell({"error": str(error)})
        while os.read(0, 4096):
            pass
    finally:
        container.remove()


def tell(message: dict) -> None:  # type: ignore[type-arg]
    """Write one line to the starter, if it still reads."""
    try:
        os.write(1, json.dumps(message).encode() + b"\n")
    except BrokenPipeError:
        return


def read_config() -> bytes:
    """The first line of standard input: the container's configuration."""
    received = b""
    while not received.endswith(b"\n"):
        chunk = os.read(0, 65536)
        if not chunk:
            raise KeeperError("the starter went away before it said what to start")
        received += chunk
    return received


def main(argv: list[str]) -> int:
    """Keep or remove; 0 when nothing is left of the container, 1 with the reason on standard error."""
    container = Container(*argv[2:])
    try:
        if argv[1] == "keep":
            keep(container, read_config())
        else:
            container.remove()
    except (KeeperError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
