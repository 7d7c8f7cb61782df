"""The last checks before SIGKILL, on real processes: who is killed, and who must never be."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from enforcer import procfs
from enforcer.kill import Killer, Sent, ended_otherwise, has_ended
from enforcer.protected import Protection, identity, node_mount_namespace, write_own_pids
from enforcer.protocol import MAX_AGE_NS, Carried, Signal
from tests.fixtures.cgroups import cgroup, move, path_of
from tests.fixtures.orders import boot_now, runs, signal_request

__all__ = ["cgroup"]

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="checks other users' processes, so it needs root")

SLEEP = shutil.which("sleep") or "/usr/bin/sleep"

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts processes and sees that none is left."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(*command: str, program: str | Path = "", **options: object) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = subprocess.Popen(command or (SLEEP, "60"), **options)  # type: ignore[call-overload]
        started.append(process)
        runs(process.pid, program or (command or (SLEEP,))[0])
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def killer() -> Killer:
    return Killer(Protection(patterns=()))


def kill(killer: Killer, request: Signal) -> str:
    """The result, and for a signal that was sent its end awaited: `killed`."""
    done = killer.kill(request)
    if isinstance(done, Carried):
        assert done.exec_to_kill_ns is None
        return done.result
    wait_for_end(done)
    os.close(done.pidfd)
    return "killed"


def wait_for_end(sent: Sent) -> None:
    deadline = time.monotonic() + 10
    while not has_ended(sent.pidfd):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_the_process_that_was_meant_is_killed(killer: Killer, start: Start) -> None:
    process = start()
    assert kill(killer, signal_request(process.pid)) == "killed"
    assert process.wait() == -signal.SIGKILL


def test_another_users_process_is_killed_too(killer: Killer, start: Start) -> None:
    process = start(SLEEP, "60", user=65534)
    assert kill(killer, signal_request(process.pid)) == "killed"


@pytest.mark.parametrize(
    ("what", "changes", "result"),
    [
        ("start", {"start_ns": 5 * 10**9}, "stale-identity"),
        ("boot", {"boot_id": "8f4a2c1e-5d0b-4e7a-9c33-1a2b3c4d5e6f"}, "stale-identity"),
        ("inode", {"inode": 4}, "stale-identity"),
        ("no inode", {"inode": 0}, "stale-identity"),
        ("device", {"device": os.makedev(9, 9)}, "stale-identity"),
        ("cgroup", {"cgroup": "/elsewhere"}, "stale-identity"),
        ("cgroup above it", {"cgroup": "/elsewhere", "descendants": True}, "stale-identity"),
        ("every cgroup", {"cgroup": "/", "descendants": True}, "stale-identity"),
        ("no cgroup", {"cgroup": "", "descendants": True}, "stale-identity"),
        ("age", {"exec_ns": boot_now() - MAX_AGE_NS - 10**9}, "expired"),
        ("future", {"exec_ns": boot_now() + 3600 * 10**9}, "expired"),
        ("init", {"pid": 1}, "protected"),
        ("everyone", {"pid": 0}, "protected"),
        ("a group", {"pid": -5}, "protected"),
    ],
)
def test_one_wrong_fact_saves_the_process(
    killer: Killer, start: Start, what: str, changes: dict[str, object], result: str
) -> None:
    process = start()
    assert kill(killer, signal_request(process.pid, **changes)) == result, what
    assert process.poll() is None


def test_a_pid_that_was_used_again_is_another_process(killer: Killer, start: Start) -> None:
    first = start()
    request = signal_request(first.pid)
    first.kill()
    first.wait()
    time.sleep(0.03)  # start times are told apart by hundredths of a second
    again = _same_pid(first.pid, start)
    assert killer.kill(request) == Carried(
        id=request.id,
        result="stale-identity",
        sentence=f"Pid {first.pid} belongs to another process by now.",
    )
    assert again.poll() is None


def _same_pid(pid: int, start: Start) -> subprocess.Popen[bytes]:
    for _ in range(200):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        process = start()
        if process.pid == pid:
            return process
        process.kill()
        process.wait()
    pytest.skip(f"other processes kept pid {pid} from being used again")


def test_a_process_that_replaced_itself_is_not_the_one_that_was_denied(killer: Killer, start: Start) -> None:
    script = f"read line; exec {SLEEP} 60"
    shell = start("/bin/bash", "-c", script, program="/bin/bash", stdin=subprocess.PIPE)
    request = signal_request(shell.pid)
    assert shell.stdin is not None
    shell.stdin.write(b"go\n")
    shell.stdin.flush()
    runs(shell.pid, SLEEP)
    done = killer.kill(request)
    assert isinstance(done, Carried)
    assert (done.result, Path(SLEEP).name in done.sentence) == ("stale-identity", True)
    assert shell.poll() is None


def test_renaming_or_deleting_its_file_saves_no_process(killer: Killer, start: Start, tmp_path: Path) -> None:
    for change in (lambda file: file.rename(tmp_path / "innocent"), Path.unlink):
        program = Path(shutil.copy(SLEEP, tmp_path / "malicious"))
        process = start(str(program), "60")
        request = signal_request(process.pid)
        change(program)
        assert kill(killer, request) == "killed"


def test_another_file_at_the_same_path_is_another_program(
    killer: Killer, start: Start, tmp_path: Path
) -> None:
    program = Path(shutil.copy(SLEEP, tmp_path / "program"))
    denied = start(str(program), "60")
    stale = signal_request(denied.pid)
    shutil.copy(SLEEP, tmp_path / "new")
    (tmp_path / "new").rename(program)
    allowed = start(str(program), "60")
    request = signal_request(allowed.pid, inode=stale.inode)
    assert kill(killer, request) == "stale-identity"
    assert allowed.poll() is None


def test_a_program_without_a_file_is_killed(killer: Killer) -> None:
    fd = os.memfd_create("payload")
    os.write(fd, Path(SLEEP).read_bytes())
    process = subprocess.Popen((f"/proc/self/fd/{fd}", "60"), pass_fds=(fd,))
    try:
        runs(process.pid, "/memfd:payload")
        assert kill(killer, signal_request(process.pid)) == "killed"
    finally:
        process.kill()
        process.wait()
        os.close(fd)


def test_on_an_overlay_the_kernels_device_counts(killer: Killer, tmp_path: Path) -> None:
    """Lower and upper on different file systems: statx(2) tells a device that no event has."""
    for name in ("lower", "upper", "merged"):
        (tmp_path / name).mkdir()
    script = f"""
        set -e
        mount -t tmpfs none {tmp_path}/lower
        cp {SLEEP} {tmp_path}/lower/program
        mount -t tmpfs none {tmp_path}/upper
        mkdir {tmp_path}/upper/files {tmp_path}/upper/work
        mount -t overlay overlay {tmp_path}/merged \
            -o lowerdir={tmp_path}/lower,upperdir={tmp_path}/upper/files,workdir={tmp_path}/upper/work
        exec {tmp_path}/merged/program 60
    """
    process = subprocess.Popen(("unshare", "--mount", "sh", "-c", script))
    try:
        runs(process.pid, tmp_path / "merged" / "program")
        kernels = next(
            os.makedev(*map(int, line.split()[2].split(":")))
            for line in Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines()
            if line.split()[4] == f"{tmp_path}/merged"
        )
        told = procfs.read_program_file(f"/proc/{process.pid}").device
        assert told != kernels
        assert kill(killer, signal_request(process.pid, device=os.makedev(9, 9))) == "stale-identity"
        assert kill(killer, signal_request(process.pid, device=kernels)) == "killed"
    finally:
        process.kill()
        process.wait()


def test_a_process_whose_first_thread_has_ended_does_not_escape(killer: Killer, start: Start) -> None:
    script = (
        "import ctypes, platform, threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "number = 60 if platform.machine() == 'x86_64' else 93\n"
        "ctypes.CDLL(None).syscall(number, 0)\n"  # exit(2), of this thread alone
    )
    process = start(sys.executable, "-c", script)
    request = signal_request(process.pid)
    deadline = time.monotonic() + 10
    while not procfs.read_stat(f"/proc/{process.pid}").is_dead:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    done = killer.kill(request)
    assert isinstance(done, Sent)
    wait_for_end(done)
    assert not ended_otherwise(done)
    assert process.wait() == -signal.SIGKILL
    assert not ended_otherwise(done)
    os.close(done.pidfd)


def test_a_zombie_and_a_reaped_process_are_already_gone(killer: Killer, start: Start) -> None:
    process = start()
    request = signal_request(process.pid)
    process.send_signal(signal.SIGTERM)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert kill(killer, request) == "already-gone"
    process.wait()
    assert kill(killer, request) == "already-gone"


def test_who_ended_by_itself_does_not_count_as_killed(start: Start) -> None:
    process = start("/bin/bash", "-c", "read line", program="/bin/bash", stdin=subprocess.PIPE)
    request = signal_request(process.pid)
    sent = Sent(pidfd=os.pidfd_open(process.pid), request=request, program="bash", exec_to_kill_ns=1)
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.close()
    wait_for_end(sent)
    assert ended_otherwise(sent)  # a zombie
    process.wait()
    if _tells_of_reaped():
        assert ended_otherwise(sent)
    os.close(sent.pidfd)


def _tells_of_reaped() -> bool:
    major, minor = map(int, os.uname().release.split(".")[:2])
    return (major, minor) >= (6, 15)


def test_a_thread_is_no_process(killer: Killer, start: Start) -> None:
    script = "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    process = start(sys.executable, "-c", script)
    deadline = time.monotonic() + 10
    while len(threads := list(Path(f"/proc/{process.pid}/task").iterdir())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    thread = next(int(task.name) for task in threads if int(task.name) != process.pid)
    assert kill(killer, signal_request(process.pid, pid=thread)) == "already-gone"
    assert process.poll() is None


def test_the_cgroup_or_one_below_it(killer: Killer, start: Start, cgroup: Path) -> None:
    inside, below, beside = cgroup / "pod", cgroup / "pod" / "own", cgroup / "pod-2"
    for folder in (inside, below, beside):
        folder.mkdir()
    for folder, descendants, result in (
        (beside, True, "stale-identity"),
        (cgroup, True, "stale-identity"),
        (below, False, "stale-identity"),
        (below, True, "killed"),
        (inside, True, "killed"),
        (inside, False, "killed"),
    ):
        process = start()
        move(process.pid, folder)
        request = signal_request(process.pid, cgroup=path_of(inside), descendants=descendants)
        assert kill(killer, request) == result
        process.kill()
        process.wait()


def test_kernel_threads_are_protected(killer: Killer) -> None:
    if not procfs.read_stat("/proc/2").flags & procfs.KERNEL_THREAD:
        pytest.skip("this pid namespace shows no kernel threads")
    ticks = procfs.read_stat("/proc/2").start_ticks
    request = signal_request(os.getpid(), pid=2, start_ns=ticks * procfs.NS_PER_TICK)
    assert kill(killer, request) == "protected"


def test_the_nodes_runtime_is_protected_and_a_containers_file_of_that_name_is_not(
    start: Start, tmp_path: Path
) -> None:
    runtime = Path(shutil.copy(SLEEP, tmp_path / "containerd-shim-runc-v2"))
    killer = Killer(Protection(patterns=(f"{tmp_path}/containerd-shim*",)))
    on_node = start(str(runtime), "60")
    assert kill(killer, signal_request(on_node.pid)) == "protected"
    # It began on the node and entered a container since, as runc does.
    entering = start("unshare", "--mount", str(runtime), "60", program=runtime)
    assert kill(killer, signal_request(entering.pid, mount_namespace=node_mount_namespace())) == "protected"
    # In a container from its exec on: the name is all that they share.
    inside = start("unshare", "--mount", str(runtime), "60", program=runtime)
    assert kill(killer, signal_request(inside.pid)) == "killed"
    # A user's own file is no runtime either.
    os.chown(runtime, 65534, 65534)
    users = start(str(runtime), "60")
    assert kill(killer, signal_request(users.pid)) == "killed"


def test_lictors_own_processes_are_protected(start: Start, tmp_path: Path) -> None:
    pids, other = start(), start()
    listed = tmp_path / "pids"
    write_own_pids(listed, (pids.pid, 2**22 + 1))
    killer = Killer(Protection(patterns=(), own_pids_file=listed))
    assert kill(killer, signal_request(pids.pid)) == "protected"
    killer.protect(other.pid)
    assert kill(killer, signal_request(other.pid)) == "protected"
    assert identity(other.pid)[0] == other.pid


def test_a_list_of_own_processes_that_cannot_be_read_stops_every_kill(start: Start, tmp_path: Path) -> None:
    process = start()
    (tmp_path / "pids").write_text("4242\n")
    killer = Killer(Protection(patterns=(), own_pids_file=tmp_path / "pids"))
    done = killer.kill(signal_request(process.pid))
    assert isinstance(done, Carried)
    assert (done.result, "PID START" in done.sentence) == ("failed", True)
    assert process.poll() is None


def test_kills_in_a_minute_are_capped(start: Start) -> None:
    now = [1000.0]
    killer = Killer(Protection(patterns=()), kills_per_minute=2, monotonic=lambda: now[0])
    for _ in range(2):
        assert kill(killer, signal_request(start().pid)) == "killed"
    spared = start()
    assert kill(killer, signal_request(spared.pid)) == "capped"
    assert spared.poll() is None
    now[0] += 60.0
    assert kill(killer, signal_request(spared.pid)) == "killed"


def test_the_signaller_would_not_kill_itself(killer: Killer) -> None:
    assert killer.rehearse() is None


def test_a_name_full_of_parentheses_does_not_shift_the_fields(
    killer: Killer, start: Start, tmp_path: Path
) -> None:
    program = Path(shutil.copy(SLEEP, tmp_path / "a) R 1 1 (b"))
    process = start(str(program), "60")
    assert b"(a) R 1 1 (b)" in Path(f"/proc/{process.pid}/stat").read_bytes()
    assert kill(killer, signal_request(process.pid)) == "killed"
