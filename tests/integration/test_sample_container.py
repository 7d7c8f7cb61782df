"""The sample as a real container: its pages, its confinement, its own cgroup, and nothing left behind."""

# ruff: noqa: ASYNC240  /proc and /sys are memory
from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from lictor.sample import container as sample_container
from lictor.sample import keeper
from lictor.sample.container import STATE_FOLDER, SampleContainer
from lictor.sample.documents import WORKLOADS_FILE, workload_map
from lictor.sample.errors import SampleError
from lictor.sample.visitor import FRONT_PAGE, PING_PAGE, visit

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("runc") is None or shutil.which("mmdebstrap") is None,
    reason="the sample container needs root, runc and mmdebstrap",
)

PATIENCE_S = 30.0

STARTER = """
import asyncio, sys
from lictor.sample.container import SampleContainer

async def hold():
    container = SampleContainer(log=lambda line: None, suffix=sys.argv[1])
    await container.start()
    print(container.pid, container._keeper.pid, flush=True)
    await asyncio.sleep(600)

asyncio.run(hold())
"""

_numbers = itertools.count()


def a_suffix() -> str:
    return f"-test-{os.getpid()}-{next(_numbers)}"


def a_container(suffix: str | None = None) -> SampleContainer:
    return SampleContainer(log=lambda _line: None, suffix=suffix or a_suffix())


def traces(container: SampleContainer) -> list[Path]:
    """What there is on this machine of the container."""
    folders = [mount / container.cgroup_path.lstrip("/") for mount, _ in keeper.cgroup_mounts()]
    folders += [STATE_FOLDER / container.container_id, STATE_FOLDER / "runc" / container.container_id]
    folders.append(STATE_FOLDER / f"{container.container_id}.lock")
    return [folder for folder in folders if folder.exists()]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Ended; a zombie that the machine's pid 1 has yet to collect runs nothing."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True
    return state in "ZX"


