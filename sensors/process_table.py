"""Which program a process runs, as far as it was seen: pure.

A kernel record names a process's further ancestors by pid, start time and their program's device and
inode, without paths. The paths come from here: from the execs that were seen, and from an inventory of
what ran before the sensor started.
"""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from policy.events import Executable

TICK_NS = 10_000_000
"""/proc/PID/stat gives start times in USER_HZ, 100 to the second on Linux, rounded down (proc(5)).

A pid cannot come round within a tick, so pid and tick name a process as well as pid and nanosecond."""


class ProcessTable:
    """Programs by process and paths by file, each bounded: the least recently used goes first.

    `evicted` counts processes that were pushed out while they may have lived.
    """

    def __init__(self, *, max_processes: int = 65_536, max_files: int = 16_384) -> None:
        """The bounds: a process takes about 150 bytes, a file about 300."""
        self._max_processes = max_processes
        self._max_files = max_files
        self._processes: OrderedDict[tuple[int, int], Executable] = OrderedDict()
        self._files: OrderedDict[tuple[int, int], Executable] = OrderedDict()
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._processes)

    def record(self, pid: int, start_ns: int, executable: Executable) -> None:
        """The process runs this program from now on."""
        executable = self._learn_file(executable)
        process = (pid, start_ns // TICK_NS)
        self._processes[process] = executable
        self._processes.move_to_end(process)
        if len(self._processes) > self._max_processes:
            self._processes.popitem(last=False)
            self.evicted += 1

    def record_file(self, executable: Executable) -> None:
        """This program is there; who runs it is not known, or not worth keeping."""
        self._learn_file(executable)

    def forget(self, pid: int, start_ns: int) -> Executable | None:
        """The process ended; what it ran, where that is known."""
        return self._processes.pop((pid, start_ns // TICK_NS), None)

    def executable(self, pid: int, start_ns: int, device: int, inode: int) -> Executable | None:
        """The program of a process that runs the file with this device and inode.

        None where it was never seen. A process that was seen running another file has executed since
        in a way that was missed: only the file counts then.
        """
        process = (pid, start_ns // TICK_NS)
        known = self._processes.get(process)
        if known is not None:
            if not known.inode:  # from an inventory that could not see it
                known = msgspec.structs.replace(known, device=device, inode=inode)
                self._processes[process] = known
            if (known.device, known.inode) == (device, inode):
                self._processes.move_to_end(process)
                return known
        return self._files.get((device, inode)) if inode else None

    def _learn_file(self, executable: Executable) -> Executable:
        """The same program, as one object for all processes that run it."""
        if not executable.inode:
            return executable
        file = (executable.device, executable.inode)
        known = self._files.get(file)
        if known != executable:
            known = self._files[file] = executable
            if len(self._files) > self._max_files:
                self._files.popitem(last=False)
        self._files.move_to_end(file)
        return known
