"""The kernel side of the sensor: loads the programs, reads their ring, knows their balance.

The only module that imports bcc. Loading compiles with clang in this process (about 0.4 s) and needs
CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN. Reading afterwards needs no capability: ring and counters are
memory. Kernels before 5.19 ask CAP_BPF for changes of the own pids, where
`kernel.unprivileged_bpf_disabled` is set.
"""

import ctypes
import mmap
import os
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Self

import msgspec

from sensors import self_check
from sensors.btf import BtfError, KernelTypes
from sensors.compiler_memory import release_compiler_memory
from sensors.program_text import KERNEL_STUB, PROGRAMS, Bounds, kernel_flags, program_text
from wire.errors import OperatorError

DEFAULT_RING_BYTES: Final = 4 * 1024 * 1024

_COUNTERS: Final = struct.Struct("=QQQ40x")
_CONTROL: Final = struct.Struct("=I")
_STOP: Final = -1

# Capability numbers of capabilities(7).
_CAP_SYS_ADMIN, _CAP_PERFMON, _CAP_BPF = 21, 38, 39


class KernelSensorError(OperatorError):
    """The kernel programs cannot be had here. The message says why and what to do."""


class RingCounters(msgspec.Struct, frozen=True, kw_only=True):
    """Events of all cpus since loading: once the ring is drained, seen = filtered + lost + received."""

    seen: int
    filtered: int
    """Of Lictor's own processes."""
    lost: int
    """The ring was full."""


class KernelSensor:
    """The loaded programs and their ring. Not for use by several threads at once."""

    coverage: tuple[str, ...] = ("process.exec", "process.exit")

    def __init__(self, module: Any, bounds: Bounds) -> None:
        """Use `KernelSensor.load`."""
        self._module = module
        self._bounds = bounds
        self._own_pids = module[b"own_pids"]
        self._control = _mapped(module[b"control"], _CONTROL.size, writable=True)
        self._counters = _mapped(module[b"counters"], _COUNTERS.size * bounds.cpus, writable=True)
        self._pending: deque[bytes] = deque()
        self._room = 0
        module[b"process_ring"].open_ring_buffer(self._keep)

    @classmethod
    def load(cls, *, ring_bytes: int = DEFAULT_RING_BYTES, own_pids: Iterable[int] = ()) -> Self:
        """Compile, load, attach, check, and start with an empty ring and all counters at 0.

        `ring_bytes` is a power of two of pages. `own_pids` are left out from the start. Raises
        KernelSensorError.
        """
        bcc = _bcc()
        _require_privileges()
        bounds = Bounds(
            ring_bytes=ring_bytes,
            page_bytes=mmap.PAGESIZE,
            cpus=_possible_cpus(),
            tick_ns=1_000_000_000 // os.sysconf("SC_CLK_TCK"),
        )
        try:
            types = KernelTypes.of_running_kernel()
            flags = [*kernel_flags(types), *bounds.flags(), f"-I{PROGRAMS}"]
        except (BtfError, ValueError) as error:
            raise KernelSensorError(f"The kernel programs do not fit this kernel: {error}.") from error
        with _stub_headers():
            try:
                module = bcc.BPF(text=program_text().encode(), cflags=flags)
            except Exception as error:  # bcc raises nothing more precise
                raise KernelSensorError(
                    f"bcc cannot compile the kernel programs ({error}); what clang said stands above."
                ) from error
        try:
            sensor = cls(module, bounds)
            sensor._start(types, own_pids)
            release_compiler_memory()
        except BaseException:
            module.cleanup()
            raise
        return sensor

    def drain(self, into: Callable[[bytes], object], limit: int) -> int:
        """Hand at most `limit` records that are there to `into`, oldest first; returns how many.

        Never waits. If `into` raises, that record is taken as handed over and the rest stays.
        """
        self._read(limit - len(self._pending))
        handed = 0
        while self._pending and handed < limit:
            handed += 1
            into(self._pending.popleft())
        return handed

    def counters(self) -> RingCounters:
        """The balance so far. While events arrive, its parts may be an event apart."""
        cpus = _COUNTERS.iter_unpack(self._counters[: _COUNTERS.size * self._bounds.cpus])
        seen, filtered, lost = (sum(part) for part in zip(*cpus, strict=True))
        return RingCounters(seen=seen, filtered=filtered, lost=lost)

    def add_own_pid(self, pid: int) -> None:
        """Leave this running process out from now on, until it ends.

        Raises KernelSensorError where there are too many, ProcessLookupError where there is no such
        process.
        """
        ticks = _start_ticks(pid)
        try:
            self._own_pids[ctypes.c_uint32(pid)] = ctypes.c_uint64(ticks)
        except Exception as error:  # bcc raises nothing more precise
            raise KernelSensorError(
                f"Process {pid} cannot be left out ({error}); there is room for {self._bounds.own_pids}."
            ) from error

    def remove_own_pid(self, pid: int) -> None:
        """Report this process again; nothing happens where it was not left out."""
        try:
            del self._own_pids[ctypes.c_uint32(pid)]
        except KeyError:
            return

    def close(self) -> None:
        """Detach the programs and give the maps back. Records not yet drained are gone."""
        self._module.cleanup()
        self._control.close()
        self._counters.close()

    def _start(self, types: KernelTypes, own_pids: Iterable[int]) -> None:
        # Only children of this process are looked at until the programs are known to read right.
        self._control[: _CONTROL.size] = _CONTROL.pack(os.getpid())
        self._attach("sched_process_exec", "on_exec")
        self._attach("sched_process_exit", "on_exit")
        self._attach_source(types)
        try:
            self_check.check(self._read_all)
        except self_check.SelfCheckError as error:
            raise KernelSensorError(
                f"The kernel programs read this kernel wrongly and stay off: {error}."
            ) from error
        for pid in own_pids:
            self.add_own_pid(pid)
        self._counters[:] = bytes(len(self._counters))
        self._control[: _CONTROL.size] = _CONTROL.pack(0)

    def _attach_source(self, types: KernelTypes) -> None:
        if types.has_tracepoint("sched_prepare_exec"):  # since 6.10
            self._attach("sched_prepare_exec", "on_prepare_exec")
            return
        for tracepoint in ("syscalls:sys_enter_execve", "syscalls:sys_enter_execveat"):
            try:
                self._module.attach_tracepoint(tp=tracepoint.encode(), fn_name=b"on_enter_execve")
            except Exception as error:  # bcc raises nothing more precise
                raise KernelSensorError(
                    f"Tracepoint {tracepoint} cannot be used ({error}): the kernel needs"
                    " CONFIG_FTRACE_SYSCALLS, and tracefs mounted at /sys/kernel/tracing."
                ) from error

    def _attach(self, tracepoint: str, program: str) -> None:
        try:
            self._module.attach_raw_tracepoint(tp=tracepoint.encode(), fn_name=program.encode())
        except Exception as error:  # bcc raises nothing more precise
            raise KernelSensorError(
                f"The kernel refuses the program at tracepoint {tracepoint} ({error});"
                " what the verifier said stands above."
            ) from error

    def _read_all(self) -> list[bytes]:
        self._read(1024)
        records = list(self._pending)
        self._pending.clear()
        return records

    def _read(self, limit: int) -> None:
        if limit > 0:
            self._room = limit
            self._module.ring_buffer_consume()

    def _keep(self, _context: object, data: int, size: int) -> int:
        """Copies a record; a negative answer ends the reading behind it (libbpf, ringbuf.c)."""
        self._pending.append(ctypes.string_at(data, size))
        self._room -= 1
        return 0 if self._room > 0 else _STOP


