"""What the enforcer and its signaller say to each other: one JSON message a packet.

The signaller is asked for one thing only, the end of one program in one process, and is told
everything by which that process can be recognised. It believes nothing else.
"""

from typing import Literal

import msgspec

MAX_AGE_NS = 30 * 10**9
"""No process is killed for an exec that is longer ago, by the node's boot clock."""

PACKET_BYTES = 64 * 1024
"""Bound of one message. A cgroup's path has at most 4096 bytes, 16 KiB when each is escaped."""

SignallerResult = Literal[
    "terminated", "already-gone", "stale-identity", "expired", "protected", "capped", "failed"
]


class Signal(msgspec.Struct, frozen=True, kw_only=True, tag="signal", tag_field="ask"):
    """End this program in this process. All but `id` and `cgroup` comes from the sealed event."""

    id: str
    """The verdict's id. A second request with it is answered, not carried out."""
    boot_id: str
    pid: int
    start_ns: int
    """Start of the process, CLOCK_BOOTTIME."""
    exec_ns: int
    """When it became this program, CLOCK_BOOTTIME."""
    device: int
    """Of the program's file, as the kernel knows it and `os.makedev` encodes it."""
    inode: int
    mount_namespace: int
    """Inode number of the mount namespace that the process executed the program in; 0 if not known."""
    cgroup: str
    """Path of the cgroup that the process must be in, in the text of `wire.text.decode`."""
    descendants: bool
    """Whether a cgroup below `cgroup` will do: for containers, which may make cgroups of their own."""


class Recall(msgspec.Struct, frozen=True, kw_only=True, tag="recall", tag_field="ask"):
    """What became of an earlier `Signal` with this id? Asked by an enforcer that was restarted."""

    id: str


Request = Signal | Recall


class Carried(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="carried", tag_field="say"):
    """What became of a `Signal`."""

    id: str
    result: SignallerResult
    sentence: str
    """One sentence for people, safe to show."""
    exec_to_kill_ns: int | None = None
    """From the exec to the moment before the signal was sent; None where none was sent."""


class NeverAsked(msgspec.Struct, frozen=True, kw_only=True, tag="never-asked", tag_field="say"):
    """No `Signal` with this id is remembered."""

    id: str


Answer = Carried | NeverAsked

encode = msgspec.json.Encoder().encode
_request: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_answer: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def read_request(packet: bytes) -> Request:
    """One request.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _request.decode(packet)


def read_answer(packet: bytes) -> Answer:
    """One answer.

    Raises:
        msgspec.DecodeError: it is none.
    """
    return _answer.decode(packet)