def start_elsewhere(suffix: str) -> tuple[subprocess.Popen[str], int, int]:
    """Let another process start a container and hold it: that process, Apache's pid, the keeper's pid."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, suffix],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert starter.stdout is not None
    with starter.stdout:
        pid, keeper_pid = map(int, starter.stdout.readline().split())
    return starter, pid, keeper_pid


def test_serves_its_pages_and_leaves_nothing() -> None:
    async def scenario() -> SampleContainer:
        async with a_container() as container:
            front = await visit(container, FRONT_PAGE)
            assert (front.status, "Ping a device" in front.body) == (200, True)
            page = await visit(container, PING_PAGE)
            assert page.status == 200
            assert "1 packets transmitted, 1 received, 0% packet loss" in page.body
            assert (await visit(container, "/nothing-here")).status == 404
            assert traces(container)
            return container

    assert not traces(asyncio.run(scenario()))


def test_decodes_what_a_browser_encodes() -> None:
    async def scenario() -> str:
        async with a_container() as container:
            return (await visit(container, "/cgi-bin/ping?x=1&host=127.0.0.1%3b+echo+a%2Bb%%26zz%zz")).body

    body = asyncio.run(scenario())
    assert body.startswith("Ping a device: 127.0.0.1; echo a+b%&zz%zz\n")


def test_everything_in_it_is_in_its_own_cgroup() -> None:
    async def scenario() -> None:
        async with a_container() as container:
            await visit(container, PING_PAGE)
            folder = keeper.cgroup2_folder(container.cgroup_path)
            members = [int(line) for line in (folder / "cgroup.procs").read_text().split()]
            assert container.pid in members
            assert len(members) > 1
            for pid in members:
                cgroups = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
                assert f"0::{container.cgroup_path}" in cgroups
                assert str(Path(f"/proc/{pid}/exe").readlink()) == "/usr/sbin/apache2"
            assert container.cgroup_id == folder.stat().st_ino

    asyncio.run(scenario())


def test_is_confined() -> None:
    async def scenario() -> None:
        async with a_container() as container:
            status = Path(f"/proc/{container.pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            assert fields["Uid"].split() == ["33"] * 4
            assert {fields[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
            assert fields["NoNewPrivs"] == "1"
            interfaces = Path(f"/proc/{container.pid}/net/dev").read_text().splitlines()[2:]
            assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]
            for kind in ("pid", "net", "ipc", "uts", "mnt"):
                assert str(Path(f"/proc/{container.pid}/ns/{kind}").readlink()) != str(
                    Path(f"/proc/self/ns/{kind}").readlink()
                )
            page = await visit(container, "/cgi-bin/ping?host=127.0.0.1;echo+x+>/usr/lib/cgi-bin/x")
            assert "Read-only file system" in page.body

    asyncio.run(scenario())


def test_visiting_leaves_this_process_in_its_own_network() -> None:
    async def scenario() -> None:
        before = str(Path("/proc/self/ns/net").readlink())
        async with a_container() as container:
            await asyncio.gather(*(visit(container, FRONT_PAGE) for _ in range(8)))
        assert {str(task.readlink()) for task in Path("/proc/self/task").glob("*/ns/net")} == {before}

    asyncio.run(scenario())


def test_starts_again_and_beside_another() -> None:
    async def scenario() -> None:
        suffix = a_suffix()
        async with a_container(suffix) as first, a_container() as other:
            assert first.pid != other.pid
        async with a_container(suffix) as second:
            assert (await visit(second, FRONT_PAGE)).status == 200

    asyncio.run(scenario())


def test_a_second_one_of_the_same_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample_container, "LOCK_TIMEOUT_S", 0.1)

    async def scenario() -> None:
        async with a_container() as container:
            suffix = container.container_id.removeprefix(sample_container.CONTAINER_ID)
            with pytest.raises(SampleError, match="end that demo first"):
                await a_container(suffix).start()
            assert (await visit(container, FRONT_PAGE)).status == 200

    asyncio.run(scenario())


def test_a_web_server_that_does_not_start_is_reported_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an Apache in it, the container ends at once."""
    for folder in ("dev", "proc", "run", "sys", "tmp", "var/log/apache2", "usr/sbin"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.setattr(sample_container, "build_rootfs", lambda _log, cache: cache)
    container = SampleContainer(log=lambda _line: None, suffix=a_suffix(), cache=tmp_path)
    with pytest.raises(SampleError, match="apache2"):
        asyncio.run(container.start())
    assert not traces(container)


def test_a_killed_starter_takes_its_container_along() -> None:
    suffix = a_suffix()
    starter, pid, keeper_pid = start_elsewhere(suffix)
    starter.kill()
    starter.wait()
    wait_until(lambda: gone(pid) and gone(keeper_pid))
    assert not traces(a_container(suffix))


def test_a_start_waits_for_a_killed_starters_keeper() -> None:
    suffix = a_suffix()
    starter, pid, keeper_pid = start_elsewhere(suffix)
    os.kill(keeper_pid, signal.SIGSTOP)

    async def scenario() -> None:
        asyncio.get_running_loop().call_later(0.3, os.kill, keeper_pid, signal.SIGCONT)
        async with a_container(suffix) as container:
            assert container.pid != pid
            # Reaped, not only dead: by its keeper, since nobody else is its parent.
            assert not Path(f"/proc/{pid}").exists()

    starter.kill()
    starter.wait()
    asyncio.run(scenario())


def test_what_a_killed_keeper_left_is_removed_by_the_next_start() -> None:
    suffix = a_suffix()
    starter, pid, keeper_pid = start_elsewhere(suffix)
    os.kill(keeper_pid, signal.SIGKILL)
    starter.kill()
    starter.wait()
    assert not gone(pid)

    async def scenario() -> None:
        async with a_container(suffix) as container:
            assert gone(pid)
            assert (await visit(container, FRONT_PAGE)).status == 200

    asyncio.run(scenario())
    assert not traces(a_container(suffix))


def test_stopping_without_its_keeper_still_removes_everything() -> None:
    async def scenario() -> SampleContainer:
        async with a_container() as container:
            assert container._keeper is not None
            os.kill(container._keeper.pid, signal.SIGKILL)
        return container

    assert not traces(asyncio.run(scenario()))


def test_the_identity_map_names_the_container() -> None:
    assert yaml.safe_load(workload_map()) == yaml.safe_load(WORKLOADS_FILE.read_text())
    (workload,) = yaml.safe_load(workload_map("-x"))["workloads"]
    container = a_container("-x")
    assert workload["cgroup"] == container.cgroup_path
    assert workload["container_id"] == container.container_id
    assert (workload["namespace"], workload["labels"]) == ("dvwa", {"app": "dvwa-web", "tier": "frontend"})
