"""Recordings: marked as such, whoever made them, and refused by file and line."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest

from lictor.pipeline.playback import RecordingError, check, read_recording
from tests.fixtures.records import EVENT, SOURCE, WORKLOAD
from wire.codec import encode
from wire.records import EventBatch, event_id

BATCH = EventBatch(source=SOURCE, workload=WORKLOAD, events=(EVENT,))


def lines(*values: bytes) -> io.StringIO:
    return io.StringIO("".join(f"{value.decode()}\n" for value in values))


def test_batches_come_back_marked_as_recorded_under_ids_of_their_own() -> None:
    (batch,) = read_recording(lines(encode(BATCH)), "r")
    assert batch.source.recorded
    assert batch.events == BATCH.events
    assert batch.workload == BATCH.workload
    assert event_id(batch.source, EVENT) != event_id(SOURCE, EVENT)


def test_a_recording_of_a_recording_says_so_twice_and_no_less() -> None:
    (once,) = read_recording(lines(encode(BATCH)), "r")
    (twice,) = read_recording(lines(encode(once)), "r")
    assert twice.source.recorded


def test_blank_lines_are_nothing() -> None:
    assert len(list(read_recording(lines(b"", encode(BATCH), b"   ", encode(BATCH), b""), "r"))) == 2


@pytest.mark.parametrize(
    "bad",
    [
        b"not JSON",
        b"[]",
        b'{"schema": 1}',
        encode(msgspec.structs.replace(BATCH, schema=99)),
        encode(BATCH)[:-1],
    ],
)
def test_a_line_that_is_no_batch_is_told_by_file_and_line(bad: bytes) -> None:
    with pytest.raises(RecordingError, match=r"^some\.jsonl:3: .*`lictor events -o json`"):
        list(read_recording(lines(encode(BATCH), b"", bad), "some.jsonl"))


def test_checking_counts_events(tmp_path: Path) -> None:
    recording = tmp_path / "r.jsonl"
    two = msgspec.structs.replace(BATCH, events=(EVENT, EVENT))
    recording.write_bytes(encode(BATCH) + b"\n" + encode(two) + b"\n")
    assert check(recording) == 3
    recording.write_bytes(b"")
    assert check(recording) == 0


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"absent\.jsonl: No such file"):
        check(tmp_path / "absent.jsonl")
    with pytest.raises(RecordingError, match="Is a directory"):
        check(tmp_path)
    (tmp_path / "r.jsonl").write_bytes(b"\xff\xfe\n")
    with pytest.raises(RecordingError, match=r"r\.jsonl is not UTF-8"):
        check(tmp_path / "r.jsonl")
