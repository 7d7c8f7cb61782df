"""Records to bytes and back: msgspec JSON, the schema version checked, errors by name."""

from typing import Any, Generic, TypeVar

import msgspec

from policy.changes import Change
from wire.records import (
    DeadLetter,
    Epoch,
    EventBatch,
    Order,
    Outcome,
    SensorHealth,
    ServiceHealth,
    VerdictRecord,
)

SCHEMA = 1
"""The version that this release writes, and the only one that it reads."""

T = TypeVar("T")

encode = msgspec.json.Encoder().encode
"""Any record to JSON bytes."""


class RecordError(Exception):
    """A record that cannot be used. `code` is stable: docs/semantics.md lists them."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


class _Version(msgspec.Struct):
    schema: int = SCHEMA


_version = msgspec.json.Decoder(_Version)


class Reader(Generic[T]):
    """Decodes one record type. The common case is one pass; only a failure looks for its reason."""

    def __init__(self, record_type: Any) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(record_type)

    def __call__(self, value: bytes | None) -> T:
        """Decode `value`.

        Raises:
            RecordError: not JSON, of another type, or of a schema version that is not known here.
        """
        if value is None:
            raise RecordError("not-json", "the record has no value; this topic is not compacted")
        try:
            record = self._decoder.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._explain(value, error) from error
        except RecursionError as error:
            raise RecordError("too-deep", "the record nests too deeply to be read") from error
        if record.schema != SCHEMA:  # type: ignore[attr-defined]  # every record type has it
            raise _unknown_schema(record.schema)  # type: ignore[attr-defined]
        return record

    @staticmethod
    def _explain(value: bytes, error: Exception) -> RecordError:
        try:
            version = _version.decode(value).schema
        except msgspec.ValidationError:
            return RecordError("not-this-type", f"the record is of another type: {error}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return RecordError("not-json", f"the record is not JSON: {error}")
        if version != SCHEMA:
            return _unknown_schema(version)
        return RecordError("not-this-type", f"the record is of another type: {error}")


class _Service(msgspec.Struct):
    service: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_service = msgspec.json.Decoder(_Service)


class HealthReader(Reader[SensorHealth | ServiceHealth]):
    """Decodes what is in the health topic: a record with a `service` is that service's, else a sensor's."""

    def __init__(self) -> None:
        super().__init__(SensorHealth)
        self._of_service: Reader[ServiceHealth] = Reader(ServiceHealth)

    def __call__(self, value: bytes | None) -> SensorHealth | ServiceHealth:
        """Decode `value`.

        Raises:
            RecordError: as `Reader` does.
        """
        try:
            told = value is not None and _service.decode(value).service is not msgspec.UNSET
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = False  # whatever it is, the reader below says why it cannot be used
        return self._of_service(value) if told else super().__call__(value)


def _unknown_schema(version: int) -> RecordError:
    return RecordError(
        "unknown-schema",
        f"the record has schema version {version}; this release reads {SCHEMA}: upgrade the reader first",
    )


read_batch: Reader[EventBatch] = Reader(EventBatch)
read_change: Reader[Change] = Reader(Change)
read_verdict: Reader[VerdictRecord] = Reader(VerdictRecord)
read_order: Reader[Order] = Reader(Order)
read_outcome: Reader[Outcome] = Reader(Outcome)
read_epoch: Reader[Epoch] = Reader(Epoch)
read_health = HealthReader()
read_dead_letter: Reader[DeadLetter] = Reader(DeadLetter)
