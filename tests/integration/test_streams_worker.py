"""A stream worker as a process, on a real broker: what goes in, what comes out, and what is acknowledged."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import msgspec
import pytest

from policy.changes import PolicyApplied, SettingsChanged
from tests.fixtures.ledgers import eventually
from tests.fixtures.records import ACT_BATCH
from tests.fixtures.stream_workers import (
    DENIED,
    Court,
    batch,
    blocking,
    ids,
    load,
    process_event,
    verdict_ids,
    workload,
)
from wire import codec, topic_admin
from wire.kafka import Kafka
from wire.partitions import partition_of


@pytest.fixture
def court(kafka_broker: str, tmp_path: Path) -> Court:
    return Court(kafka_broker, tmp_path)


def test_denials_become_verdicts_and_orders_in_the_order_of_events(court: Court) -> None:
    position = court.apply(blocking("no-denied", DENIED))
    batches = load(40)
    court.publish(*batches)
    wanted = verdict_ids(batches)
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: len(got) >= len(wanted))
        orders = court.orders(lambda got: len(got) >= len(wanted))
        assert worker.stop() == 0, worker.output
    assert {record.id for record in verdicts} == wanted
    assert {order.id for order in orders} == wanted
    assert all(record.policies.offset == position for record in verdicts)
    assert all(record.verdict.decision == "block" for record in verdicts)
    assert all(order.node == order.record.source.node == "node-1" for order in orders)
    for n in range(12):
        of_one = [r.event.sequence for r in verdicts if r.workload.id == workload(n).id]
        assert of_one == sorted(of_one)
    assert court.committed() == court.ends()


def test_what_passes_and_what_only_ended_is_not_sent(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    court.publish(batch([process_event(n) for n in range(50)]), batch([process_event(50, DENIED)]))
    with court.worker() as worker:
        verdicts = court.verdicts(bool)
        assert worker.stop() == 0, worker.output
    assert [record.event.sequence for record in verdicts] == [50]


def test_every_kind_of_event_goes_the_whole_way(court: Court) -> None:
    unknown = msgspec.structs.replace(ACT_BATCH, workload=workload(1, complete=False))
    court.publish(unknown)
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: len(got) >= len(ACT_BATCH.events) - 1)
        assert worker.stop() == 0, worker.output
    assert tuple(record.event for record in verdicts) == ACT_BATCH.events[:-1]
    assert court.committed() == court.ends()


def test_throttled_alerts_are_said_when_their_silence_is_over_and_nothing_else_comes(court: Court) -> None:
    denying = blocking("watch", DENIED)
    watching = msgspec.Raw(bytes(denying.document).replace(b'"Block"', b'"Audit"'))
    court.apply(PolicyApplied(document=watching))
    court.apply(SettingsChanged(alert_throttling=True, max_alert_per_sec=2, throttle_sec=1))
    court.publish(batch([process_event(n, DENIED) for n in range(9)]))
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: len(got) >= 2)
        eventually("the worker says what it kept back", lambda: "7 further process alerts" in worker.output)
        assert worker.stop() == 0, worker.output
    assert [record.event.sequence for record in verdicts] == [0, 1]
    assert court.committed() == court.ends()


def test_an_incomplete_identity_is_told_and_never_ordered(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    unknown = batch([process_event(1, DENIED)], of=workload(1, complete=False))
    known = batch([process_event(2, DENIED)], of=workload(2))
    court.publish(unknown, known)
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: len(got) >= 2)
        orders = court.orders(bool)
        assert worker.stop() == 0, worker.output
    assert {r.event.sequence: r.verdict.decision for r in verdicts} == {1: "unknown", 2: "block"}
    assert [order.record.event.sequence for order in orders] == [2]


def test_bad_records_become_dead_letters_and_everything_else_goes_on(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    good = batch([process_event(1, DENIED)])
    partition = partition_of(good.workload.id.encode(), court.topics.event_partitions)
    newer = codec.encode(good).replace(b'"schema":1', b'"schema":2', 1)
    bad = {
        b"\xff\x00not json": "not-json",
        b'{"schema":1,"node":"x"}': "not-this-type",
        newer: "unknown-schema",
        b'{"schema":1,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}": "too-deep",
        None: "not-json",
    }
    for value in bad:
        court.produce(value, key=b"original", partition=partition)
    court.publish(good)
    with court.worker() as worker:
        letters = court.dead_letters(lambda got: len(got) >= len(bad))
        verdicts = court.verdicts(bool)
        assert worker.stop() == 0, worker.output
    assert [letter.reason for letter in letters] == list(bad.values())
    assert [letter.value for letter in letters] == [value or b"" for value in bad]
    assert [(letter.partition, letter.offset) for letter in letters] == [
        (partition, n) for n in range(len(bad))
    ]
    assert ids(verdicts) == verdict_ids([good])
    assert court.committed() == court.ends()


def test_a_verdict_larger_than_its_topic_takes_is_put_aside_and_the_next_one_goes_on(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    # Compressed it passes on the way in; what comes of it is larger than a verdict may be.
    huge = batch([msgspec.structs.replace(process_event(1, DENIED), args=("x" * 1_100_000,))])
    court.publish(huge, batch([process_event(2, DENIED)]))
    with court.worker() as worker:
        letters = court.dead_letters(lambda got: len(got) >= 2)
        verdicts = court.verdicts(bool)
        assert worker.stop() == 0, worker.output
    assert {letter.reason for letter in letters} == {"verdict-too-large", "order-too-large"}
    assert [record.event.sequence for record in verdicts] == [2]


def test_a_policy_change_begins_an_epoch_at_the_first_batch_it_judges(court: Court) -> None:
    first = court.apply(blocking("no-denied", DENIED))
    court.publish(batch([process_event(1, DENIED)]), batch([process_event(2, DENIED)]))
    with court.worker() as worker:
        court.verdicts(lambda got: len(got) >= 2)
        second = court.apply(blocking("no-other", "/usr/bin/other"))
        sent = 2
        # The follower needs a moment; until it has the change, batches are judged by the set before.
        while True:
            sent += 1
            court.publish(batch([process_event(sent, DENIED)]))
            verdicts = court.verdicts(lambda got: len(got) >= sent)  # noqa: B023
            if verdicts[-1].policies.offset == second:
                break
        court.publish(batch([process_event(sent + 1, DENIED)]))
        verdicts = court.verdicts(lambda got: len(got) >= sent + 1)
        epochs = court.epochs(lambda got: len(got) >= 2)
        assert worker.stop() == 0, worker.output
    partition = partition_of(workload().id.encode(), court.topics.event_partitions)
    # One event a batch, so a verdict's place in its topic is its batch's offset.
    changed_at = next(n for n, record in enumerate(verdicts) if record.policies.offset == second)
    assert [(e.partition, e.events_offset, e.policies.offset) for e in epochs] == [
        (partition, 0, first),
        (partition, changed_at, second),
    ]
    assert [r.policies for r in verdicts] == [
        epochs[0 if n < changed_at else 1].policies for n in range(len(verdicts))
    ]
    assert all(epoch.worker == "worker-0" for epoch in epochs)


def test_a_worker_makes_no_topics(court: Court) -> None:
    before = set(topic_admin.partition_counts(court.kafka))
    with court.worker() as worker:
        worker.wait_until_ready()
        assert worker.stop() == 0, worker.output
    made = set(topic_admin.partition_counts(court.kafka)) - before
    assert made <= {"__consumer_offsets"}


def test_a_judge_that_raises_stops_the_worker_and_loses_nothing(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    one_workload = load(30, workloads=1)
    poison = batch([process_event(10_000, "/usr/bin/poison"), process_event(10_001, DENIED)])
    after = load(30, workloads=1, first=20_000)
    court.publish(*one_workload, poison, *after)
    partition = partition_of(workload().id.encode(), court.topics.event_partitions)
    with court.worker(wait=False, raise_on="/usr/bin/poison") as worker:
        assert worker.wait() != 0
    assert "this judge cannot bear /usr/bin/poison" in worker.output
    assert f"offset={len(one_workload)}" in worker.output
    assert court.committed()[partition] <= len(one_workload)
    wanted = verdict_ids([*one_workload, poison, *after])
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: ids(got) >= wanted)
        assert worker.stop() == 0, worker.output
    assert ids(verdicts) == wanted
    assert court.committed() == court.ends()


def test_sigterm_in_the_middle_of_the_load_loses_nothing(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    batches = load(400)
    court.publish(*batches)
    wanted = verdict_ids(batches)
    for stop in range(1, 4):
        with court.worker(pause_s=0.01) as worker:
            court.verdicts(lambda got: len(ids(got)) >= stop * len(wanted) // 5)  # noqa: B023
            assert worker.stop() == 0, worker.output
        done = sum(court.committed().values())
        assert 0 < done < len(batches)
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: ids(got) >= wanted)
        assert worker.stop() == 0, worker.output
    assert ids(verdicts) == wanted
    # A graceful stop waits for its deliveries and commits, so nothing had to be judged twice.
    assert len(verdicts) == len(wanted)
    assert court.committed() == court.ends()


def test_kill_9_in_the_middle_of_the_load_loses_nothing(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    batches = load(400)
    court.publish(*batches)
    wanted = verdict_ids(batches)
    with court.worker(pause_s=0.01) as worker:
        court.verdicts(lambda got: len(got) >= len(wanted) // 3)
        worker.signal(signal.SIGKILL)
        assert worker.wait() == -signal.SIGKILL
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: ids(got) >= wanted)
        assert worker.stop() == 0, worker.output
    assert ids(verdicts) == wanted


def test_without_brokers_a_worker_says_so_and_fails(court: Court) -> None:
    with socket.socket() as bound_and_deaf:
        bound_and_deaf.bind(("127.0.0.1", 0))
        nowhere = bound_and_deaf.getsockname()[1]
    court.kafka = Kafka(bootstrap=f"127.0.0.1:{nowhere}")
    with court.worker(wait=False, catch_up_timeout_s=2.0) as worker:
        assert worker.wait() == 3
    assert "could not be read within 2 s" in worker.output
