"""Offsets from BPF Type Format: a blob written here by the format's description, and the real kernel's."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import btf
from sensors.btf import VMLINUX, BtfError, KernelTypes
from sensors.program_text import kernel_flags

INT, POINTER, STRUCT, UNION, TYPEDEF, CONST, FUNC_PROTO = 1, 2, 4, 5, 8, 10, 13


class Blob:
    """Writes BTF: each method gives the new type's number."""

    def __init__(self) -> None:
        self.strings = b"\0"
        self.types = b""
        self.count = 0

    def name(self, text: str) -> int:
        if not text:
            return 0
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text) - 1

    def add(
        self, kind: int, name: str, size: int, *, tail: bytes = b"", entries: int = 0, flag: int = 0
    ) -> int:
        info = flag << 31 | kind << 24 | entries
        self.types += struct.pack("=III", self.name(name), info, size) + tail
        self.count += 1
        return self.count

    def composite(self, kind: int, name: str, *members: tuple[str, int, int], flag: int = 0) -> int:
        tail = b"".join(struct.pack("=III", self.name(m), t, bits) for m, t, bits in members)
        return self.add(kind, name, 64, tail=tail, entries=len(members), flag=flag)

    def bytes(self) -> bytes:
        header = struct.pack(
            "=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(self.types), len(self.types), len(self.strings)
        )
        return header + self.types + self.strings


@pytest.fixture
def types() -> KernelTypes:
    blob = Blob()
    number = blob.add(INT, "int", 4, tail=bytes(4))
    inner = blob.composite(STRUCT, "inner", ("a", number, 0), ("b", number, 32))
    alias = blob.add(TYPEDEF, "inner_t", inner)
    constant = blob.add(CONST, "", alias)
    choice = blob.composite(UNION, "", ("x", number, 0), ("y", constant, 0))
    hidden = blob.composite(STRUCT, "", ("before", number, 0), ("", choice, 64))
    outer = blob.composite(
        STRUCT, "outer", ("first", number, 0), ("", hidden, 128), ("named", alias, 512), ("bit", number, 803)
    )
    blob.composite(STRUCT, "flagged", ("whole", number, 64), ("bits", number, 3 << 24 | 96), flag=1)
    pointer = blob.add(POINTER, "", outer)
    flag = blob.add(TYPEDEF, "bool", number)
    parameters = b"".join(struct.pack("=II", 0, t) for t in (blob.add(POINTER, "", 0), pointer, flag))
    proto = blob.add(FUNC_PROTO, "", 0, tail=parameters, entries=3)
    blob.add(TYPEDEF, "btf_trace_happened", blob.add(POINTER, "", proto))
    return KernelTypes.parse(blob.bytes())


def test_offsets_see_through_anonymous_members_and_typedefs(types: KernelTypes) -> None:
    assert types.offset("outer", "first") == 0
    assert types.offset("outer", "before") == 16
    assert types.offset("outer", "x") == 24
    assert types.offset("outer", "y", "b") == 28
    assert types.offset("outer", "named", "b") == 68
    assert types.offset("flagged", "whole") == 8
    assert types.size("inner") == 64


@pytest.mark.parametrize(
    ("structure", "path", "message"),
    [
        ("absent", ("a",), "no struct absent"),
        ("outer", ("absent",), "struct outer has no field absent"),
        ("outer", ("named", "absent"), "struct outer has no field named.absent"),
        ("outer", ("first", "a"), "struct outer has no field first.a"),
        ("outer", ("bit",), "bit-field"),
        ("flagged", ("bits",), "bit-field"),
    ],
)
def test_what_is_not_there_is_named(
    types: KernelTypes, structure: str, path: tuple[str, ...], message: str
) -> None:
    with pytest.raises(BtfError, match=message):
        types.offset(structure, *path)


def test_tracepoints_tell_their_arguments(types: KernelTypes) -> None:
    assert types.has_tracepoint("happened")
    assert not types.has_tracepoint("never")
    assert types.tracepoint_arguments("happened") == ("*outer", "bool")
    with pytest.raises(BtfError, match="no tracepoint never"):
        types.tracepoint_arguments("never")
    with pytest.raises(BtfError, match="no struct never"):
        types.size("never")


def test_absent_file_says_what_the_kernel_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(btf, "VMLINUX", tmp_path / "none")
    with pytest.raises(BtfError, match="CONFIG_DEBUG_INFO_BTF"):
        KernelTypes.of_running_kernel()


def test_other_files_are_refused(types: KernelTypes) -> None:
    with pytest.raises(BtfError, match="magic"):
        KernelTypes.parse(b"\x7fELF" + bytes(60))
    with pytest.raises(BtfError, match="malformed"):
        KernelTypes.parse(types.blob[:10])
    with pytest.raises(BtfError, match="malformed"):
        KernelTypes.parse(types.blob[:70])


@given(st.binary(max_size=200))
def test_bytes_make_types_or_an_error(data: bytes) -> None:
    header = struct.pack("=HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(data), len(data) // 2, len(data))
    try:
        KernelTypes.parse(header + data)
    except BtfError:
        return


@pytest.mark.skipif(not VMLINUX.exists(), reason=f"the kernel has no {VMLINUX}")
def test_running_kernel_has_all_that_the_programs_name() -> None:
    types = KernelTypes.of_running_kernel()
    flags = list(kernel_flags(types))
    assert len(flags) > 50
    assert "-DOFFSET_path__mnt=0" in flags
    assert types.tracepoint_arguments("sched_process_exec")[::2] == ("*task_struct", "*linux_binprm")
