"""Whatever a topic holds, its reader gives a record or a `RecordError`, and nothing else."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.changes import PolicyApplied
from policy.documents import read_document
from wire import codec

GOLDEN = Path(__file__).parents[1] / "golden" / "v1"

READERS: dict[str, codec.Reader[Any]] = {
    "event-batch": codec.read_batch,
    "verdict": codec.read_verdict,
    "order": codec.read_order,
    "outcome": codec.read_outcome,
    "epoch": codec.read_epoch,
    "sensor-health": codec.read_health,
    "service-health": codec.read_health,
    "dead-letter": codec.read_dead_letter,
}
"""By what the names of golden files begin with; the others are changes of the policy log."""
FILES = {path.stem: path.read_bytes() for path in sorted(GOLDEN.glob("*.json"))}
CODES = {"not-json", "not-this-type", "unknown-schema", "too-deep"}

bounded = settings(max_examples=200, deadline=None, derandomize=True)


def reader_of(name: str) -> codec.Reader[Any]:
    found = (reader for stem, reader in READERS.items() if name.startswith(stem))
    return next(found, codec.read_change)


def outcome(name: str, value: bytes | None) -> Any:
    """The record, or None where it was refused as promised."""
    refused: codec.RecordError | None = None
    try:
        record = reader_of(name)(value)
    except codec.RecordError as error:
        refused = error
    if refused is not None:
        assert refused.code in CODES
        assert refused.sentence == str(refused) != ""
        return None
    again = reader_of(name)(codec.encode(record))
    assert codec.encode(again) == codec.encode(record)
    if isinstance(record, PolicyApplied):
        result = read_document(record.document)
        assert bool(result.documents) != bool(result.problems)
    return record


names = st.sampled_from(sorted(FILES))


@pytest.mark.parametrize("name", FILES)
def test_the_records_that_are_damaged_below_are_right(name: str) -> None:
    assert outcome(name, FILES[name]) is not None


@bounded
@given(names, st.binary(max_size=100))
def test_any_bytes(name: str, value: bytes) -> None:
    assert outcome(name, value) is None


@bounded
@given(names, st.data())
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    value = FILES[name]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(value)))
        end = min(len(value), start + data.draw(st.integers(0, 8)))
        value = value[:start] + data.draw(st.binary(max_size=4)) + value[end:]
    outcome(name, value)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**62, max_value=2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["\ud800", "\0", "process", "file", "exit", "live", 10**400, -1, 2, [], {}]),
    st.lists(st.integers() | st.text(max_size=2), max_size=2),
    st.dictionaries(st.sampled_from(["kind", "path", "schema", "x"]), st.integers() | st.text(max_size=2)),
)


@bounded
@given(names, st.data())
def test_records_in_which_something_else_stands(name: str, data: st.DataObject) -> None:
    written: Any = json.loads(FILES[name])
    for _ in range(data.draw(st.integers(1, 2))):
        here = written
        for _ in range(data.draw(st.integers(0, 7))):
            inner = [one for one in (here.values() if isinstance(here, dict) else here) if one]
            inner = [one for one in inner if isinstance(one, dict | list)]
            if not inner:
                break
            here = data.draw(st.sampled_from(inner))
        at = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if data.draw(st.booleans()):
            here[at] = deepcopy(data.draw(values))
        else:
            del here[at]
            if not here:
                break
    outcome(name, json.dumps(written).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("inside", ["", '"schema":1,"events":', '"change":"policy-applied","by":'])
@pytest.mark.parametrize("depth", [500, 100_000])
def test_deep_nesting(name: str, inside: str, depth: int) -> None:
    nested = "[" * depth + "]" * depth
    value = f"{{{inside}{nested}}}" if inside else nested
    assert outcome(name, value.encode()) is None


@pytest.mark.parametrize("name", FILES)
def test_no_value_at_all(name: str) -> None:
    assert outcome(name, None) is None


@pytest.mark.parametrize("inside", [b"5", b'{"kind":1e999}', b"[" * 500 + b"]" * 500])
def test_a_document_within_a_change_is_read_on_its_own(inside: bytes) -> None:
    record = outcome("policy-applied", b'{"change":"policy-applied","document":' + inside + b"}")
    assert isinstance(record.document, msgspec.Raw)
    assert read_document(record.document).problems
