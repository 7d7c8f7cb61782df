"""Batches read for judging lead to the same verdicts as batches that are read whole."""

from __future__ import annotations

import json
from typing import get_args

import pytest
from msgspec.structs import replace

from policy.events import ExitEvent, JudgedEvent, ProcessEvent
from policy.policy_set import PolicySet
from streams.judging import judge_batch
from streams.reading import CarriedProcess, is_carried, read_for_judging, whole
from tests.fixtures.records import ACT_BATCH, BATCH, EVENT, EXIT
from tests.fixtures.stream_workers import ALLOWED, DENIED, batch, blocking, process_event
from wire.codec import RecordError, encode, read_batch

NOW_NS = 1_800_000_000_000_000_000


@pytest.fixture
def denying() -> PolicySet:
    return PolicySet.empty().apply(blocking("deny", DENIED), 0)


def whole_event(sequence: int, path: str) -> ProcessEvent:
    made = process_event(sequence, path)
    return replace(made, ancestors=EVENT.ancestors, namespaces=EVENT.namespaces)


def test_verdicts_and_orders_are_the_same_as_of_the_whole_batch(denying: PolicySet) -> None:
    value = encode(batch([whole_event(n, DENIED if n % 3 == 0 else ALLOWED) for n in range(12)]))
    read = read_for_judging(value)
    assert all(type(event) is CarriedProcess for event in read.events)
    assert len(judge_batch(read, denying, NOW_NS).verdicts) == 4
    assert judge_batch(read, denying, NOW_NS) == judge_batch(read_batch(value), denying, NOW_NS)


def test_what_is_carried_comes_out_as_it_went_in() -> None:
    event, exit_event = read_for_judging(encode(BATCH)).events
    assert isinstance(event, ProcessEvent)
    assert whole(event) == EVENT
    assert exit_event == EXIT
    assert isinstance(exit_event, ExitEvent)


def test_every_kind_is_carried_and_comes_out_as_it_went_in() -> None:
    read = read_for_judging(encode(ACT_BATCH)).events
    assert [is_carried(event) for event in read] == [not isinstance(event, ExitEvent) for event in read]
    assert tuple(event if isinstance(event, ExitEvent) else whole(event) for event in read) == (
        ACT_BATCH.events
    )


def test_what_is_judged_of_every_kind_is_the_same_as_of_the_whole_batch() -> None:
    unknown = replace(ACT_BATCH, workload=replace(ACT_BATCH.workload, complete=False))
    value = encode(unknown)
    judged = judge_batch(read_for_judging(value), PolicySet.empty(), NOW_NS)
    assert len(judged.verdicts) == len(ACT_BATCH.events) - 1
    assert judged == judge_batch(read_batch(value), PolicySet.empty(), NOW_NS)


@pytest.mark.parametrize("kind", get_args(JudgedEvent), ids=lambda kind: kind.__name__)
def test_no_kind_is_forgotten(kind: type[JudgedEvent]) -> None:
    assert any(type(event) is kind for event in ACT_BATCH.events)


def test_an_event_without_ancestors_is_whole_without_them() -> None:
    event = process_event(1)
    (read,) = read_for_judging(encode(batch([event]))).events
    assert isinstance(read, ProcessEvent)
    assert whole(read) == event


def test_an_event_that_does_not_say_who_executed_it_is_read_with_its_parent() -> None:
    silent = replace(whole_event(1, ALLOWED), source=None)
    (read,) = read_for_judging(encode(batch([silent]))).events
    assert read == silent


def broken(path: str) -> bytes:
    document = json.loads(encode(batch([whole_event(1, path)])))
    document["events"][0]["ancestors"] = [{"pid": "not a number"}]
    return json.dumps(document).encode()


def test_ancestors_of_another_shape_are_refused_where_they_would_be_told(denying: PolicySet) -> None:
    read = read_for_judging(broken(DENIED))
    with pytest.raises(RecordError) as refused:
        judge_batch(read, denying, NOW_NS)
    assert refused.value.code == "not-this-type"


def test_they_keep_no_event_that_passes_from_being_judged(denying: PolicySet) -> None:
    judged = judge_batch(read_for_judging(broken(ALLOWED)), denying, NOW_NS)
    assert (judged.events, judged.verdicts) == (1, ())


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "not-json"),
        (b"{", "not-json"),
        (encode(BATCH).replace(b'"ancestors":[', b'"ancestors":[,'), "not-json"),
        (b'{"schema":7}', "unknown-schema"),
        (b'{"schema":1}', "not-this-type"),
    ],
)
def test_what_cannot_be_read_has_the_same_code_as_when_read_whole(value: bytes | None, code: str) -> None:
    with pytest.raises(RecordError) as refused:
        read_for_judging(value)
    assert refused.value.code == code