def _bcc() -> Any:
    try:
        return import_module("bcc")
    except ImportError as error:
        raise KernelSensorError(
            f"The Python package of bcc cannot be imported ({error}): install python3-bpfcc and run"
            " `make setup`, which makes it visible here. (The package `bcc` of PyPI is something else.)"
        ) from error


def _require_privileges() -> None:
    status = Path("/proc/self/status").read_text()
    effective = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapEff:"))
    if effective >> _CAP_SYS_ADMIN & 1 or (effective >> _CAP_BPF & 1 and effective >> _CAP_PERFMON & 1):
        return
    raise KernelSensorError(
        "Loading the kernel programs needs CAP_BPF and CAP_PERFMON: run the sensor as root, or let"
        " systemd give it these two (AmbientCapabilities=)."
    )


@contextmanager
def _stub_headers() -> Iterator[None]:
    before = os.environ.get("BCC_KERNEL_SOURCE")
    os.environ["BCC_KERNEL_SOURCE"] = str(KERNEL_STUB)
    try:
        yield
    finally:
        if before is None:
            del os.environ["BCC_KERNEL_SOURCE"]
        else:
            os.environ["BCC_KERNEL_SOURCE"] = before


def _possible_cpus() -> int:
    """One more than the highest number that a cpu can have."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text().strip()
    return int(ranges.replace(",", "-").rpartition("-")[2]) + 1


def _start_ticks(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"there is no process {pid}") from error
    return int(stat.rpartition(")")[2].split()[19])


def _mapped(table: Any, size: int, *, writable: bool) -> mmap.mmap:
    """An array map's memory: read and written without a system call."""
    pages = -(-size // mmap.PAGESIZE)
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    return mmap.mmap(table.map_fd, pages * mmap.PAGESIZE, flags=mmap.MAP_SHARED, prot=access)
