"""Order, readiness, restarts and their end, with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lictor.runtime import leash
from lictor.runtime.child import NO_RESTART, Change, Child, ChildState, Probe, RestartPolicy
from lictor.runtime.errors import ChildFailedError
from lictor.runtime.leashed import Command
from lictor.runtime.supervisor import Supervisor

WITHIN_S = 60.0
QUICK = RestartPolicy(first_delay=0.01, longest_delay=0.02, limit=3)


def sleeper(name: str, *, script: str = "exec sleep 600", log: Path | None = None, **fields: object) -> Child:
    command = Command(argv=("/bin/sh", "-c", script), env={"PATH": "/usr/bin:/bin"}, log=log, stop_grace=5.0)
    return Child(name=name, command=command, **fields)  # type: ignore[arg-type]


def supervised(
    scenario: Callable[[Supervisor], Awaitable[None]],
) -> list[Change]:
    """Run a scenario; every change, in order."""
    changes: list[Change] = []

    async def main() -> None:
        async with asyncio.timeout(WITHIN_S), Supervisor(changes.append) as supervisor:
            await scenario(supervisor)

    asyncio.run(main())
    return changes


def states(changes: list[Change], name: str) -> list[str]:
    return [change.state.value for change in changes if change.name == name]


def exists(path: Path) -> Probe:
    async def probe() -> bool:
        return await asyncio.to_thread(path.exists)

    return probe


def test_ready_means_that_the_probe_says_so(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    child = sleeper("slow", script=f"sleep 0.3; touch {flag}; exec sleep 600", probe=exists(flag))

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(child)
        assert flag.exists()
        assert supervisor.state("slow") is ChildState.READY
        assert leash.stat_fields(supervisor.pid("slow")) is not None

    changes = supervised(scenario)
    assert states(changes, "slow") == ["starting", "ready", "stopping", "stopped"]
    assert leash.stat_fields(changes[0].pid) is None


def test_killed_child_comes_back_with_another_pid() -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(sleeper("child", restart=QUICK))
        for _ in range(QUICK.limit):
            pid = supervisor.pid("child")
            os.kill(pid, signal.SIGKILL)
            await supervisor.wait_ready("child", WITHIN_S, other_than=pid)
            assert supervisor.pid("child") not in (0, pid)

    changes = supervised(scenario)
    assert states(changes, "child").count("backing-off") == QUICK.limit
    assert "ended by signal 9" in next(c.detail for c in changes if c.state is ChildState.BACKING_OFF)


def test_child_that_dies_too_often_has_failed_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = sleeper("child", script="echo my last words; sleep 0.05; exit 3", log=log, restart=QUICK)

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(child)
        with pytest.raises(ChildFailedError) as failure:
            await supervisor.failed()
        assert "child exited with 3, for the 4th time within 60 s" in str(failure.value)
        assert "my last words" in failure.value.tail
        with pytest.raises(ChildFailedError):
            await supervisor.wait_ready("child", WITHIN_S)

    changes = supervised(scenario)
    assert states(changes, "child")[-1] == "failed"
    assert log.read_text().count("my last words") == QUICK.limit + 1


def test_back_off_grows_to_its_bound() -> None:
    policy = RestartPolicy(first_delay=0.1, factor=2, longest_delay=0.5)
    assert [policy.delay(deaths) for deaths in range(1, 6)] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_child_that_is_not_to_be_restarted_fails_at_its_first_death() -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(sleeper("once", restart=NO_RESTART))
        os.kill(supervisor.pid("once"), signal.SIGTERM)
        with pytest.raises(ChildFailedError, match=r"once was ended by signal 15$"):
            await supervisor.failed()

    supervised(scenario)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo why; exit 4", "exited with 4 before it was ready"),
        ("echo why; exec sleep 600", r"was not ready after 0\.5 s"),
    ],
)
def test_first_start_that_fails_is_an_error_at_once(tmp_path: Path, script: str, reason: str) -> None:
    child = sleeper(
        "child",
        script=script,
        log=tmp_path / "log",
        probe=exists(tmp_path / "never"),
        ready_timeout=0.5,
    )

    async def scenario(supervisor: Supervisor) -> None:
        with pytest.raises(ChildFailedError, match=f"child {reason}; its log ends:\nwhy"):
            await supervisor.start(child)
        assert supervisor.pids() == {}

    changes = supervised(scenario)
    assert states(changes, "child") == ["starting", "failed"]
    assert leash.stat_fields(changes[0].pid) is None


def test_command_that_does_not_exist_is_a_failed_child() -> None:
    child = Child(name="typo", command=Command(argv=("/nonexistent",), env={}))

    async def scenario(supervisor: Supervisor) -> None:
        with pytest.raises(ChildFailedError, match="typo cannot run /nonexistent: No such file"):
            await supervisor.start(child)

    supervised(scenario)


def test_probe_that_raises_is_a_failed_child_not_a_silent_one() -> None:
    async def probe() -> bool:
        raise OSError("no route")

    async def scenario(supervisor: Supervisor) -> None:
        with pytest.raises(ChildFailedError, match="could not be probed: OSError"):
            await supervisor.start(sleeper("child", probe=probe))

    supervised(scenario)


def test_probe_that_raises_after_a_restart_counts_as_a_death() -> None:
    asked = 0

    async def probe() -> bool:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise OSError("no route")
        return True

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(sleeper("child", probe=probe, restart=QUICK))
        os.kill(supervisor.pid("child"), signal.SIGKILL)
        with pytest.raises(ChildFailedError, match="could not be probed"):
            await supervisor.failed()

    supervised(scenario)


def test_children_start_after_and_stop_before_what_they_need() -> None:
    children = [
        sleeper("sink", after=("streams", "elasticsearch")),
        sleeper("streams", after=("kafka",)),
        sleeper("elasticsearch", script="sleep 0.2; exec sleep 600"),
        sleeper("kafka"),
    ]

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start_all(children)
        assert set(supervisor.pids()) == {"kafka", "elasticsearch", "streams", "sink"}

    changes = supervised(scenario)
    order = [(change.name, change.state.value) for change in changes]
    assert order.index(("kafka", "ready")) < order.index(("streams", "starting"))
    assert order.index(("streams", "ready")) < order.index(("sink", "starting"))
    assert order.index(("sink", "stopped")) < order.index(("streams", "stopping"))
    assert order.index(("streams", "stopped")) < order.index(("kafka", "stopping"))
    assert order.index(("sink", "stopped")) < order.index(("elasticsearch", "stopping"))


def test_one_that_cannot_start_fails_all_and_leaves_none() -> None:
    children = [
        sleeper("fine"),
        sleeper("broken", script="exit 1", probe=exists(Path("/nonexistent"))),
        sleeper("waiting", after=("broken",)),
    ]

    async def scenario(supervisor: Supervisor) -> None:
        with pytest.raises(ChildFailedError, match="broken exited with 1"):
            await supervisor.start_all(children)
        assert "waiting" not in supervisor.pids()

    changes = supervised(scenario)
    assert all(leash.stat_fields(change.pid) is None for change in changes if change.pid)


def test_scenario_that_raises_leaves_no_child() -> None:
    pids: list[int] = []

    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(sleeper("child"))
        pids.append(supervisor.pid("child"))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        supervised(scenario)
    assert leash.stat_fields(pids[0]) is None


def test_one_name_is_one_child() -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(sleeper("child"))
        with pytest.raises(ValueError, match="already kept"):
            await supervisor.start(sleeper("child"))
        await supervisor.stop("child")
        await supervisor.start(sleeper("child"))

    supervised(scenario)


def test_log_of_the_run_before_is_kept_once(tmp_path: Path) -> None:
    log = tmp_path / "child.log"

    async def scenario(supervisor: Supervisor) -> None:
        for number in (1, 2, 3):
            flag = tmp_path / str(number)
            script = f"echo run {number}; touch {flag}; exec sleep 600"
            await supervisor.start(sleeper("child", script=script, log=log, probe=exists(flag)))
            await supervisor.stop("child")

    supervised(scenario)
    assert log.read_text() == "run 3\n"
    assert (tmp_path / "child.log.1").read_text() == "run 2\n"
    assert len(list(tmp_path.glob("child.log*"))) == 2
