"""What the kernel programs report of an exec: who, what was asked for, and with what."""

from __future__ import annotations

import fcntl
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensors.ring_records import RawExec
from tests.fixtures.kernel_events import KernelEvents, kernel_events, needs_kernel

pytestmark = needs_kernel

PYTHON = os.path.realpath(sys.executable)
TRUE = os.path.realpath("/bin/true")
SH = os.path.realpath("/bin/sh")
TIOCGPTN = 0x80045430


@pytest.fixture(scope="module")
def events() -> Iterator[KernelEvents]:
    with kernel_events() as collected:
        yield collected


def python(script: str, *args: str | int | Path) -> list[str]:
    return [PYTHON, "-I", "-c", script, *map(str, args)]


def test_exec_has_its_arguments_directory_and_ids(events: KernelEvents, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (ran,) = events.run(
        ["true", "one", "", "two words"], cwd="/usr", user=65534, group=65533, extra_groups=[]
    )
    assert ran.file.path == os.fsencode(TRUE)
    found = Path(TRUE).stat()
    assert (ran.file.owner_uid, ran.file.unlinked, ran.file.truncated) == (found.st_uid, False, False)
    assert ran.args == (b"true", b"one", b"", b"two words")
    assert not ran.args_truncated
    assert (ran.cwd, ran.cwd_truncated) == (b"/usr", False)
    assert (ran.uid, ran.gid) == (65534, 65533)
    assert (ran.script, ran.tty) == (False, b"")
    assert ran.source is not None
    assert ran.source.path == os.fsencode(PYTHON)
    assert ran.parent == ran.source
    assert ran.ancestors[0].pid == os.getpid()
    assert ran.ancestors[1].pid == os.getppid()


def test_root_directory_is_a_slash(events: KernelEvents) -> None:
    (ran,) = events.run(["true"], cwd="/")
    assert ran.cwd == b"/"


def test_exit_tells_code_and_signal(events: KernelEvents) -> None:
    child = subprocess.Popen(["sh", "-c", "exit 41"])
    child.wait()
    ended = events.exit_of(child.pid)
    (ran,) = events.execs_of(child.pid)
    assert ended.code_raw == 41 << 8
    assert (ended.start_ns, ended.cgroup_id) == (ran.start_ns, ran.cgroup_id)
    assert (ended.device, ended.inode) == (ran.file.device, ran.file.inode)
    assert ended.boot_ns > ran.boot_ns >= ran.start_ns

    child = subprocess.Popen(["sleep", "60"])
    child.kill()
    child.wait()
    assert events.exit_of(child.pid).code_raw == signal.SIGKILL


def test_child_that_never_became_another_program_has_no_exit(events: KernelEvents) -> None:
    seen = events.run(["sh", "-c", "(exit 3); (exit 4); true"])
    shell = seen[0].pid
    events.run(["true"])
    children = [r for r in events.records if isinstance(r, RawExec) and r.ancestors[0].pid == shell]
    assert children == []
    assert [r.code_raw for r in events.records if r.pid == shell and not isinstance(r, RawExec)] == [0]
    assert not any(not isinstance(r, RawExec) and r.code_raw in {3 << 8, 4 << 8} for r in events.records)


def test_process_of_many_threads_ends_once(events: KernelEvents) -> None:
    script = (
        "import threading, os, time\n"
        "for _ in range(8): threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "os._exit(5)"
    )
    child = subprocess.Popen(python(script))
    child.wait()
    events.exit_of(child.pid)
    events.run(["true"])
    ends = [r for r in events.records if not isinstance(r, RawExec) and r.pid == child.pid]
    assert [end.code_raw for end in ends] == [5 << 8]


def test_terminal_is_named(events: KernelEvents) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(TRUE, ["true"])  # noqa: S606  without a shell is the point
    try:
        number = int.from_bytes(fcntl.ioctl(terminal, TIOCGPTN, bytes(4)), sys.byteorder)
        os.waitpid(pid, 0)
    finally:
        os.close(terminal)
    (ran,) = events.execs_of(pid)
    assert ran.tty == b"pts%d" % number


def test_script_is_named_beside_its_interpreter(events: KernelEvents, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh -e\ntrue\n")
    script.chmod(0o755)
    (ran,) = events.run(["./script", "argument"], cwd=tmp_path)
    assert ran.script
    assert ran.filename == b"./script"
    assert ran.cwd == os.fsencode(tmp_path)
    assert ran.file.path == os.fsencode(SH)
    assert ran.args == (b"/bin/sh", b"-e", b"./script", b"argument")


def test_arguments_need_not_be_text(events: KernelEvents) -> None:
    (ran,) = events.run([b"true", b"\xff\xfe", b"\x1b[31m", "ä".encode()])
    assert ran.args == (b"true", b"\xff\xfe", b"\x1b[31m", "ä".encode())


def test_large_arguments_are_cut_and_marked(events: KernelEvents) -> None:
    (ran,) = events.run(["true", "x" * 100_000, "behind"])
    assert ran.args_truncated
    assert ran.args == (b"true", b"x" * (4096 - len("true") - 1))
    (ran,) = events.run(["true", "x" * (4096 - len("true") - 2)])
    assert not ran.args_truncated
    assert ran.args == (b"true", b"x" * (4096 - len("true") - 2))


def test_exec_without_arguments(events: KernelEvents) -> None:
    script = (
        "import ctypes, sys\n"
        "nothing = (ctypes.c_char_p * 1)(None)\n"
        "ctypes.CDLL(None).execve(sys.argv[1].encode(), nothing, nothing)\n"
    )
    child = subprocess.Popen(python(script, TRUE), stderr=subprocess.DEVNULL)
    child.wait()
    ran = events.execs_of(child.pid)[-1]
    assert ran.file.path == os.fsencode(TRUE)
    assert ran.args in {(b"",), ()}  # since 5.18 the kernel gives an empty argv[0]
    assert not ran.args_truncated


def test_program_that_replaces_itself_is_the_source(events: KernelEvents) -> None:
    shell, program = events.run(["bash", "-c", "exec id"], stdout=subprocess.DEVNULL)
    assert shell.source is not None
    assert shell.source.path == os.fsencode(PYTHON)
    assert program.file.path.endswith(b"/id")
    assert program.source == shell.file
    assert program.parent is not None
    assert program.parent.path == os.fsencode(PYTHON)
    assert program.start_ns == shell.start_ns


def test_shell_that_runs_one_command_in_place_is_the_source(events: KernelEvents) -> None:
    shell, program = events.run(["bash", "-c", "id"], stdout=subprocess.DEVNULL)
    assert program.source == shell.file


def test_thread_that_executes_takes_over_the_process(events: KernelEvents) -> None:
    script = (
        "import os, sys, threading, time\n"
        "threading.Thread(target=os.execv, args=(sys.argv[1], ['true', 'from a thread'])).start()\n"
        "time.sleep(60)\n"
    )
    first, second = events.run(python(script, TRUE))
    assert second.args == (b"true", b"from a thread")
    assert (second.pid, second.start_ns) == (first.pid, first.start_ns)
    assert second.source == first.file


def test_failed_exec_leaves_no_trace(events: KernelEvents, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF, not really")
    broken.chmod(0o755)
    script = (
        "import os, sys\n"
        "for path in ('/nonexistent', '/etc', sys.argv[1]):\n"
        "    try: os.execv(path, ['x'])\n"
        "    except OSError: pass\n"
        "os.execv(sys.argv[2], ['true', 'at last'])\n"
    )
    first, second = events.run(python(script, broken, TRUE))
    assert second.args == (b"true", b"at last")
    assert second.source == first.file


def test_long_ancestry_is_cut_and_marked(events: KernelEvents) -> None:
    script = (
        "import os, sys\n"
        "for _ in range(int(sys.argv[2])):\n"
        "    if os.fork(): os.wait(); os._exit(0)\n"
        "os.execv(sys.argv[1], ['true', 'descendant', str(os.getppid())])\n"
    )
    events.run(python(script, TRUE, 10))
    ran = next(r for r in events.records if isinstance(r, RawExec) and r.args[1:2] == (b"descendant",))
    assert ran.ancestors_truncated
    assert len(ran.ancestors) == 8
    assert ran.ancestors[0].pid == int(ran.args[2])
    found = Path(PYTHON).stat()
    assert {(a.device, a.inode) for a in ran.ancestors} == {(ran.source.device, found.st_ino)}  # type: ignore[union-attr]
    starts = [a.start_ns for a in ran.ancestors]
    assert starts == sorted(starts, reverse=True)


def test_exec_tells_its_namespaces_and_pid_inside(events: KernelEvents) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    child = subprocess.Popen(
        ["unshare", "-muinpCf", "sh", "-c", "read -r line; exit 0", "inside"], stdin=subprocess.PIPE
    )
    ran = events.until(
        lambda r: isinstance(r, RawExec) and r.args[-1:] == (b"inside",) and r.namespace_pid == 1
    )
    assert isinstance(ran, RawExec)
    inside, outside = Path(f"/proc/{ran.pid}/ns"), Path("/proc/self/ns")
    for kind in ("mnt", "pid", "net", "user", "uts", "ipc", "cgroup"):
        assert getattr(ran.namespaces, kind) == (inside / kind).stat().st_ino
        assert (getattr(ran.namespaces, kind) == (outside / kind).stat().st_ino) == (kind == "user")
    assert ran.pid != 1
    child.communicate(b"\n")


def test_exec_tells_its_cgroup(events: KernelEvents) -> None:
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    roots = [mount[1] for mount in mounts if mount[2] == "cgroup2" and "rw" in mount[3].split(",")]
    if not roots:
        pytest.skip("no cgroup2 hierarchy to write to")
    group = Path(roots[0]) / f"lictor-test-{os.getpid()}"
    group.mkdir()
    try:
        script = "echo $$ > $1/cgroup.procs; exec true"
        _, ran = events.run(["sh", "-euc", script, "sh", str(group)])
        assert ran.cgroup_id == group.stat().st_ino
        assert events.exit_of(ran.pid).cgroup_id == group.stat().st_ino
    finally:
        group.rmdir()


def test_clock_is_that_since_boot(events: KernelEvents) -> None:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    (ran,) = events.run(["true"])
    assert before < ran.start_ns <= ran.boot_ns < time.clock_gettime_ns(time.CLOCK_BOOTTIME)
