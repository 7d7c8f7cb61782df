"""Ring bytes to values: the layout, its texts, and what is refused."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.events import Namespaces
from sensors import ring_records
from sensors.program_text import PROGRAMS
from sensors.ring_records import RawAncestor, RawExec, RawExit, RawFile, RecordFormatError, decode

KIND_EXEC, KIND_EXIT = 1, 2
PRESENT, TRUNCATED, UNLINKED = 1, 2, 4
SCRIPT, MORE_ANCESTORS, CWD_TRUNCATED, ARGS_UNREADABLE, FILENAME_TRUNCATED = 1, 2, 4, 8, 16
EXEC_BYTES, EXIT_BYTES = 424, 64
NO_FILE = (b"", 0, 0, 0, 0, 0)

component = st.binary(min_size=1, max_size=255).filter(lambda b: not {0, 0x2F} & set(b))


def head(size: int, kind: int, flags: int = 0) -> bytes:
    return struct.pack("=HBBIQQQQI4x", size, kind, flags, 3, 41, 1_000, 900, 77, 1234)


def exec_record(
    *,
    flags: int = 0,
    file: tuple[bytes, int, int, int, int, int] = (
        b"true\0bin\0usr\0",
        5,
        0xEF53,
        (8 << 20) | 300,
        7,
        PRESENT,
    ),
    parent: tuple[bytes, int, int, int, int, int] = NO_FILE,
    source: tuple[bytes, int, int, int, int, int] = NO_FILE,
    ancestors: tuple[tuple[int, int, int, int], ...] = (),
    cwd: bytes = b"",
    filename: bytes = b"true\0",
    args: bytes = b"true\0",
    args_total: int | None = None,
    tty: bytes = b"",
    size: int = EXEC_BYTES,
) -> bytes:
    total = len(args) if args_total is None else args_total
    numbers = struct.pack("=10I", 9, 1000, 1001, 11, 12, 13, 14, 15, 16, 17)
    lengths = struct.pack("=I4H4x", total, len(args), len(filename), len(cwd), len(ancestors))
    files = b"".join(
        struct.pack("=QQIIHB5x", inode, magic, device, owner, len(path), present)
        for path, inode, magic, device, owner, present in (file, parent, source)
    )
    above = b"".join(struct.pack("=QQII", *ancestor) for ancestor in ancestors).ljust(8 * 24, b"\0")
    texts = file[0] + parent[0] + source[0] + cwd + filename + args
    return head(size, KIND_EXEC, flags) + numbers + lengths + files + above + tty.ljust(32, b"\0") + texts


def decoded(**fields: object) -> RawExec:
    record = decode(exec_record(**fields))  # type: ignore[arg-type]
    assert isinstance(record, RawExec)
    return record


def test_exec_is_read_field_by_field() -> None:
    record = decode(
        memoryview(
            exec_record(
                flags=SCRIPT | MORE_ANCESTORS,
                parent=(b"bash\0bin\0", 6, 1, (254 << 20) | 1, 8, PRESENT | UNLINKED),
                source=(b"tail\0part\0", 7, 2, 3, 9, PRESENT | TRUNCATED),
                ancestors=((800, 6, 55, (254 << 20) | 1), (700, 0, 1, 0)),
                cwd=b"tmp\0",
                filename=b"./script\0",
                args=b"sh\0\0x\0",
                tty=b"pts3",
            )
        )
    )
    assert record == RawExec(
        cpu=3,
        sequence=41,
        boot_ns=1_000,
        pid=1234,
        namespace_pid=9,
        start_ns=900,
        file=RawFile(
            path=b"/usr/bin/true",
            truncated=False,
            device=os.makedev(8, 300),
            inode=5,
            filesystem=0xEF53,
            unlinked=False,
            owner_uid=7,
        ),
        filename=b"./script",
        filename_truncated=False,
        script=True,
        source=RawFile(
            path=b"part/tail",
            truncated=True,
            device=os.makedev(0, 3),
            inode=7,
            filesystem=2,
            unlinked=False,
            owner_uid=9,
        ),
        parent=RawFile(
            path=b"/bin/bash",
            truncated=False,
            device=os.makedev(254, 1),
            inode=6,
            filesystem=1,
            unlinked=True,
            owner_uid=8,
        ),
        ancestors=(
            RawAncestor(pid=55, start_ns=800, device=os.makedev(254, 1), inode=6),
            RawAncestor(pid=1, start_ns=700, device=0, inode=0),
        ),
        ancestors_truncated=True,
        args=(b"sh", b"", b"x"),
        args_truncated=False,
        cwd=b"/tmp",
        cwd_truncated=False,
        uid=1000,
        gid=1001,
        tty=b"pts3",
        cgroup_id=77,
        namespaces=Namespaces(mnt=11, pid=12, net=13, user=14, uts=15, ipc=16, cgroup=17),
    )


def test_exit_is_read_field_by_field() -> None:
    assert decode(head(EXIT_BYTES, KIND_EXIT) + struct.pack("=QII", 5, (8 << 20) | 1, 7 << 8)) == RawExit(
        cpu=3,
        sequence=41,
        boot_ns=1_000,
        pid=1234,
        start_ns=900,
        code_raw=7 << 8,
        cgroup_id=77,
        device=os.makedev(8, 1),
        inode=5,
    )


@pytest.mark.parametrize(
    ("args", "total", "expected", "truncated"),
    [
        (b"", 0, (), False),
        (b"\0", 1, (b"",), False),
        (b"a\0\0\0", 4, (b"a", b"", b""), False),
        (b"a\0bc", 9, (b"a", b"bc"), True),
        (b"a\0bc\0", 9, (b"a", b"bc"), True),
        (b"no end", 6, (b"no end",), False),
        (b"", 12, (), True),
    ],
)
def test_arguments(args: bytes, total: int, expected: tuple[bytes, ...], truncated: bool) -> None:
    record = decoded(args=args, args_total=total)
    assert (record.args, record.args_truncated) == (expected, truncated)


def test_arguments_that_could_not_be_read_are_cut() -> None:
    assert decoded(args=b"", args_total=0, flags=ARGS_UNREADABLE).args_truncated


def test_marks_of_what_is_cut() -> None:
    assert decoded(flags=CWD_TRUNCATED, cwd=b"c\0b\0").cwd == b"b/c"
    assert decoded(flags=CWD_TRUNCATED).cwd_truncated
    assert decoded(flags=FILENAME_TRUNCATED).filename_truncated
    assert decoded(cwd=b"").cwd == b"/"


def test_without_files_there_are_none() -> None:
    record = decoded()
    assert (record.source, record.parent, record.ancestors) == (None, None, ())


@given(st.lists(component, max_size=20))
def test_path_is_its_components(components: list[bytes]) -> None:
    walked = b"".join(name + b"\0" for name in reversed(components))
    assert decoded(cwd=walked).cwd == b"/" + b"/".join(components)


@given(st.lists(st.binary(max_size=50).filter(lambda b: b"\0" not in b), min_size=1, max_size=20))
def test_arguments_are_what_was_given(args: list[bytes]) -> None:
    assert decoded(args=b"".join(arg + b"\0" for arg in args)).args == tuple(args)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\0" * 55,
        b"\0" * 600,
        exec_record(size=EXEC_BYTES - 8),
        exec_record() + b"\0",
        exec_record()[:-1],
        exec_record()[: EXEC_BYTES - 1],
        exec_record(file=NO_FILE),
        exec_record(ancestors=((1, 1, 1, 1),) * 9),
        head(EXIT_BYTES, KIND_EXIT),
        head(EXIT_BYTES, KIND_EXIT) + bytes(24),
        head(EXEC_BYTES, 3) + bytes(600),
    ],
)
def test_what_is_no_record_is_refused(record: bytes) -> None:
    with pytest.raises(RecordFormatError):
        decode(record)


@given(st.binary(max_size=700))
def test_bytes_make_a_record_or_an_error(data: bytes) -> None:
    for record in (data, exec_record()[:EXEC_BYTES] + data, head(EXEC_BYTES, KIND_EXEC) + data):
        try:
            decode(record)
        except RecordFormatError:
            continue


def test_constants_are_those_of_the_programs() -> None:
    header = (PROGRAMS / "record.h").read_text()
    defined = dict(re.findall(r"#define (\w+) (\d+)", header))
    names = [name for name in vars(ring_records) if re.match(r"_(KIND|FILE|EXEC)_[A-Z_]+$", name)]
    checked = [name for name in names if name.removeprefix("_") in defined]
    assert len(checked) == 10
    for name in checked:
        assert getattr(ring_records, name) == int(defined[name.removeprefix("_")]), name
    assert int(defined["ANCESTORS"]) == ring_records._ANCESTORS
    assert ring_records._TTY.size == int(defined["TTY_BYTES"])


def test_layout_is_that_of_the_header() -> None:
    """What a C compiler makes of record.h: every field at its natural alignment, without gaps."""
    sizes = {"u8": 1, "u16": 2, "u32": 4, "u64": 8, "char": 1}
    defined = dict(re.findall(r"#define (\w+) (\d+)", (PROGRAMS / "record.h").read_text()))
    for name, body in re.findall(
        r"struct (\w+) \{(.*?)\n\};", (PROGRAMS / "record.h").read_text(), re.DOTALL
    ):
        offset = 0
        for kind, count in re.findall(r"^    (?:struct )?(\w+) \w+(?:\[(\w+)\])?;", body, re.MULTILINE):
            align = min(sizes[kind], 8)
            assert offset % align == 0, f"a gap in struct {name}"
            offset += sizes[kind] * (int(defined.get(count, count)) if count else 1)
        assert name == "file_facts" or offset % 8 == 0
        sizes[name] = offset
    assert sizes["record_head"] == ring_records._HEAD.size
    assert sizes["file_facts"] == ring_records._FILE.size
    assert sizes["ancestor"] == ring_records._ANCESTOR.size
    assert sizes["exec_record"] == ring_records._EXEC_BYTES == EXEC_BYTES
    assert sizes["exit_record"] == ring_records._EXIT_BYTES == EXIT_BYTES


def test_programs_are_part_of_the_package() -> None:
    assert Path(ring_records.__file__).parent == PROGRAMS.parent
