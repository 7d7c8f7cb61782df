from __future__ import annotations

import msgspec
import pytest

from policy.events import Executable, Namespaces, Process
from sensors.assembly import EventAssembler
from sensors.boot_clock import BootClock
from sensors.process_table import ProcessTable
from sensors.redaction import ArgsMode
from sensors.ring_records import RawAncestor
from tests.fixtures.ring import BASH, LS, raw_exec, raw_exit

WALL_AT_BOOT = 1_700_000_000_000_000_000
BASH_PROGRAM = Executable(path="/usr/bin/bash", device=65024, inode=10, filesystem=0xEF53)
LS_PROGRAM = Executable(path="/usr/bin/ls", device=65024, inode=11, filesystem=0xEF53)


def assembler(args: ArgsMode = "redacted", table: ProcessTable | None = None) -> EventAssembler:
    clock = BootClock(wall_ns=lambda: WALL_AT_BOOT, boot_ns=lambda: 0)
    return EventAssembler("process", clock, ProcessTable() if table is None else table, args)


def test_exec_whole() -> None:
    event = assembler().process_event(raw_exec())
    assert event.time_ns == WALL_AT_BOOT + 2_000_000_000
    assert (event.boot_ns, event.start_ns) == (2_000_000_000, 1_990_000_000)
    assert (event.ring, event.cpu, event.sequence) == ("process", 1, 5)
    assert (event.pid, event.namespace_pid, event.cgroup_id) == (100, 3, 1)
    assert event.executable == LS_PROGRAM
    assert event.source == BASH_PROGRAM
    assert event.script == ""
    assert event.args == ("ls", "-l")
    assert (event.cwd, event.tty, event.uid, event.gid, event.owner_uid) == ("/home/a", "pts0", 1000, 1001, 0)
    assert event.namespaces == Namespaces(mnt=7)
    assert (event.args_truncated, event.args_redacted, event.ancestors_truncated) == (False, False, False)


def test_what_the_kernel_could_not_say_stays_unknown() -> None:
    event = assembler().process_event(raw_exec(source=None, parent=None))
    assert event.source is None
    assert event.ancestors == ()


@pytest.mark.parametrize(
    ("filename", "cwd", "script"),
    [
        (b"/opt/run.sh", b"/home/a", "/opt/run.sh"),
        (b"run.sh", b"/home/a", "/home/a/run.sh"),
        (b"./run.sh", b"/home/a", "/home/a/./run.sh"),
        (b"../b/run.sh", b"/home/a", "/home/a/../b/run.sh"),
        (b"/opt/ok/../../tmp/evil.sh", b"/", "/opt/ok/../../tmp/evil.sh"),
        (b"//opt///run.sh", b"/", "//opt///run.sh"),
        (b"../../../run.sh", b"/a", "/a/../../../run.sh"),
        (b"run.sh", b"/", "/run.sh"),
        (b"run.sh", b"deep/below", "deep/below/run.sh"),
        (b"/dev/fd/3", b"/", "/dev/fd/3"),
        (b"/opt/\xff.sh", b"/", "/opt/\\xff.sh"),
    ],
)
def test_script(filename: bytes, cwd: bytes, script: str) -> None:
    assert assembler().process_event(raw_exec(script=True, filename=filename, cwd=cwd)).script == script


def test_a_cut_script_name_begins_without_a_slash() -> None:
    event = assembler().process_event(raw_exec(script=True, filename=b"/opt/aaa", filename_truncated=True))
    assert event.script == "opt/aaa"


def test_bytes_that_are_not_utf8_are_escaped_and_said_so() -> None:
    file = msgspec.structs.replace(LS, path=b"/tmp/\xff\\x", truncated=True, unlinked=True, owner_uid=5)
    event = assembler().process_event(raw_exec(file=file, args=(b"\xfe", b"a\\b", b""), cwd=b"/\xfd"))
    assert event.executable.path == "/tmp/\\xff\\\\x"
    assert event.executable.escaped
    assert event.executable.truncated
    assert event.executable.unlinked
    assert event.owner_uid == 5
    assert event.args == ("\\xfe", "a\\\\b", "")
    assert event.cwd == "/\\xfd"
    msgspec.json.encode(event)


@pytest.mark.parametrize(
    ("mode", "args", "redacted"),
    [
        ("full", ("x", "--password=y"), False),
        ("redacted", ("x", "--password=[redacted]"), True),
        ("none", (), True),
    ],
)
def test_args_by_mode(mode: ArgsMode, args: tuple[str, ...], redacted: bool) -> None:
    event = assembler(mode).process_event(raw_exec(args=(b"x", b"--password=y"), args_truncated=True))
    assert event.args == args
    assert event.args_redacted == redacted
    assert event.args_truncated


def test_ancestors_get_their_programs() -> None:
    table = ProcessTable()
    table.record(50, 70_000_000, LS_PROGRAM)
    table.record_file(Executable(path="/sbin/init", device=1, inode=1))
    ancestors = (
        RawAncestor(pid=60, start_ns=80_000_000, device=65024, inode=10),
        RawAncestor(pid=50, start_ns=70_123_456, device=65024, inode=11),
        RawAncestor(pid=1, start_ns=0, device=1, inode=1),
        RawAncestor(pid=2, start_ns=0, device=9, inode=9),
    )
    event = assembler(table=table).process_event(raw_exec(ancestors=ancestors, ancestors_truncated=True))
    assert event.ancestors == (
        Process(pid=60, start_ns=80_000_000, executable=BASH_PROGRAM),
        Process(pid=50, start_ns=70_123_456, executable=LS_PROGRAM),
        Process(pid=1, start_ns=0, executable=Executable(path="/sbin/init", device=1, inode=1)),
        Process(pid=2, start_ns=0),
    )
    assert event.ancestors_truncated


def test_programs_of_earlier_events_are_known_to_later_ones() -> None:
    events = assembler()
    events.process_event(raw_exec(pid=50, start_ns=5, file=BASH))
    ancestors = (
        RawAncestor(pid=60, start_ns=6, device=0, inode=0),
        RawAncestor(pid=50, start_ns=5, device=65024, inode=10),
    )
    event = events.process_event(raw_exec(parent=None, ancestors=ancestors))
    assert [ancestor.executable for ancestor in event.ancestors] == [None, BASH_PROGRAM]


@pytest.mark.parametrize(
    ("raw", "code", "signal"), [(0, 0, 0), (1 << 8, 1, 0), (255 << 8, 255, 0), (9, 0, 9), (11 | 0x80, 0, 11)]
)
def test_exit_code_and_signal(raw: int, code: int, signal: int) -> None:
    event = assembler().exit_event(raw_exit(code_raw=raw))
    assert (event.exit_code, event.signal) == (code, signal)


def test_exit_names_the_program_and_forgets_the_process() -> None:
    table = ProcessTable()
    events = assembler(table=table)
    events.process_event(raw_exec())
    assert len(table) == 1
    event = events.exit_event(raw_exit())
    assert event.executable == LS_PROGRAM
    assert event.time_ns == WALL_AT_BOOT + 2_100_000_000
    assert len(table) == 0


def test_exit_of_a_program_that_the_kernel_cannot_name_any_more() -> None:
    events = assembler()
    events.process_event(raw_exec())
    assert events.exit_event(raw_exit(device=0, inode=0)).executable == LS_PROGRAM


def test_exit_of_another_program_than_was_seen_is_not_guessed() -> None:
    events = assembler()
    events.process_event(raw_exec())
    assert events.exit_event(raw_exit(device=7, inode=7)).executable is None
