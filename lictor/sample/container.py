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
"""One for the whole machine, as cgroup paths are: what an earlier run left is found under the same names."""

LOCK_TIMEOUT_S = 20.0
START_TIMEOUT_S = 60.0
SERVE_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 45.0
POLL_S = 0.02


class SampleContainer:
    """The sample's web server in a runc container; an asynchronous context manager.

    ``suffix`` tells apart containers that run beside each other: the id is ``dvwa-web`` and the suffix.
    ``log`` receives progress, a line at a time. Methods raise :class:`SampleError`.

    Starting first removes what an earlier run left; a second live one under the same id is refused. However
    this process ends, ``kill -9`` included, a keeper process removes the container.
    """

    def __init__(self, *, log: Callable[[str], None], suffix: str = "", cache: Path | None = None) -> None:
        self.container_id = CONTAINER_ID + suffix
        self.cgroup_path = cgroup_path(suffix)
        self._log = log
        self._cache = cache
        self._bundle = STATE_FOLDER / self.container_id
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
        """Inode of the cgroup2 directory: what the kernel says in an event. OSError when not running."""
        return keeper.cgroup2_folder(self.cgroup_path).stat().st_ino

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
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
            await self._wait_until_serving(self._pid)
        except BaseException:
            await self.stop()
            raise
        self._log(f"{self.container_id} serves: process {self._pid}, cgroup {self.cgroup_path}")

    async def stop(self) -> None:
        """Kill and remove the container and all that belongs to it; nothing running is fine."""
        process, self._keeper, self._pid = self._keeper, None, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if (await _finish(process))[0] == 0:
            return
        # The keeper was killed or could not remove everything: once more, and it counts.
        lock = _try_lock(STATE_FOLDER / f"{self.container_id}.lock")
        if lock is None:
            return  # somebody has taken the name since, and with it what was left
        with lock:
            again = await asyncio.create_subprocess_exec(
                *self._keeper_command("remove"),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
        code, said = await _finish(again)
        if code != 0:
            raise SampleError(f"the container {self.container_id} could not be removed: {said}")

    async def _start_keeper(self, config: bytes) -> int:
        """Start the keeper and let it start the container; the container's first process id."""
        lock = await self._take_name()
        try:
            # The keeper inherits the lock: the name is free again when the container is gone.
            process = await asyncio.create_subprocess_exec(
                *self._keeper_command("keep"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
        finally:
            lock.close()
        self._keeper = process
        assert process.stdin is not None  # noqa: S101  opened as a pipe above
        assert process.stdout is not None  # noqa: S101  as well
        assert process.stderr is not None  # noqa: S101  as well
        process.stdin.write(config)
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
        except TimeoutError:
            raise SampleError(f"the container did not start within {START_TIMEOUT_S:.0f} s") from None
        if not line:
            said = (await process.stderr.read()).decode(errors="replace").strip()
            raise SampleError(f"the container did not start: {said or 'its keeper was killed'}")
        answer = json.loads(line)
        if "pid" not in answer:
            raise SampleError(f"the container did not start: {answer['error']}")
        return int(answer["pid"])

    def _keeper_command(self, task: str) -> list[str]:
        names = (self.container_id, str(STATE_FOLDER), self.cgroup_path)
        return [sys.executable, "-I", "-S", keeper.__file__, task, *names]

    async def _take_name(self) -> IO[str]:
        """Lock the container's name, waiting for a keeper that still cleans up after a killed starter."""
        STATE_FOLDER.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240  in memory
        deadline = time.monotonic() + LOCK_TIMEOUT_S
        while (lock := _try_lock(STATE_FOLDER / f"{self.container_id}.lock")) is None:
            if time.monotonic() > deadline:
                raise SampleError(
                    f"a container {self.container_id} runs on this machine already: end that demo first"
                )
            await asyncio.sleep(POLL_S)
        return lock

    async def _wait_until_serving(self, pid: int) -> None:
        deadline = time.monotonic() + SERVE_TIMEOUT_S
        while True:
            try:
                (await netns.connect(pid, HTTP_PORT, timeout_s=SERVE_TIMEOUT_S)).close()
            except OSError as error:
                # Apache's network namespace goes with Apache: nothing to wait for.
                if isinstance(error, FileNotFoundError) or time.monotonic() > deadline:
                    raise SampleError(f"the sample's web server does not answer: {self._output()}") from error
                await asyncio.sleep(POLL_S)
            else:
                return

    def _output(self) -> str:
        """The end of what Apache wrote before its own log was open."""
        output = (self._bundle / "container.log").read_bytes()[-2000:]
        return output.decode(errors="replace").strip() or "it says nothing about why"


def cgroup_path(suffix: str = "") -> str:
    """The cgroup2 path of the sample's container with this suffix."""
    return f"{CGROUP_PARENT}/{CONTAINER_ID}{suffix}"


def _try_lock(path: Path) -> IO[str] | None:
    """Lock a file that its holder removes in the end; None when somebody holds it."""
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Removed between the two calls, the lock is one that nobody else will ever see.
        held = path.stat().st_ino == os.fstat(lock.fileno()).st_ino
    except (BlockingIOError, FileNotFoundError):
        held = False
    if not held:
        lock.close()
        return None
    return lock


async def _finish(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """Wait for a process that is about to end, and kill it when it does not; its exit code and errors."""
    try:
        _, errors = await asyncio.wait_for(process.communicate(), STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        return await process.wait(), f"it did not finish within {STOP_TIMEOUT_S:.0f} s"
    return process.returncode or 0, (errors or b"").decode(errors="replace").strip()
