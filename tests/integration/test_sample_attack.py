"""The attack on the sample goes all the way when nobody stops it, and no further once its shell is killed."""

# ruff: noqa: ASYNC240  /proc and /sys are memory
from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from lictor.sample import keeper
from lictor.sample.attack import AttackResult, attack
from lictor.sample.container import SampleContainer
from lictor.sample.visitor import PING_PAGE, visit

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("runc") is None or shutil.which("mmdebstrap") is None,
    reason="the sample container needs root, runc and mmdebstrap",
)

PATIENCE_S = 20.0

_numbers = itertools.count()


def a_container() -> SampleContainer:
    return SampleContainer(log=lambda _line: None, suffix=f"-attack-{os.getpid()}-{next(_numbers)}")


def programs(container: SampleContainer) -> dict[int, str]:
    """The container's processes with their executables."""
    found = {}
    for line in (keeper.cgroup2_folder(container.cgroup_path) / "cgroup.procs").read_text().split():
        try:
            found[int(line)] = str(Path(f"/proc/{line}/exe").readlink())
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def the_shell(container: SampleContainer) -> int:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for pid, executable in programs(container).items():
            if executable == "/usr/bin/bash":
                return pid
        await asyncio.sleep(0)
    pytest.fail("no shell was started")


async def calm(container: SampleContainer) -> None:
    """Wait until nothing but Apache runs."""
    deadline = time.monotonic() + PATIENCE_S
    while set(programs(container).values()) != {"/usr/sbin/apache2"}:
        assert time.monotonic() < deadline, programs(container)
        await asyncio.sleep(0.02)


async def until(steps: list[str], step: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while step not in steps:
        assert time.monotonic() < deadline, steps
        await asyncio.sleep(0.01)


async def attack_and_kill(container: SampleContainer, *, wait_for_id: bool) -> AttackResult:
    steps: list[str] = []
    attacking = asyncio.create_task(attack(container, pause_s=PATIENCE_S, on_step=steps.append))
    shell = await the_shell(container)
    if wait_for_id:
        await until(steps, "identified")
    os.kill(shell, signal.SIGKILL)
    return await attacking


def test_nobody_stops_it() -> None:
    async def scenario() -> None:
        async with a_container() as container:
            steps: list[str] = []
            attacking = asyncio.create_task(attack(container, pause_s=0.5, on_step=steps.append))
            shell = await the_shell(container)
            chain = [
                str(Path(f"/proc/{pid}/exe").readlink())
                for pid in (shell, parent(shell), parent(parent(shell)))
            ]
            assert chain == ["/usr/bin/bash", "/usr/bin/dash", "/usr/sbin/apache2"]
            script = Path(f"/proc/{parent(shell)}/cmdline").read_bytes().split(b"\0")
            assert script[:2] == [b"/usr/bin/dash", b"/usr/lib/cgi-bin/ping"]
            result = await attacking
            assert result.shell_connected
            assert result.id_output.startswith("uid=33(www-data)")
            assert (result.marker_sent, result.marker_answered, result.marker_left) == (True, True, True)
            assert result.marker_ran
            assert result.closed_by_peer_at is None
            assert steps == ["connected", "identified", "marker-sent", "marker-answered"]
            assert result.connected_at is not None
            assert result.identified_at is not None
            assert result.marker_sent_at is not None
            times = (result.started_at, result.connected_at, result.identified_at, result.marker_sent_at)
            assert sorted(times) == list(times)
            assert result.page is not None
            assert "1 received" in result.page.body
            assert result.page.body.endswith("Done.\n")
            await calm(container)

    asyncio.run(scenario())


def test_its_shell_is_killed_while_the_attacker_looks() -> None:
    async def scenario() -> None:
        async with a_container() as container:
            result = await attack_and_kill(container, wait_for_id=True)
            assert result.shell_connected
            assert result.id_output.startswith("uid=33(www-data)")
            assert (result.marker_sent, result.marker_answered, result.marker_left) == (False, False, False)
            assert not result.marker_ran
            assert result.identified_at is not None
            assert result.closed_by_peer_at is not None
            assert result.identified_at < result.closed_by_peer_at < result.ended_at
            assert result.page is not None
            assert "1 received" in (await visit(container, PING_PAGE)).body
            await calm(container)

    asyncio.run(scenario())


def test_its_shell_is_killed_as_soon_as_it_is_there() -> None:
    """However far it came by then, the attack ends at once and its next command never runs."""

    async def scenario() -> None:
        async with a_container() as container:
            result = await attack_and_kill(container, wait_for_id=False)
            assert not result.marker_ran
            assert not result.marker_sent
            assert result.page is not None
            await calm(container)

    asyncio.run(scenario())


def test_two_attacks_in_a_row_do_not_see_each_others_marker() -> None:
    async def scenario() -> None:
        async with a_container() as container:
            assert (await attack(container, pause_s=0.0)).marker_ran
            assert not (await attack_and_kill(container, wait_for_id=True)).marker_ran

    asyncio.run(scenario())


def test_a_cancelled_attack_leaves_no_shell() -> None:
    async def scenario() -> None:
        async with a_container() as container:
            steps: list[str] = []
            attacking = asyncio.create_task(attack(container, pause_s=PATIENCE_S, on_step=steps.append))
            await until(steps, "identified")
            attacking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await attacking
            await calm(container)

    asyncio.run(scenario())
