"""Several workers, and brokers that die: every denial is still told, and all judge by the same policies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lictor.runtime.state import find_live
from tests.fixtures.runtime import running
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
from wire.records import EventBatch

OTHER = "/usr/bin/other"


def test_two_workers_judge_by_the_same_policies_also_after_one_was_killed(
    kafka_broker: str, tmp_path: Path
) -> None:
    court = Court(kafka_broker, tmp_path)
    court.apply(blocking("no-denied", DENIED))
    with court.worker("worker-0"), court.worker("worker-1") as killed:
        before = load(200)
        court.publish(*before)
        court.verdicts(lambda got: ids(got) >= verdict_ids(before))
        in_between = load(200, first=100_000)
        court.publish(*in_between)
        killed.signal(signal.SIGKILL)
        assert killed.wait() == -signal.SIGKILL
        with court.worker("worker-1") as again:
            changed = court.apply(blocking("no-denied", DENIED, OTHER))
            sent = until_both_judge_by(court, changed)
            newly_denied = [batch([process_event(900_000 + n, OTHER)], of=workload(n)) for n in range(12)]
            court.publish(*newly_denied)
            everything = [*before, *in_between, *sent]
            wanted = verdict_ids(everything) | verdict_ids(newly_denied, OTHER)
            verdicts = court.verdicts(lambda got: ids(got) >= wanted)
            assert again.stop() == 0, again.output
    assert ids(verdicts) == wanted


def until_both_judge_by(court: Court, position: int) -> list[EventBatch]:
    """Publish until both workers have said that they use the policy set at `position`."""
    sent: list[EventBatch] = []
    for round_number in range(60):
        batches = load(24, first=200_000 + round_number * 1_000)
        court.publish(*batches)
        sent += batches
        court.verdicts(lambda got: ids(got) >= verdict_ids(batches))  # noqa: B023
        epochs = court.epochs(bool)
        using = {epoch.worker for epoch in epochs if epoch.policies.offset == position}
        if using == {"worker-0", "worker-1"}:
            return sent
    pytest.fail(f"of two workers, {using} came to judge by the new policies")


@pytest.fixture
def mortal_broker() -> Iterator[tuple[str, int]]:
    """A broker that nobody else uses, so that it may be killed: `host:port` and process id."""
    with running(kafka=True) as servers:
        assert servers.broker is not None
        live = find_live(servers.broker.state.root)
        assert live is not None
        yield servers.broker.bootstrap, live.pids["kafka"]


def test_a_broker_that_is_killed_and_comes_back_in_the_middle_of_the_load(
    mortal_broker: tuple[str, int], tmp_path: Path
) -> None:
    bootstrap, pid = mortal_broker
    court = Court(bootstrap, tmp_path)
    court.apply(blocking("no-denied", DENIED))
    first, second, third = load(400), load(100, first=100_000), load(100, first=200_000)
    court.publish(*first)
    with court.worker(pause_s=0.005) as worker:
        court.verdicts(lambda got: len(got) >= 100)
        os.kill(pid, signal.SIGKILL)
        for one in second:
            court.queue(one)
        court.flush()
        court.publish(*third)
        wanted = verdict_ids([*first, *second, *third])
        verdicts = court.verdicts(lambda got: ids(got) >= wanted)
        assert worker.stop() == 0, worker.output
    assert ids(verdicts) == wanted
    assert court.committed() == court.ends()


def test_a_worker_ends_when_asked_to_while_brokers_do_not_answer(
    mortal_broker: tuple[str, int], tmp_path: Path
) -> None:
    bootstrap, pid = mortal_broker
    court = Court(bootstrap, tmp_path)
    court.apply(blocking("no-denied", DENIED))
    batches = load(200)
    court.publish(*batches)
    wanted = verdict_ids(batches)
    with court.worker(pause_s=0.01) as worker:
        court.verdicts(lambda got: len(got) >= 50)
        os.kill(pid, signal.SIGSTOP)
        try:
            worker.signal(signal.SIGTERM)
            worker.wait()
        finally:
            os.kill(pid, signal.SIGCONT)
    with court.worker() as worker:
        verdicts = court.verdicts(lambda got: ids(got) >= wanted)
        assert worker.stop() == 0, worker.output
    assert ids(verdicts) == wanted
    assert court.committed() == court.ends()
