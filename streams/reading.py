"""A batch read for judging: what no rule asks for stays as the sensor wrote it.

Most of an event is its ancestors, and to make objects of them costs more than to judge it. So they are
left in their JSON, and read for the few events that are told further on (`whole`), or where an event
does not say who executed it and the judge must look at the parent. JSON that is broken is noticed at
once in any case; ancestors of another shape are noticed when the event is told.
"""

import msgspec

from policy.events import ExitEvent, ProcessEvent
from wire.codec import Reader, RecordError, encode, read_batch
from wire.records import EventBatch


class CarriedEvent(ProcessEvent, frozen=True, kw_only=True, omit_defaults=True, tag="process"):
    """A process event of which two fields are carried and not read. It has a `source`."""

    ancestors: msgspec.Raw = msgspec.Raw(b"[]")  # type: ignore[assignment]  # on purpose: see `whole`
    namespaces: msgspec.Raw = msgspec.Raw(b"{}")  # type: ignore[assignment]


class _CarriedBatch(EventBatch, frozen=True, kw_only=True):
    events: tuple[CarriedEvent | ExitEvent, ...]


_read_carried: Reader[_CarriedBatch] = Reader(_CarriedBatch)
_whole: msgspec.json.Decoder[ProcessEvent] = msgspec.json.Decoder(ProcessEvent)


def read_for_judging(value: bytes | None) -> EventBatch:
    """Decode a batch as far as judging needs it.

    Raises:
        RecordError: as `wire.codec.read_batch` does.
    """
    batch = _read_carried(value)
    if any(event.source is None for event in batch.events if type(event) is CarriedEvent):
        return read_batch(value)
    return batch


def whole(event: ProcessEvent) -> ProcessEvent:
    """The event with all its fields read.

    Raises:
        RecordError: what was carried is not what it must be.
    """
    if type(event) is not CarriedEvent:
        return event
    try:
        return _whole.decode(encode(event))
    except msgspec.ValidationError as error:
        raise RecordError("not-this-type", f"the record is of another type: {error}") from error
