"""The kernel programs as one text, and the macros that fit it to the running kernel."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sensors.btf import BtfError, KernelTypes

PROGRAMS = Path(__file__).parent / "programs"
KERNEL_STUB = PROGRAMS / "kernel_stub"
"""What bcc wants to find in kernel headers: stands in for them, holds nothing of any kernel."""

# One text, since bcc translates maps only in the file that it is given; each part relies on those before.
_PARTS = ("ring.bpf.c", "file.bpf.c", "source.bpf.c", "exec.bpf.c", "exit.bpf.c")
_HEADERS = ("record.h", "kernel.h")

_OFFSET = re.compile(r"\bOFFSET_(\w+?)__(\w+)")
_SIZE = re.compile(r"\bSIZE_(\w+)")

# Fields that only some kernels have: the programs ask with #ifdef, or name the other only where the
# first is absent. Every other field has to be there.
_OPTIONAL = frozenset({"mnt_namespace__seq", "mnt_namespace__ns__ns_id"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """Sizes that the programs are compiled with."""

    ring_bytes: int
    """Of the ring: a power of two, at least a page."""
    page_bytes: int
    cpus: int
    """Possible cpus of the machine."""
    tick_ns: int
    """A clock tick of /proc/PID/stat."""
    path_bytes: int = 1024
    """A path longer than this is cut at its front, at a component."""
    path_steps: int = 64
    """Components and mounts that a path may go through."""
    filename_bytes: int = 1024
    args_bytes: int = 4096
    own_pids: int = 64
    sources: int = 1024
    """Execs that may be under way at once."""

    def flags(self) -> Iterator[str]:
        """Compiler flags. Raises ValueError where the ring's size will not do."""
        pages, rest = divmod(self.ring_bytes, self.page_bytes)
        if rest or pages < 1 or pages & (pages - 1):
            raise ValueError(
                f"the ring's size must be a power of two of pages of {self.page_bytes} bytes,"
                f" not {self.ring_bytes} bytes"
            )
        yield f"-DPAGE_SIZE={self.page_bytes}"
        yield f"-DRING_PAGES={pages}"
        yield f"-DCPUS={self.cpus}"
        yield f"-DNS_PER_TICK={self.tick_ns}ull"
        yield f"-DPATH_BYTES={self.path_bytes}"
        yield f"-DPATH_STEPS={self.path_steps}"
        yield f"-DFILENAME_BYTES={self.filename_bytes}"
        yield f"-DARGS_BYTES={self.args_bytes}"
        yield f"-DOWN_PIDS={self.own_pids}"
        yield f"-DSOURCES={self.sources}"


def program_text() -> str:
    """All parts, each under its own file name for the compiler's messages."""
    lines = [f'#include "{name}"' for name in _HEADERS]
    for name in _PARTS:
        lines += [f'#line 1 "{name}"', (PROGRAMS / name).read_text()]
    return "\n".join(lines)


def kernel_flags(types: KernelTypes) -> Iterator[str]:
    """Compiler flags with every offset and size that the programs name, as this kernel has them.

    Raises BtfError, with the field's name, where the kernel lacks one.
    """
    text = program_text()
    for structure, fields in sorted(set(_OFFSET.findall(text))):
        try:
            offset = types.offset(structure, *fields.split("__"))
        except BtfError:
            if f"{structure}__{fields}" in _OPTIONAL:
                continue
            raise
        yield f"-DOFFSET_{structure}__{fields}={offset}"
    for structure in sorted(set(_SIZE.findall(text))):
        yield f"-DSIZE_{structure}={types.size(structure)}"
    if types.tracepoint_arguments("sched_process_exit") == ("*task_struct", "bool"):
        yield "-DEXIT_SAYS_GROUP_DEAD"
