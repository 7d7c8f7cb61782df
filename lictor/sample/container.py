"""The sample workload as a real container, from runc, for as long as somebody holds it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from lictor.sample import keeper, netns
from lictor.sample.bundle import oci_config
from lictor.sample.errors import SampleError
from lictor.sample.rootfs import build_rootfs

CONTAINER_ID = "dvwa-web"
CGROUP_PARENT = "/lictor-sample"
HTTP_PORT = 8080

STATE_FOLDER = Path("/run/lictor/sample")
"""One for the whole machine, as cgroup paths are: an earlier run's leftovers are found under the same names."""

LOCK_TIMEOUT_S = 20.0
START_TIMEOUT_S = 60.0
SERVE_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 45.0
POLL_S = 0.05


class SampleContainer:
    """The sample's web server in a runc container; an asynchronous context manager.

    ``suffix`` tells apart containers that run beside each other: the id is ``dvwa-web`` and the suffix. ``log``
    receives progress, a line at a time. Raises :class:`SampleError`.

    Starting first removes what an earlier run left; a second live one under the same id is refused. However this
    process ends, a keeper process removes the container.
    """

    def __init__(self, *, log: Callable[[str], None], suffix: str = "", cache: Path | None = None) -> None:
        self.container_id = CONTAINER_ID + suffix
        self.cgroup_path = f"{CGROUP_PARENT}/{self.container_id}"
        self._log = log
        self._cache = cache
        self._keeper: asyncio.subprocess.Process | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int:
        """Process id, on the host, of the container's first process (Apache)."""
        if self._pid is None:
            raise SampleError(f"the container {self.container_id} is not running")
        return self._pid

    @property
    def cgroup_id(self) -> int:
        """Inode of the cgroup2 directory: what the kernel says about an event in it."""
        return (Path(cgroup2_mount() + self.cgroup_path)).stat().st_ino

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Build the root file system if needed, start the container, and wait until Apache answers."""
        if self._keeper is not None:
            raise SampleError(f"the container {self.container_id} is started already")
        if os.geteuid() != 0:
            raise SampleError("the sample container needs root")
        if shutil.which("runc") is None:
            raise SampleError("runc is not installed: `make setup` installs it, or `apt-get install runc`")
        rootfs = await asyncio.to_thread(build_rootfs, self._log, cache=self._cache)
        config = oci_config(rootfs=rootfs, cgroup_path=self.cgroup_path, hostname=self.container_id)
        try:
            self._pid = await self._start_keeper(json.dumps(config).encode() + b"\n")
            await self._wait_until_serving()
        except BaseException:
            await self.stop()
            raise
        self._log(f"the container {self.container_id} serves, process {self._pid}, cgroup {self.cgroup_path}")

    async def stop(self) -> None:
        """Kill and remove the container and all that belongs to it; nothing running is fine."""
        process, self._keeper, self._pid = self._keeper, None, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101  for the type checker: opened as a pipe
        process.stdin.close()
        if await _finish(process) != 0:
            # The keeper itself was killed, or could not remove everything: once more, in the open.
            again = await asyncio.create_subprocess_exec(
                *self._keeper_command("remove"),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            if await _finish(again) != 0:
                assert again.stderr is not None  # noqa: S101
                said = (await again.stderr.read()).decode(errors="replace").strip()
                raise SampleError(f"the container {self.container_id} could not be removed: {said}")

    async def _start_keeper(self, config: bytes) -> int:
        """Start the keeper and let it start the container; the container's first process id."""
        STATE_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = await self._lock()
        try:
            # The keeper inherits the lock: the name is free again when the container is gone.
            self._keeper = await asyncio.create_subprocess_exec(
                *self._keeper_command("keep"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=None,
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
        finally:
            lock.close()
        assert self._keeper.stdin is not None and self._keeper.stdout is not None  # noqa: S101
        self._keeper.stdin.write(config)
        try:
            line = await asyncio.wait_for(self._keeper.stdout.readline(), START_TIMEOUT_S)
        except TimeoutError:
            raise SampleError(f"the container did not start within {START_TIMEOUT_S:.0f} s") from None
        answer = json.loads(line or b"{}")
        if "pid" not in answer:
            raise SampleError(f"the container did not start: {answer.get('error', 'its keeper died')}")
        return int(answer["pid"])

    def _keeper_command(self, task: str) -> list[str]:
        return [
            sys.executable,
            "-I",
            "-S",
            keeper.__file__,
            task,
            self.container_id,
            str(STATE_FOLDER / self.container_id),
            str(STATE_FOLDER / "runc"),
            self.cgroup_path,
            cgroup2_mount(),
        ]

    async def _lock(self) -> IO[str]:
        """Take the container's name, waiting for a keeper that is still cleaning up after a killed starter."""
        lock = (STATE_FOLDER / f"{self.container_id}.lock").open("w")
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    lock.close()
                    raise SampleError(
                        f"a container {self.container_id} is running on this machine: another demo? end it first"
                    ) from None
                await asyncio.sleep(POLL_S)
            else:
                return lock

    async def _wait_until_serving(self) -> None:
        deadline = time.monotonic() + SERVE_TIMEOUT_S
        while True:
            try:
                (await netns.connect(self.pid, HTTP_PORT, timeout_s=SERVE_TIMEOUT_S)).close()
            except OSError as error:
                if time.monotonic() > deadline or not Path(f"/proc/{self.pid}").exists():
                    tail = self._output_tail()
                    raise SampleError(f"the sample's web server does not answer ({error}): {tail}") from None
                await asyncio.sleep(POLL_S)
            else:
                return

    def _output_tail(self) -> str:
        """The end of what the container wrote before its own log was open."""
        try:
            output = (STATE_FOLDER / self.container_id / "container.log").read_bytes()
        except FileNotFoundError:
            return "it left no output"
        return output[-2000:].decode(errors="replace").strip() or "it left no output"


def cgroup2_mount() -> str:
    """Where the cgroup2 hierarchy is mounted: ``/sys/fs/cgroup``, or below it on a hybrid host."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return fields.split(" ")[4]
    raise SampleError("no cgroup2 hierarchy is mounted: `mount -t cgroup2 none /sys/fs/cgroup`")


async def _finish(process: asyncio.subprocess.Process) -> int:
    """Wait for a process that is about to end, and kill it when it does not; its exit code."""
    try:
        return await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return await process.wait()
