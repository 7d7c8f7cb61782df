"""Where fields lie in the running kernel's structures: a reader of BPF Type Format.

Programs must not carry the layout of the kernel that they were written on, and a header made from BTF
gives wrong offsets under bcc for structures whose packing C cannot say. So each offset is read from
`/sys/kernel/btf/vmlinux` when the programs are compiled. Format: the kernel's
Documentation/bpf/btf.rst.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

VMLINUX = Path("/sys/kernel/btf/vmlinux")

_MAGIC = 0xEB9F
_HEADER = struct.Struct("=HBBIIIII")
_TYPE = struct.Struct("=III")
_MEMBER = struct.Struct("=III")
_PARAMETER = struct.Struct("=II")

_POINTER, _STRUCT, _UNION, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _FUNC_PROTO = 2, 4, 5, 8, 9, 10, 11, 13
_TYPE_TAG = 18
_TRANSPARENT = frozenset({_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TYPE_TAG})
_COMPOSITE = frozenset({_STRUCT, _UNION})

# Bytes behind a type's head, by kind: a fixed part and a part for each of its `vlen` entries.
_TAIL = {
    1: (4, 0),  # INT
    3: (12, 0),  # ARRAY
    _STRUCT: (0, 12),
    _UNION: (0, 12),
    6: (0, 8),  # ENUM
    _FUNC_PROTO: (0, 8),
    14: (4, 0),  # VAR
    15: (0, 12),  # DATASEC
    17: (4, 0),  # DECL_TAG
    19: (0, 12),  # ENUM64
}


class BtfError(Exception):
    """The kernel's type information is absent, unreadable, or lacks what was asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Types:
    """Positions of every type's head; `named` finds structures and typedefs by kind and name."""

    positions: list[int]
    named: dict[tuple[int, bytes], int]


