from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.events import Executable, ProcessEvent
from policy.workload import Workload
from sensors.batches import Batch, BatchAssembler
from wire.codec import read_batch
from wire.records import Source
from wire.seal import is_sealed

SOURCE = Source(node="n1", boot_id="b", incarnation="0" * 16)
KEY = b"k" * 32


def workload(name: str, namespace: str = "") -> Workload:
    return Workload(id=f"n1/{name}", node="n1", kind="container", namespace=namespace)


def event(sequence: int, argument: str = "") -> ProcessEvent:
    return ProcessEvent(
        cpu=0,
        sequence=sequence,
        time_ns=1,
        boot_ns=1,
        pid=1,
        start_ns=1,
        executable=Executable(path="/bin/x"),
        args=("x", argument),
    )


def sequences(batches: list[Batch]) -> list[list[int]]:
    return [[event.sequence for event in read_batch(batch.value).events] for batch in batches]


def test_a_quiet_node_sends_batches_of_one() -> None:
    assembler = BatchAssembler(SOURCE, None)
    assert assembler.add(workload("a"), event(1)) == ()
    (batch,) = assembler.flush()
    assert batch.key == b"n1/a"
    assert batch.events == 1
    decoded = read_batch(batch.value)
    assert decoded.source == SOURCE
    assert decoded.workload == workload("a")
    assert decoded.events == (event(1),)
    assert assembler.flush() == ()


def test_one_batch_a_workload_in_order() -> None:
    assembler = BatchAssembler(SOURCE, None)
    for sequence in range(10):
        assert assembler.add(workload("ab"[sequence % 2]), event(sequence)) == ()
    batches = list(assembler.flush())
    assert sequences(batches) == [[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]


def test_closed_at_the_bound_of_events() -> None:
    assembler = BatchAssembler(SOURCE, None, max_events=3)
    closed = [batch for n in range(7) for batch in assembler.add(workload("a"), event(n))]
    assert sequences(closed) == [[0, 1, 2], [3, 4, 5]]
    assert sequences(list(assembler.flush())) == [[6]]


def test_no_batch_is_larger_than_its_bound() -> None:
    assembler = BatchAssembler(SOURCE, KEY, max_bytes=10_000)
    closed = [batch for n in range(50) for batch in assembler.add(workload("a"), event(n, "\x01" * 300))]
    closed += assembler.flush()
    assert [n for batch in sequences(closed) for n in batch] == list(range(50))
    head = len(msgspec.json.encode(SOURCE)) + 100
    assert all(len(batch.value) <= 10_000 + head for batch in closed)
    assert len(closed) > 5


def test_an_event_larger_than_the_bound_goes_alone() -> None:
    assembler = BatchAssembler(SOURCE, None, max_bytes=2_000)
    closed = list(assembler.add(workload("a"), event(0)))
    closed += assembler.add(workload("a"), event(1, "x" * 5_000))
    closed += assembler.add(workload("a"), event(2))
    closed += assembler.flush()
    assert sequences(closed) == [[0], [1], [2]]


def test_identity_that_arrives_between_events_starts_a_new_batch() -> None:
    assembler = BatchAssembler(SOURCE, None)
    late = workload("a", namespace="dvwa")
    assert assembler.add(workload("a"), event(0)) == ()
    (first,) = assembler.add(late, event(1))
    (second,) = assembler.flush()
    assert sequences([first, second]) == [[0], [1]]
    assert read_batch(first.value).workload.namespace == ""
    assert read_batch(second.value).workload == late


@pytest.mark.parametrize("key", [None, KEY])
def test_sealed_where_there_is_a_key(key: bytes | None) -> None:
    assembler = BatchAssembler(SOURCE, key)
    assembler.add(workload("a"), event(0, "\x1b[31m \\xff ü"))
    decoded = read_batch(assembler.flush()[0].value)
    assert is_sealed(KEY, decoded.source, decoded.workload.id, decoded.events[0]) == (key is not None)
    other = msgspec.structs.replace(decoded.events[0], pid=2)
    assert not is_sealed(KEY, decoded.source, decoded.workload.id, other)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400)), max_size=60), st.integers(1, 7))
def test_nothing_is_lost_doubled_or_reordered(steps: list[tuple[str, int]], max_events: int) -> None:
    assembler = BatchAssembler(SOURCE, KEY, max_events=max_events, max_bytes=1_500)
    batches: list[Batch] = []
    for sequence, (name, size) in enumerate(steps):
        batches += assembler.add(workload(name), event(sequence, "x" * size))
    batches += assembler.flush()
    for name in "abc":
        own = [batch for batch in batches if batch.key == f"n1/{name}".encode()]
        expected = [sequence for sequence, (of, _) in enumerate(steps) if of == name]
        assert [n for batch in sequences(own) for n in batch] == expected
    assert all(batch.events <= max_events for batch in batches)
