"""The demonstration as a command: what it shows, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lictor.runtime.state import find_live
from lictor.sample import keeper
from lictor.sample.container import CONTAINER_ID, STATE_FOLDER, cgroup_path
from tests.fixtures.boxes import Box, box, lictor
from tests.fixtures.runtime import state_folder
from tests.fixtures.stacks import why_not_here

pytestmark = [
    pytest.mark.skipif(why_not_here() is not None, reason=why_not_here() or ""),
    pytest.mark.skipif(
        shutil.which("runc") is None or shutil.which("mmdebstrap") is None,
        reason="the demonstration's container needs runc and mmdebstrap",
    ),
]


@pytest.fixture
def state() -> Iterator[Path]:
    with state_folder() as folder:
        yield folder


def assert_nothing_left(running: Box, state: Path) -> None:
    """No process, no container, no cgroup, no mount; and nobody is told that anything is live."""
    running.await_empty()
    folders = [mount / cgroup_path().lstrip("/") for mount, _ in keeper.cgroup_mounts()]
    folders += [STATE_FOLDER / CONTAINER_ID, STATE_FOLDER / "runc" / CONTAINER_ID]
    assert [folder for folder in folders if folder.exists()] == []
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    assert [line for line in mounts if str(state) in line or str(STATE_FOLDER) in line] == []
    assert find_live(state) is None


def assert_told(output: str) -> None:
    """The whole story, and a table that fits a terminal of 80 columns."""
    assert "As told: audited, stopped, and on record." in output
    assert "FAILED" not in output
    heading = next(line for line in output.splitlines() if line.startswith("event "))
    table = output[output.index(heading) :].split("\n\n", 1)[0].splitlines()
    assert max(map(len, table)) <= 80
    rows = [line.split("│") for line in table if "/usr/bin/bash" in line and "from" not in line]
    (audited, blocked) = ([cell.strip() for cell in row] for row in rows)
    assert audited[1:4] == ["audit", "posture-audit", "passed"]
    assert blocked[1:4] == ["block", "posture-block", "terminated"]
    assert blocked[4].endswith(" ms")
    assert "lictor.verdict.id" in output


def test_it_ends_by_itself_once_all_was_seen_to_be_true(state: Path) -> None:
    with box(lictor("demo"), state=state) as running:
        assert running.wait() == 0, running.output
        assert_told(running.output)
        assert_nothing_left(running, state)


def test_up_shows_the_same_then_watches_until_ctrl_c(state: Path) -> None:
    with box(lictor("up", "--demo"), state=state) as running:
        running.until("Watching. Ctrl-C ends it.")
        assert_told(running.output)
        live = find_live(state)
        assert live is not None
        assert set(live.pids) == {
            *("kafka", "elasticsearch", "sensor", "streams", "signaller", "enforcer", "sink")
        }
        assert set(live.pids.values()) <= set(running.left())
        running.signal(signal.SIGINT)
        assert running.wait() == 0, running.output
        assert "Traceback" not in running.output
        assert_nothing_left(running, state)


def test_killed_in_the_middle_of_the_attack_it_leaves_nothing(state: Path) -> None:
    with box(lictor("up", "--demo"), state=state) as running:
        running.until("attacker")
        running.signal(signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
        assert_nothing_left(running, state)