@dataclass(frozen=True, kw_only=True)
class KernelTypes:
    """The types of one BTF blob. Reading the running kernel's takes about 0.1 s."""

    blob: bytes = field(repr=False)
    strings: int
    types: _Types = field(repr=False)

    @classmethod
    def of_running_kernel(cls) -> Self:
        """Read `VMLINUX`. Raises BtfError where it cannot be read or is no BTF of this byte order."""
        try:
            blob = VMLINUX.read_bytes()
        except OSError as error:
            message = f"{VMLINUX} cannot be read ({error.strerror}): the kernel needs CONFIG_DEBUG_INFO_BTF"
            raise BtfError(message) from error
        return cls.parse(blob)

    @classmethod
    def parse(cls, blob: bytes) -> Self:
        """Index a blob. Raises BtfError where it is malformed."""
        try:
            magic, _version, _flags, header, type_offset, type_length, string_offset, _length = (
                _HEADER.unpack_from(blob)
            )
            if magic != _MAGIC:
                raise BtfError(f"not BTF: the magic number is {magic:#x}")
            strings = header + string_offset
            start = header + type_offset
            return cls(blob=blob, strings=strings, types=_index(blob, start, start + type_length, strings))
        except (struct.error, ValueError) as error:
            raise BtfError(f"malformed BTF: {error}") from error

    def offset(self, structure: str, *path: str) -> int:
        """Bytes from the start of `structure` to the field at `path`, anonymous members seen through.

        Raises BtfError where there is no such structure or field, or it is a bit-field.
        """
        type_id = self.types.named.get((_STRUCT, structure.encode()))
        if type_id is None:
            raise BtfError(f"this kernel has no struct {structure}")
        total = 0
        for name in path:
            found = self._member(type_id, name.encode())
            if found is None:
                raise BtfError(f"this kernel's struct {structure} has no field {'.'.join(path)}")
            bits, type_id = found
            if bits % 8:
                raise BtfError(f"{structure}.{'.'.join(path)} is a bit-field")
            total += bits // 8
        return total

    def size(self, structure: str) -> int:
        """Bytes that `structure` takes. Raises BtfError where there is none of that name."""
        type_id = self.types.named.get((_STRUCT, structure.encode()))
        if type_id is None:
            raise BtfError(f"this kernel has no struct {structure}")
        return self._head(type_id)[2]

    def has_tracepoint(self, name: str) -> bool:
        """Whether the kernel has this raw tracepoint."""
        return (_TYPEDEF, f"btf_trace_{name}".encode()) in self.types.named

    def tracepoint_arguments(self, name: str) -> tuple[str, ...]:
        """The types of a raw tracepoint's arguments: a name, or "*" and the name for a pointer.

        Raises BtfError where the kernel has no such tracepoint.
        """
        type_id = self.types.named.get((_TYPEDEF, f"btf_trace_{name}".encode()))
        if type_id is None:
            raise BtfError(f"this kernel has no tracepoint {name}")
        while True:
            _, kind, reference, entries = self._head(type_id)
            if kind == _FUNC_PROTO:
                break
            type_id = reference
        base = self.types.positions[type_id] + _TYPE.size
        # The first parameter is the tracer's own data.
        parameters = (_PARAMETER.unpack_from(self.blob, base + 8 * i)[1] for i in range(1, entries))
        return tuple(self._spelled(parameter) for parameter in parameters)

    def _spelled(self, type_id: int) -> str:
        prefix = ""
        while type_id:
            name, kind, reference, _ = self._head(type_id)
            if kind == _POINTER:
                prefix += "*"
            elif kind not in _TRANSPARENT or (kind == _TYPEDEF and not prefix):
                return prefix + name.decode()
            type_id = reference
        return prefix + "void"

    def _head(self, type_id: int) -> tuple[bytes, int, int, int]:
        """A type's name, kind, size or referred type, and number of entries."""
        name, info, size = _TYPE.unpack_from(self.blob, self.types.positions[type_id])
        return _string(self.blob, self.strings + name), (info >> 24) & 0x1F, size, info & 0xFFFF

    def _member(self, type_id: int, wanted: bytes) -> tuple[int, int] | None:
        """Bits to the member `wanted` of a structure, and its type."""
        type_id = self._resolved(type_id)
        position = self.types.positions[type_id]
        _, info, _ = _TYPE.unpack_from(self.blob, position)
        if (info >> 24) & 0x1F not in _COMPOSITE:
            return None
        for i in range(info & 0xFFFF):
            name, member, bits = _MEMBER.unpack_from(self.blob, position + 12 + 12 * i)
            if info >> 31:
                if bits >> 24 and name and _string(self.blob, self.strings + name) == wanted:
                    return 1, member
                bits &= 0xFFFFFF
            if name:
                if _string(self.blob, self.strings + name) == wanted:
                    return bits, member
            elif (inner := self._member(member, wanted)) is not None:
                return bits + inner[0], inner[1]
        return None

    def _resolved(self, type_id: int) -> int:
        while True:
            _, info, reference = _TYPE.unpack_from(self.blob, self.types.positions[type_id])
            if (info >> 24) & 0x1F not in _TRANSPARENT:
                return type_id
            type_id = reference


def _string(blob: bytes, start: int) -> bytes:
    return blob[start : blob.index(b"\0", start)]


def _index(blob: bytes, start: int, end: int, strings: int) -> _Types:
    positions = [start]  # type 0 is void and has no place
    named: dict[tuple[int, bytes], int] = {}
    position = start
    unpack = _TYPE.unpack_from
    while position < end:
        name, info, _ = unpack(blob, position)
        kind = (info >> 24) & 0x1F
        if name and kind in (_STRUCT, _TYPEDEF):
            named.setdefault((kind, _string(blob, strings + name)), len(positions))
        positions.append(position)
        fixed, each = _TAIL.get(kind, (0, 0))
        position += 12 + fixed + each * (info & 0xFFFF)
    return _Types(positions=positions, named=named)
