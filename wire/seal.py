"""Proof that a node's own sensor saw an event.

Whoever can write to a topic must not be able to have a process killed by claiming that it did what it
did not. The sensor and the enforcer of a node share a key that never leaves the node; the sensor
seals each event with keyed BLAKE2b (RFC 7693, used as a MAC) over everything that the enforcer
believes: the event's id, the workload's id and the event itself.
"""

from hashlib import blake2b
from hmac import compare_digest
from typing import TypeVar

import msgspec

from policy.events import AnyEvent
from wire.records import Source, event_id

KEY_BYTES = 32
_DIGEST_BYTES = 16

E = TypeVar("E", bound=AnyEvent)
_encode = msgspec.json.Encoder().encode


def seal(key: bytes, source: Source, workload_id: str, event: E) -> E:
    """The same event with its seal. `key` is `KEY_BYTES` long."""
    return msgspec.structs.replace(event, seal=_digest(key, source, workload_id, event))


def is_sealed(key: bytes, source: Source, workload_id: str, event: AnyEvent) -> bool:
    """Whether the seal is this node's for exactly this event."""
    bare = msgspec.structs.replace(event, seal="")
    # As bytes: compare_digest refuses text that is not ASCII, and the seal is what somebody sent.
    return compare_digest(event.seal.encode(), _digest(key, source, workload_id, bare).encode())


def _digest(key: bytes, source: Source, workload_id: str, event: AnyEvent) -> str:
    # Node and workload names hold no NUL, so the parts cannot run into each other.
    said = b"\0".join((event_id(source, event).encode(), workload_id.encode(), _encode(event)))
    return blake2b(said, key=key, digest_size=_DIGEST_BYTES).hexdigest()
