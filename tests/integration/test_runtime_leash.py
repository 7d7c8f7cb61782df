"""No process of a leashed tree outlives whoever asked for it, and none gets what it should not have."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from lictor.runtime import account, leash
from lictor.runtime.errors import CannotStartError
from lictor.runtime.leashed import Command, Leashed, run

NOBODY = account.Account(name="nobody", uid=65534, gid=65534, groups=(65534,))
WITHIN_S = 60.0

# A command whose tree does all that a tree can do to get away; each process writes its pid into a folder.
TREE = """
import os, signal, sys, time
folder, uid = sys.argv[1], int(sys.argv[2])
def settle(name):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    fd = os.open(folder + "/." + name, os.O_WRONLY | os.O_CREAT, 0o644)
    os.write(fd, str(os.getpid()).encode()); os.close(fd)
    os.rename(folder + "/." + name, folder + "/" + name)
    time.sleep(600)
if os.fork() == 0:
    settle("child")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        settle("daemon")
    os._exit(0)
if os.fork() == 0:
    if uid:
        os.setresuid(uid, uid, uid)
    settle("other-user")
settle("command")
"""
NAMES = ("child", "daemon", "other-user", "command")

# Signals that whoever runs the tests ignores would be ignored here too.
PARENT = """
import asyncio, signal, sys
from pathlib import Path
from lictor.runtime.leashed import Command, Leashed
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
async def main():
    argv = (sys.executable, "-c", *sys.argv[2:])
    await Leashed.start(Command(argv=argv, env={}, stop_grace=0.2), Path(sys.argv[1]))
    await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may write to and reach."""
    with tempfile.TemporaryDirectory(prefix="lictor-test-") as name:
        path = Path(name)
        path.chmod(0o777)
        yield path


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {WITHIN_S:g} s"
        time.sleep(0.02)


def gone(pid: int) -> bool:
    return leash.stat_fields(pid) is None


def pids_of_tree(folder: Path) -> dict[str, int]:
    until(lambda: all((folder / name).exists() for name in NAMES), "the tree's settling")
    return {name: int((folder / name).read_text()) for name in NAMES}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_whole_tree_ends_with_the_parent(folder: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Stubborn children, a daemon of its own session and, as root, one of another user."""
    uid = 65534 if os.geteuid() == 0 else 0
    hold = tmp_path / "guardians"
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(hold), TREE, str(folder), str(uid)], stderr=subprocess.DEVNULL
    )
    try:
        pids = pids_of_tree(folder)
        if uid:
            assert Path(f"/proc/{pids['other-user']}").stat().st_uid == uid
        assert os.getsid(pids["daemon"]) != os.getsid(pids["command"])
        parent.send_signal(number)
    finally:
        parent.send_signal(number)
        parent.wait(WITHIN_S)
    for name, pid in pids.items():
        until(partial(gone, pid), f"the end of {name}")
    with hold.open("r+b") as file:
        until(lambda: can_lock(file.fileno()), "the end of the guardian")


def can_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def test_whole_tree_ends_with_the_command(folder: Path) -> None:
    async def scenario() -> None:
        command = Command(argv=(sys.executable, "-c", TREE, str(folder), "0"), env={})
        leashed = await Leashed.start(command)
        pids = await asyncio.to_thread(pids_of_tree, folder)
        assert leashed.pid == pids["command"]
        os.kill(leashed.pid, signal.SIGKILL)
        ended = await asyncio.wait_for(leashed.wait(), WITHIN_S)
        assert (ended.code, ended.survivors) == (128 + signal.SIGKILL, ())
        assert all(gone(pid) for pid in pids.values())

    asyncio.run(scenario())


def test_command_ends_with_its_guardian(folder: Path) -> None:
    async def scenario() -> None:
        command = Command(argv=(sys.executable, "-c", TREE, str(folder), "0"), env={})
        leashed = await Leashed.start(command)
        pids = await asyncio.to_thread(pids_of_tree, folder)
        os.kill(leashed._guardian.pid, signal.SIGKILL)
        ended = await asyncio.wait_for(leashed.wait(), WITHIN_S)
        assert ended.code == 128 + signal.SIGKILL
        for name in ("command", "child"):
            await asyncio.to_thread(until, partial(gone, pids[name]), f"the end of {name}")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pids["daemon"], signal.SIGKILL)

    asyncio.run(scenario())


