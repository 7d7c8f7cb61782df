"""The schemas of records that are shipped: as the types say, and right about what is written and read."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from lictor.cli.main import app
from lictor.exit_codes import OK, USAGE
from policy.changes import Change
from tests.documented.page import DOCS, WRITE
from tests.fixtures import records as fixtures
from tests.fixtures.json_schema import Schema
from tests.fixtures.verdict_records import outcome, verdict_record
from tests.property.records import records
from wire.codec import Reader, encode
from wire.record_schema import OPEN_VALUES, RECORDS, field_docstrings, file_of, schema_files, schema_of
from wire.records import SensorHealth, Source
from wire.topics import Topics

SHIPPED = DOCS / "schema" / "records"
GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
CHANGES = ("policy-applied", "policy-deleted", "namespace-changed", "settings-changed")


@cache
def schema(name: str) -> Schema:
    return Schema(json.loads((SHIPPED / file_of(name)).read_text(encoding="utf-8")))


def record_of(golden: str) -> str:
    """The record that a golden file holds."""
    if golden in CHANGES:
        return "policy-change"
    return next(name for name in RECORDS if golden.startswith(name))


def test_the_shipped_files_are_what_the_types_say() -> None:
    generated = schema_files()
    if os.environ.get(WRITE):
        for name, text in generated.items():
            (SHIPPED / name).write_text(text, encoding="utf-8")
    assert {path.name for path in SHIPPED.iterdir()} == set(generated)
    for name, text in generated.items():
        kept = (SHIPPED / name).read_text(encoding="utf-8")
        assert kept == text, f"docs/schema/records/{name}: run the tests with {WRITE}=1 and look at it"


@pytest.mark.parametrize("name", sorted(path.stem for path in GOLDEN.glob("*.json")))
def test_a_golden_record_is_right(name: str) -> None:
    assert not schema(record_of(name)).refusals(json.loads((GOLDEN / f"{name}.json").read_bytes()))


FIXTURES: list[tuple[str, Any]] = [
    ("event-batch", fixtures.BATCH),
    ("event-batch", fixtures.ACT_BATCH),
    ("verdict", fixtures.VERDICT),
    *(("verdict", record) for record in fixtures.ACT_VERDICTS.values()),
    ("order", fixtures.ORDER),
    ("outcome", fixtures.OUTCOME),
    ("outcome", outcome(verdict_record(), "capped")),
    ("epoch", fixtures.EPOCH),
    ("sensor-health", fixtures.HEALTH),
    ("service-health", fixtures.SERVICE_HEALTH),
    ("dead-letter", fixtures.DEAD_LETTER),
    *(("policy-change", change) for change in fixtures.CHANGES.values()),
]


@pytest.mark.parametrize(("name", "record"), FIXTURES)
def test_a_record_of_the_fixtures_is_right(name: str, record: Any) -> None:
    assert not schema(name).refusals(json.loads(encode(record)))


@pytest.mark.parametrize("name", RECORDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_whatever_is_written_is_right_and_is_read(name: str, data: st.DataObject) -> None:
    record = data.draw(records(RECORDS[name].type))
    written = encode(record)
    assert not schema(name).refusals(json.loads(written))
    assert encode(Reader[Any](RECORDS[name].type)(written)) == written


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_of_a_record_is_in_its_schema(name: str) -> None:
    """Each field's value is checked: one of another type is refused where it stands."""
    golden = next(path for path in GOLDEN.glob("*.json") if record_of(path.stem) == name)
    record = json.loads(golden.read_bytes())
    for field in record:
        if field == "document":  # any JSON
            continue
        assert schema(name).refusals(record | {field: [[[]]]}), field


@pytest.mark.parametrize("name", RECORDS)
def test_what_a_later_release_adds_is_taken(name: str) -> None:
    for path in GOLDEN.glob("*.json"):
        if record_of(path.stem) == name:
            assert not schema(name).refusals(_grown(json.loads(path.read_bytes())))


MAPPINGS = {"annotations", "counts", "document", "interval", "labels", "lag", "rings"}
"""Fields whose names are data."""


def _grown(value: Any) -> Any:
    """With a field that nobody knows in every object, and other values where more may be added."""
    if isinstance(value, list):
        return [_grown(one) for one in value]
    if not isinstance(value, dict):
        return value
    grown = {name: one if name in MAPPINGS else _grown(one) for name, one in value.items()}
    grown["added_later"] = {"x": [1]}
    if "carried_out_ns" in grown:
        grown["result"] = "killed-at-exec"
    if "decided_by" in grown:
        grown["reason"] = "behaviour"
    if "events" in grown:
        grown["events"].append({"kind": "signal", "anything": 1})
    return grown


def test_a_known_kind_of_event_is_still_checked() -> None:
    batch = json.loads(encode(fixtures.BATCH))
    del batch["events"][0]["executable"]
    assert schema("event-batch").refusals(batch)


def test_a_record_of_another_schema_version_is_refused() -> None:
    for name, record in FIXTURES:
        assert schema(name).refusals(json.loads(encode(record)) | {"schema": 2})


def test_every_place_where_values_may_be_added_is_one() -> None:
    found: set[str] = set()
    for name in RECORDS:
        whole = schema_of(name)
        for title, definition in {**whole["$defs"], whole["title"]: whole}.items():
            if "examples" in definition:
                found.add(title)
            for field, shape in definition.get("properties", {}).items():
                if any("examples" in one for one in (shape, *shape.get("anyOf", ()))):
                    found.add(f"{title}.{field}")
    assert found == OPEN_VALUES


def test_fields_are_described_by_their_docstrings() -> None:
    found = field_docstrings(Source)
    assert found["recorded"].startswith("The events are played back")
    assert "node" not in found
    assert (
        schema_of("verdict")["$defs"]["Source"]["properties"]["recorded"]["description"] == found["recorded"]
    )
    inherited = schema_of("verdict")["$defs"]["FileEvent"]["properties"]
    assert inherited["seal"]["description"].startswith("Proof")
    assert "null where" in inherited["actor"]["description"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["schema", *arguments])


@pytest.mark.parametrize("name", RECORDS)
def test_the_command_prints_a_schema(name: str) -> None:
    assert run(name).stdout == (SHIPPED / file_of(name)).read_text(encoding="utf-8")


def test_the_command_says_which_records_there_are(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in run("-o", "json").stdout.splitlines()]
    assert {row["name"]: row["file"] for row in rows} == {name: file_of(name) for name in RECORDS}
    assert "lictor.verdicts.v1" in {row["topic"] for row in rows}
    assert len(run().stdout.splitlines()) == len(RECORDS)
    assert run("--folder", str(tmp_path)).exit_code == OK
    assert {path.name for path in tmp_path.iterdir()} == set(schema_files())
    assert (run("verdicts").exit_code, run("epoch", "--folder", "x").exit_code) == (USAGE, USAGE)
    assert "verdict" in run("verdicts").stderr


def test_every_record_is_in_a_topic_that_there_is() -> None:
    topics = Topics()
    named = {f"{topics.prefix}.{record.topic}.v1" for record in RECORDS.values()}
    assert named == {topic.name for topic in topics.all()}
    assert RECORDS["policy-change"].type == Change
    assert RECORDS["sensor-health"].type is SensorHealth
