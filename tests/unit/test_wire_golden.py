"""What this release writes is what consumers were promised, byte for byte, and what it reads."""

from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import records
from wire import codec

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"

READERS: dict[str, tuple[Any, codec.Reader[Any]]] = {
    "event-batch": (records.BATCH, codec.read_batch),
    "verdict": (records.VERDICT, codec.read_verdict),
    "event-batch-every-kind": (records.ACT_BATCH, codec.read_batch),
    **{f"verdict-{kind}": (record, codec.read_verdict) for kind, record in records.ACT_VERDICTS.items()},
    "order": (records.ORDER, codec.read_order),
    "outcome": (records.OUTCOME, codec.read_outcome),
    "epoch": (records.EPOCH, codec.read_epoch),
    "sensor-health-interval": (records.HEALTH_OF_INTERVAL, codec.read_health),
    "service-health": (records.SERVICE_HEALTH, codec.read_health),
    "dead-letter": (records.DEAD_LETTER, codec.read_dead_letter),
    **{name: (change, codec.read_change) for name, change in records.CHANGES.items()},
}

OLDER: dict[str, tuple[Any, codec.Reader[Any]]] = {
    "sensor-health": (records.HEALTH, codec.read_health),
}
"""Written by earlier releases of this schema version, before fields with defaults were added."""


@pytest.mark.parametrize("name", READERS)
def test_a_record_of_this_version_stays_as_it_was(name: str) -> None:
    record, read = READERS[name]
    golden = (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")
    assert codec.encode(record) == golden
    assert codec.encode(read(golden)) == golden


def test_every_golden_file_belongs_to_a_record() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(READERS) | set(OLDER)


@pytest.mark.parametrize("name", OLDER)
def test_what_earlier_releases_wrote_is_read(name: str) -> None:
    record, read = OLDER[name]
    assert read((GOLDEN / f"{name}.json").read_bytes()) == record


@pytest.mark.parametrize("name", READERS | OLDER)
def test_an_unknown_schema_version_is_refused_by_name(name: str) -> None:
    _, read = (READERS | OLDER)[name]
    golden = (GOLDEN / f"{name}.json").read_bytes()
    newer = golden.replace(b'"schema":1', b'"schema":2', 1)
    assert newer != golden
    with pytest.raises(codec.RecordError, match="schema version 2") as caught:
        read(newer)
    assert caught.value.code == "unknown-schema"


def test_a_newer_record_of_another_shape_is_still_called_newer() -> None:
    with pytest.raises(codec.RecordError) as caught:
        codec.read_batch(b'{"schema":7,"events":"by reference"}')
    assert caught.value.code == "unknown-schema"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "not-json"),
        (b"", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"[1, 2]", "not-this-type"),
        (b'{"schema":1}', "not-this-type"),
        (b'{"schema":"one"}', "not-this-type"),
        (b'{"x":' + b"[" * 100_000, "too-deep"),
    ],
)
def test_what_is_no_batch_says_why(value: bytes | None, code: str) -> None:
    with pytest.raises(codec.RecordError) as caught:
        codec.read_batch(value)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        (b'{"schema":1,"service":"kubelet"}', "not-this-type", "service"),
        (b'{"schema":1,"service":null}', "not-this-type", "service"),
        (b'{"schema":1,"service":"sink"}', "not-this-type", "node"),
        (b'{"schema":1}', "not-this-type", "source"),
        (b'{"schema":2,"service":{}}', "unknown-schema", "version 2"),
        (b"[]", "not-this-type", "array"),
        (b'{"service":', "not-json", "truncated"),
        (None, "not-json", "no value"),
    ],
)
def test_what_is_no_health_says_why(value: bytes | None, code: str, says: str) -> None:
    with pytest.raises(codec.RecordError, match=says) as caught:
        codec.read_health(value)
    assert caught.value.code == code
