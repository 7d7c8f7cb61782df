"""Events to batches: pure. Events in, batches to produce out.

A batch holds events of one workload, stated once, and never more than a bound of events or bytes, so
that a quiet node sends batches of one and a busy one pays a record's cost once a batch.
"""

from __future__ import annotations

from typing import cast

import msgspec

from policy.events import AnyEvent
from policy.workload import Workload
from wire.codec import encode
from wire.records import EventBatch, Source
from wire.seal import seal

MAX_EVENTS = 500
MAX_BYTES = 256 * 1024


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the events topic: `key` is the workload's id, `value` an encoded `EventBatch`."""

    key: bytes
    value: bytes
    events: int


class _Open(msgspec.Struct, kw_only=True):
    workload: Workload
    size: int
    events: list[msgspec.Raw]


class BatchAssembler:
    """Collects events by workload. Events of one workload leave in the order in which they came."""

    def __init__(
        self,
        source: Source,
        node_key: bytes | None,
        *,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        """With a `node_key` (`wire.seal.KEY_BYTES`) every event is sealed."""
        self._source = source
        self._node_key = node_key
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._open: dict[str, _Open] = {}

    def add(self, workload: Workload, event: AnyEvent) -> tuple[Batch, ...]:
        """Take an event in; the batches that had to be closed for it, in order."""
        if self._node_key is not None:
            event = seal(self._node_key, self._source, workload.id, event)
        # Encoded once, here: the size is exact and the batch's encoding copies it.
        raw = msgspec.Raw(encode(event))
        size = len(memoryview(raw))
        collected = self._open.get(workload.id)
        closed: tuple[Batch, ...] = ()
        if collected is not None and not self._fits(collected, workload, size):
            closed = (self._close(workload.id),)
            collected = None
        if collected is None:
            head = len(encode(workload))
            collected = self._open[workload.id] = _Open(workload=workload, size=head, events=[])
        collected.events.append(raw)
        collected.size += size + 1
        if len(collected.events) >= self._max_events or collected.size >= self._max_bytes:
            closed += (self._close(workload.id),)
        return closed

    def flush(self) -> tuple[Batch, ...]:
        """Close everything that is open."""
        return tuple(self._close(workload_id) for workload_id in tuple(self._open))

    def _fits(self, collected: _Open, workload: Workload, size: int) -> bool:
        # A workload's identity may arrive between two of its events: a batch states one.
        same = collected.workload is workload or collected.workload == workload
        return same and collected.size + size < self._max_bytes

    def _close(self, workload_id: str) -> Batch:
        collected = self._open.pop(workload_id)
        batch = EventBatch(
            source=self._source,
            workload=collected.workload,
            # Raw stands for events that are encoded already; the encoder copies it as it is.
            events=cast("tuple[AnyEvent, ...]", tuple(collected.events)),
        )
        return Batch(key=workload_id.encode(), value=encode(batch), events=len(collected.events))
