from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from policy.events import Executable
from sensors.inventory import running_processes, take_inventory
from sensors.process_table import TICK_NS, ProcessTable

BASH = Executable(path="/usr/bin/bash", device=1, inode=10)
DASH = Executable(path="/usr/bin/dash", device=1, inode=11)


def test_a_process_by_pid_start_and_file() -> None:
    table = ProcessTable()
    table.record(7, 123_456_789_012, BASH)
    assert table.executable(7, 123_456_789_012, 1, 10) is BASH
    assert table.executable(7, 123_456_789_012 + TICK_NS, 9, 9) is None, "another process with that pid"


def test_start_times_of_proc_match_the_kernels() -> None:
    table = ProcessTable()
    table.record(7, 123_450_000_000, BASH)  # as an inventory gives it
    assert table.forget(7, 123_456_789_012) is BASH


def test_the_last_program_stands() -> None:
    table = ProcessTable()
    table.record(7, 0, BASH)
    table.record(7, 0, DASH)
    assert table.executable(7, 0, 1, 11) is DASH


def test_a_missed_exec_is_not_papered_over() -> None:
    table = ProcessTable()
    table.record(7, 0, BASH)
    assert table.executable(7, 0, 5, 5) is None
    table.record_file(DASH)
    assert table.executable(7, 0, 1, 11) is DASH, "the file is known from elsewhere"


def test_a_fork_without_exec_is_known_by_its_file() -> None:
    table = ProcessTable()
    table.record(7, 0, BASH)
    assert table.executable(8, 50_000_000, 1, 10) is BASH
    assert table.executable(8, 50_000_000, 0, 0) is None, "kernel threads have no file"


def test_inventory_without_inode_takes_the_kernels() -> None:
    table = ProcessTable()
    table.record(7, 0, Executable(path="/usr/sbin/apache2"))
    found = table.executable(7, 0, 44, 5)
    assert found == Executable(path="/usr/sbin/apache2", device=44, inode=5)
    assert table.executable(7, 0, 44, 6) is None


def test_bounded_and_evictions_counted() -> None:
    table = ProcessTable(max_processes=3, max_files=2)
    for pid in range(5):
        table.record(pid, 0, Executable(path=f"/bin/{pid}", device=1, inode=pid + 1))
    assert len(table) == 3
    assert table.evicted == 2
    assert table.executable(0, 0, 1, 1) is None
    assert table.executable(4, 0, 1, 5) is not None


def test_inventory_of_this_machine_has_this_process_and_a_fork_of_a_child() -> None:
    program = "import os, sys\nif os.fork() == 0:\n    print(os.getpid(), flush=True)\n    sys.stdin.read()\n"
    with subprocess.Popen(
        [sys.executable, "-c", program + "else:\n    os.wait()\n"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        forked = int(child.stdout.readline())
        found = {running.pid: running for running in running_processes()}
        child.communicate(b"")
    path = os.path.realpath(sys.executable)
    status = Path(path).stat()
    assert found[child.pid].executed
    assert not found[forked].executed
    assert found[forked].executable.path == path
    # Bare where stat(2) shows other numbers than the kernel's own.
    assert found[forked].executable.inode in (status.st_ino, 0)
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    assert found[os.getpid()].start_ns == int(fields[19]) * TICK_NS


def test_inventory_of_a_deleted_program(tmp_path: Path) -> None:
    program = tmp_path / "sleeper (deleted)"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "60"]) as child:
        program.unlink()
        found = {running.pid: running for running in running_processes()}
        child.kill()
    assert found[child.pid].executable.path == str(program)
    assert found[child.pid].executable.unlinked


def test_take_inventory_records() -> None:
    table = ProcessTable()
    assert take_inventory(table) >= len(table) > 0
