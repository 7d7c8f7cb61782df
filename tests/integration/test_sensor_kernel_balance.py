"""Nothing vanishes uncounted: seen = filtered + lost + received, and what is left out is meant to be."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections import defaultdict
from itertools import count

import pytest

from sensors.kernel import KernelSensorError, RingCounters
from sensors.ring_records import RawExec, RawExit
from tests.fixtures.kernel_events import (
    SMALLEST_RING_BYTES,
    KernelEvents,
    kernel_events,
    needs_kernel,
)

pytestmark = needs_kernel

BURST = 2_000
LOOP = f"i=0; while [ $i -lt {BURST} ]; do /bin/true $1; i=$((i+1)); done"
WAITING = "read -r line; exec /bin/true"


def burst(marker: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", "-c", LOOP, "sh", marker])


def marked(events: KernelEvents, marker: bytes) -> list[RawExec]:
    return [r for r in events.records if isinstance(r, RawExec) and r.args[1:] == (marker,)]


def missing_by_sequence(events: KernelEvents) -> int:
    """Records whose place in their cpu's sequence is empty, as far as a later one came."""
    sequences: dict[int, set[int]] = defaultdict(set)
    for record in events.records:
        assert record.sequence not in sequences[record.cpu], "a sequence number came twice"
        sequences[record.cpu].add(record.sequence)
    return sum(max(numbers) + 1 - len(numbers) for numbers in sequences.values())


def assert_balanced(events: KernelEvents, balance: RingCounters) -> None:
    assert balance.seen == balance.filtered + balance.lost + events.received
    assert events.received == len(events.records)


def test_burst_is_received_whole() -> None:
    with kernel_events() as events:
        running = burst("whole")
        while running.poll() is None:
            events.pump()
        events.exit_of(running.pid)
        balance = events.quiet()
        assert_balanced(events, balance)
        assert balance.lost == 0
        assert missing_by_sequence(events) == 0
        seen = marked(events, b"whole")
        assert len(seen) == BURST
        assert len({(r.pid, r.start_ns) for r in seen}) == BURST
        shell = os.fsencode(os.path.realpath("/bin/sh"))
        assert {r.source.path if r.source else None for r in seen} == {shell}
        ends = {(r.pid, r.start_ns) for r in events.records if isinstance(r, RawExit)}
        assert {(r.pid, r.start_ns) for r in seen} <= ends


def test_burst_into_a_small_ring_is_lost_by_count() -> None:
    with kernel_events(ring_bytes=SMALLEST_RING_BYTES) as events:
        assert burst("lost").wait() == 0
        balance = events.quiet()
        assert balance.lost >= 2 * BURST - SMALLEST_RING_BYTES // 64
        assert_balanced(events, balance)
        # The ring works on, and the gap shows in the sequence of every cpu that goes on.
        for cpu in os.sched_getaffinity(0):
            events.run(["taskset", "--cpu-list", str(cpu), "true"])
        balance = events.quiet()
        assert_balanced(events, balance)
        assert missing_by_sequence(events) == balance.lost


def test_sequence_starts_at_nought_with_each_sensor() -> None:
    for _ in range(2):
        with kernel_events() as events:
            events.run(["true"])
            events.pump()
            assert min(record.sequence for record in events.records) == 0
            assert missing_by_sequence(events) == 0
            assert not any(b"lictor self-check" in getattr(r, "args", ()) for r in events.records)


def test_drain_gives_no_more_than_asked_for_and_in_order() -> None:
    with kernel_events() as events:
        for _ in range(5):
            subprocess.run(["true"], check=True)
        taken: list[bytes] = []
        assert events.sensor.drain(taken.append, 3) == 3
        assert events.sensor.drain(taken.append, 0) == 0
        while events.sensor.drain(taken.append, 2):
            pass
        assert len(taken) >= 10
        balance = events.sensor.counters()
        assert balance.lost == 0


def test_receiver_that_fails_loses_one_record_at_most() -> None:
    class ReceiverError(Exception):
        pass

    with kernel_events() as events:
        for _ in range(3):
            subprocess.run(["true"], check=True)
        taken: list[bytes] = []
        numbers = count()

        def fails_once(record: bytes) -> None:
            taken.append(record)
            if next(numbers) == 1:
                raise ReceiverError

        with pytest.raises(ReceiverError):
            events.sensor.drain(fails_once, 100)
        assert len(taken) == 2
        events.received = len(taken)
        balance = events.quiet()
        assert balance.seen == balance.filtered + balance.lost + events.received


def test_own_processes_are_left_out_and_counted() -> None:
    with kernel_events() as events:
        own = subprocess.Popen(["sh", "-c", WAITING], stdin=subprocess.PIPE)
        other = subprocess.Popen(["sh", "-c", WAITING], stdin=subprocess.PIPE)
        events.until(lambda r: r.pid == other.pid)
        events.until(lambda r: r.pid == own.pid)
        before = events.sensor.counters().filtered
        events.sensor.add_own_pid(own.pid)
        own.communicate(b"\n")
        other.communicate(b"\n")
        events.exit_of(other.pid)
        balance = events.quiet()
        assert_balanced(events, balance)
        assert balance.filtered - before == 2  # its second program, and its end
        assert sum(1 for r in events.records if r.pid == own.pid) == 1


def test_pid_used_again_is_not_left_out() -> None:
    with kernel_events() as events:
        child = subprocess.Popen(["sh", "-c", WAITING], stdin=subprocess.PIPE)
        events.until(lambda r: r.pid == child.pid)
        events.sensor.add_own_pid(child.pid)
        # As if the process that was added had started a tick earlier and ended since.
        key = ctypes.c_uint32(child.pid)
        own_pids = events.sensor._own_pids
        own_pids[key] = ctypes.c_uint64(own_pids[key].value - 1)
        child.communicate(b"\n")
        events.exit_of(child.pid)
        assert events.quiet().filtered == 0


def test_removed_pid_is_reported_again() -> None:
    with kernel_events(own_pids=[os.getpid()]) as events:
        child = subprocess.Popen(["sh", "-c", WAITING], stdin=subprocess.PIPE)
        events.sensor.add_own_pid(child.pid)
        events.sensor.remove_own_pid(child.pid)
        events.sensor.remove_own_pid(child.pid)
        child.communicate(b"\n")
        events.exit_of(child.pid)
        assert events.quiet().filtered == 0


def test_too_many_own_pids_are_refused() -> None:
    with kernel_events() as events:
        for made_up in range(1, 65):
            events.sensor._own_pids[ctypes.c_uint32(0x40000000 + made_up)] = ctypes.c_uint64(0)
        with pytest.raises(KernelSensorError, match="there is room for 64"):
            events.sensor.add_own_pid(os.getpid())


def test_pid_of_no_process_is_refused() -> None:
    with kernel_events() as events, pytest.raises(ProcessLookupError):
        events.sensor.add_own_pid(0x3FFFFFFF)
