"""Gives back what compiling took: clang's code and heap are of no use once the programs are loaded."""

import ctypes
import mmap
from pathlib import Path

_COMPILER = ("libLLVM", "libclang", "libbcc")


def release_compiler_memory() -> None:
    """Trim the heap and drop the compiler's code pages from this process: about 100 MB resident.

    The code is clean and mapped from its file, so whatever is called again comes back from there
    (madvise(2), MADV_DONTNEED).
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):  # glibc
        libc.malloc_trim(0)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for start, size in _compiler_code():
        libc.madvise(start, size, mmap.MADV_DONTNEED)  # advice: refused, it costs memory only


def _compiler_code() -> list[tuple[int, int]]:
    """Where the compiler's executable segments are mapped: address and bytes."""
    found = []
    for line in Path("/proc/self/maps").read_text().splitlines():
        fields = line.split(maxsplit=5)
        if fields[1] == "r-xp" and len(fields) > 5 and Path(fields[5]).name.startswith(_COMPILER):
            start, end = (int(address, 16) for address in fields[0].split("-"))
            found.append((start, end - start))
    return found
