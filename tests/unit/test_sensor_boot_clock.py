from __future__ import annotations

import time

from sensors.boot_clock import BootClock


def test_offset_of_the_least_interrupted_measurement() -> None:
    boot = iter([0, 1000, 2000, 2010, 3000, 9000])
    wall = iter([1_000_000, 5_002_005, 9_000_000])
    clock = BootClock(wall_ns=lambda: next(wall), boot_ns=lambda: next(boot))
    assert clock.wall(0) == 5_000_000
    assert clock.wall(7) == 5_000_007


def test_a_wall_clock_that_is_set_shows_after_the_next_measurement() -> None:
    now = [1_000]
    clock = BootClock(wall_ns=lambda: now[0], boot_ns=lambda: 100)
    now[0] = 5_000
    assert clock.wall(100) == 1_000
    clock.measure()
    assert clock.wall(100) == 5_000


def test_on_this_machine() -> None:
    clock = BootClock()
    before = time.time_ns()
    converted = clock.wall(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    after = time.time_ns()
    slack = 1_000_000_000
    assert before - slack <= converted <= after + slack
