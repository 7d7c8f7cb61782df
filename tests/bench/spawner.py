"""The process that runs programs by the clock, inside the load's cgroup. Run with `python -I -S`.

It imports nothing of ours, so that it is small. On standard input it gets one JSON line: `at_ns`
(CLOCK_BOOTTIME at which each program is due), `argv` (its words) and `linger_s` (how long it waits for
children after the last start, before it kills what is left). It answers with one JSON line: for each
program `[pid, wait status, started_ns]`; the status is null where it had to be killed here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

_STEP_S = 0.001


def main() -> None:
    plan = json.loads(sys.stdin.readline())
    pids: list[int] = []
    started: list[int] = []
    statuses: dict[int, int] = {}
    for due, argv in zip(plan["at_ns"], plan["argv"], strict=True):
        reap(statuses)
        wait = due - boot_ns()
        if wait > 0:
            time.sleep(wait / 1e9)
        started.append(boot_ns())
        pids.append(os.posix_spawn(argv[0], argv, {}))
    deadline = time.monotonic() + plan["linger_s"]
    while len(statuses) < len(pids) and time.monotonic() < deadline:
        reap(statuses)
        time.sleep(_STEP_S)
    left = [pid for pid in pids if pid not in statuses]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    print(json.dumps([[pid, statuses.get(pid), at] for pid, at in zip(pids, started, strict=True)]))


def reap(statuses: dict[int, int]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        statuses[pid] = status


def boot_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


main()