def test_command_is_asked_first_and_its_children_only_after_it(folder: Path) -> None:
    """So that a service can stop its own children in its own order."""
    program = """
import os, signal, sys, time
folder = sys.argv[1]
def note(text):
    fd = os.open(folder + "/order", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(fd, text.encode()); os.close(fd)
if os.fork() == 0:
    def last(*_):
        note("child "); os._exit(0)
    signal.signal(signal.SIGTERM, last)
    open(folder + "/ready", "w").close()
    time.sleep(600)
def first(*_):
    time.sleep(0.3); note("command "); os._exit(7)
signal.signal(signal.SIGTERM, first)
while not os.path.exists(folder + "/ready"):
    time.sleep(0.01)
open(folder + "/started", "w").close()
time.sleep(600)
"""

    async def scenario() -> None:
        command = Command(argv=(sys.executable, "-c", program, str(folder)), env={}, stop_grace=WITHIN_S)
        leashed = await Leashed.start(command)
        await asyncio.to_thread(until, (folder / "started").exists, "its start")
        ended = await asyncio.wait_for(leashed.stop(), WITHIN_S)
        assert ended.code == 7
        assert (folder / "order").read_text() == "command child "

    asyncio.run(scenario())


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 143)])
def test_exit_status_is_passed_on(script: str, code: int) -> None:
    ended = asyncio.run(run(Command(argv=("/bin/sh", "-c", script), env={}), WITHIN_S))
    assert ended.code == code


@pytest.mark.parametrize("argv", [("/nonexistent",), ("/etc/passwd",)])
def test_what_cannot_be_executed_is_an_error_with_its_reason(argv: tuple[str, ...]) -> None:
    with pytest.raises(CannotStartError, match=rf"{argv[0]}: .*(No such file|Permission denied)"):
        asyncio.run(run(Command(argv=argv, env={}), WITHIN_S))


def test_command_inherits_nothing_but_what_it_is_given(folder: Path) -> None:
    program = """
import json, os, signal
print(json.dumps({
    "fds": sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 2
                  and os.path.exists(f"/proc/self/fd/{fd}")),
    "env": sorted(set(os.environ) - {"LC_CTYPE"}), "cwd": os.getcwd(), "session": os.getsid(0) == os.getpid(),
    "pgrp": os.getpgrp() == os.getpid(), "blocked": len(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "terms": signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "stdin": os.readlink("/proc/self/fd/0"),
}))
"""
    log = folder / "log"
    with (folder / "inheritable").open("w") as leaked:
        os.set_inheritable(leaked.fileno(), True)
        command = Command(
            argv=(sys.executable, "-S", "-c", program), env={"ONLY": "this"}, cwd=folder, log=log
        )
        assert asyncio.run(run(command, WITHIN_S)).code == 0
    assert json.loads(log.read_text()) == {
        "fds": [],
        "env": ["ONLY"],
        "cwd": str(folder),
        "session": True,
        "pgrp": True,
        "blocked": 0,
        "terms": True,
        "stdin": "/dev/null",
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_command_runs_wholly_as_the_other_user(folder: Path) -> None:
    log = folder / "log"
    command = Command(
        argv=("/bin/grep", "-E", "^(Uid|Gid|Groups|CapEff):", "/proc/self/status"),
        env={},
        account=NOBODY,
        log=log,
    )
    assert asyncio.run(run(command, WITHIN_S)).code == 0
    fields = dict(line.split(":") for line in log.read_text().splitlines())
    assert fields["Uid"].split() == fields["Gid"].split() == ["65534"] * 4
    assert fields["Groups"].split() == ["65534"]
    assert int(fields["CapEff"], 16) == 0


def test_log_stays_below_its_limit_and_keeps_the_newest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = """
import time
for number in range(40):
    print(str(number) * 500, flush=True)
    time.sleep(0.01)
time.sleep(600)
"""
    source = Path(leash.__file__).read_text()
    impatient = folder / "leash.py"
    impatient.write_text(source.replace("LOG_CHECK_S = 5.0", "LOG_CHECK_S = 0.05"))
    assert impatient.read_text() != source
    monkeypatch.setattr(leash, "__file__", str(impatient))
    log = folder / "log"

    async def scenario() -> None:
        argv = (sys.executable, "-c", program)
        leashed = await Leashed.start(Command(argv=argv, env={}, log=log, log_max_bytes=4000, stop_grace=0.1))
        await asyncio.to_thread(
            until,
            lambda: "39" in log.read_text() + log.with_name("log.1").read_text()[-2000:],
            "the last line",
        )
        await leashed.stop()

    log.touch()
    log.with_name("log.1").touch()
    asyncio.run(scenario())
    assert log.stat().st_size <= 4000 + 4000


def test_running_past_the_time_ends_the_tree(folder: Path) -> None:
    command = Command(
        argv=("/bin/sh", "-c", f"echo $$ > {folder}/pid; sleep 600"), env={"PATH": "/usr/bin:/bin"}
    )
    with pytest.raises(TimeoutError):
        asyncio.run(run(command, 0.5))
    assert gone(int((folder / "pid").read_text()))
