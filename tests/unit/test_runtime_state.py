"""The state folder: one run at a time, and what it tells other commands."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from lictor.runtime import ports, state
from lictor.runtime.errors import StateError
from lictor.runtime.state import LocalState, find_live


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_second_run_on_one_folder_is_refused_with_the_holder(root: Path) -> None:
    with LocalState(root, None), pytest.raises(StateError) as refusal, LocalState(root, None):
        pass
    assert f"in use by process {os.getpid()}" in str(refusal.value)
    assert "LICTOR_STATE" in str(refusal.value)


def test_folder_is_free_after_use_and_after_kill(root: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from lictor.runtime.state import LocalState\n"
        "LocalState(Path(sys.argv[1]), None).__enter__(); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(root)], check=False, timeout=60)
    assert killed.returncode == -9
    with LocalState(root, None):
        pass
    with LocalState(root, None):
        pass


def test_run_waits_for_the_guardians_of_the_run_before(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "OUTWAIT_S", 0.2)
    with LocalState(root, None) as first:
        guardians = first.guardians
    with guardians.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with pytest.raises(StateError, match="earlier run"), LocalState(root, None):
            pass
    with LocalState(root, None):
        pass


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(StateError, match="has other things in it"), LocalState(tmp_path, None):
        pass


def test_nothing_is_open_to_everybody(root: Path) -> None:
    with LocalState(root, None) as held:
        held.folder("kafka", "data")
        held.publish(bootstrap=None, elasticsearch=None, pids={})
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert {path for path, mode in modes.items() if mode & 0o007} == set()
    assert modes[root / "keys"] == 0o700
    assert modes[root / "kafka" / "data"] == 0o700


def test_fresh_folder_is_emptied_and_a_link_in_it_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    with LocalState(root, None) as held:
        folder = held.folder("kafka", "tmp")
        (folder / "link").symlink_to(tmp_path / "precious")
        assert list(held.folder("kafka", "tmp", fresh=True).iterdir()) == []
    assert (tmp_path / "precious" / "file").exists()


def test_live_is_found_while_it_lasts(root: Path) -> None:
    assert find_live(root) is None
    with LocalState(root, None) as held:
        assert find_live(root) is None
        held.publish(bootstrap="127.0.0.1:1", elasticsearch="http://127.0.0.1:2", pids={"kafka": 3})
        live = find_live(root)
        assert live is not None
        assert (live.pid, live.bootstrap, live.elasticsearch) == (
            os.getpid(),
            "127.0.0.1:1",
            "http://127.0.0.1:2",
        )
        assert live.pids == {"kafka": 3}
    assert find_live(root) is None


@pytest.mark.parametrize(
    ("field", "value"), [("boot_id", "another boot"), ("start_time", 1), ("pid", 2**22 + 1), ("version", 99)]
)
def test_what_a_crash_left_is_not_taken_for_live(root: Path, field: str, value: object) -> None:
    with LocalState(root, None) as held:
        held.publish(bootstrap="127.0.0.1:1", elasticsearch=None, pids={})
        content = json.loads(held.live_file.read_text())
        held.live_file.write_text(json.dumps({**content, field: value}))
        assert find_live(root) is None


def test_defaults_follow_the_environment(tmp_path: Path) -> None:
    environ = {"LICTOR_STATE": str(tmp_path / "s"), "LICTOR_CACHE": str(tmp_path / "c")}
    assert state.default_state(environ) == tmp_path / "s"
    assert state.default_cache(environ) == tmp_path / "c"


def test_ports_are_distinct_below_the_ephemeral_range_and_remembered(tmp_path: Path) -> None:
    first = ports.remembered(tmp_path / "ports", 2)
    assert len(set(first)) == 2
    assert all(ports.LOWEST <= port < ports.ephemeral_floor() for port in first)
    assert ports.remembered(tmp_path / "ports", 2) == first


def test_a_remembered_port_that_is_taken_is_replaced(tmp_path: Path) -> None:
    (port,) = ports.remembered(tmp_path / "ports")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert not ports.is_free(port)
        (other,) = ports.remembered(tmp_path / "ports")
        assert other != port
