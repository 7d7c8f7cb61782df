"""The hard case: Elasticsearch and the sink killed with -9 while records flow, and rollovers in between.

Whatever dies, and when, each verdict and each event is stored, and none is stored twice. The sink never
commits while it is watched, so that all of it is delivered again to the next one.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from dashboards.documents import VERDICTS_STREAM
from dashboards.event_documents import EVENTS_STREAM
from lictor.runtime.elasticsearch import server_pid
from lictor.runtime.state import find_live
from tests.fixtures.runtime import running
from tests.fixtures.sinks import WITHIN_S, Desk, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lictor.runtime.servers import Servers
    from wire.records import EventBatch, Outcome, VerdictRecord

pytestmark = pytest.mark.timeout(600)

NEVER_COMMITS = ("--commit-s", "3600")
PAUSE_S = 0.1
VERDICTS_A_TIME = 40
BATCHES_A_TIME = 2


@pytest.fixture
def servers() -> Iterator[Servers]:
    """A broker and an Elasticsearch that may be killed, once: their pids are published when they start."""
    with running(kafka=True, elasticsearch=True) as servers:
        yield servers


@pytest.fixture
def desk(servers: Servers) -> Desk:
    assert servers.bootstrap is not None
    assert servers.url is not None
    return Desk(servers.bootstrap, servers.url, store_events=True)


class Flow:
    """Records that go on arriving, in a thread, until the context ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow", daemon=True)
        self.records: list[VerdictRecord | Outcome] = []
        self.batches: list[EventBatch] = []

    def _run(self) -> None:
        turn = 0
        while not self._stop.wait(PAUSE_S):
            records = self._desk.records(range(turn * VERDICTS_A_TIME, (turn + 1) * VERDICTS_A_TIME))
            batches = self._desk.batches(range(turn * BATCHES_A_TIME, (turn + 1) * BATCHES_A_TIME), events=20)
            self._desk.publish(*records)
            self._desk.publish_batches(batches)
            self.records += records
            self.batches += batches
            turn += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._thread.join(WITHIN_S)
        assert not self._thread.is_alive()

    def wait_for_more(self) -> None:
        """Until some of what is published from now on is stored, of either kind."""
        before = len(self.records), len(self.batches)
        eventually("verdicts arrive", lambda: self._desk.counts(self.records[before[0] :])[1] > 0)
        eventually("events arrive", lambda: self._desk.event_counts(self.batches[before[1] :])[1] > 0)

    def assert_exactly_once(self) -> None:
        assert self._desk.counts(self.records) == {1: len(self.records)}
        events = sum(len(batch.events) for batch in self.batches)
        assert self._desk.event_counts(self.batches) == {1: events}


def kill_elasticsearch(servers: Servers) -> None:
    assert servers.elasticsearch is not None
    live = find_live(servers.elasticsearch.state.root)
    assert live is not None
    server = server_pid(live.pids["elasticsearch"])
    assert server is not None
    os.kill(server, signal.SIGKILL)


def roll_over(desk: Desk) -> None:
    """Waits for Elasticsearch, should it be away."""
    desk.roll_over(VERDICTS_STREAM)
    desk.roll_over(EVENTS_STREAM)


def finish(desk: Desk) -> None:
    """A sink that stores and commits all that is left, and ends when it is told to."""
    with desk.process() as process:
        desk.wait_until_done()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0


def test_elasticsearch_and_sink_killed_in_turn_and_a_rollover_before_redelivery(
    desk: Desk, servers: Servers
) -> None:
    flow = Flow(desk)
    with flow.running():
        with desk.process(*NEVER_COMMITS) as process:
            flow.wait_for_more()
            kill_elasticsearch(servers)
            flow.wait_for_more()
            process.send_signal(signal.SIGKILL)
            process.wait(WITHIN_S)
        assert desk.committed() == {}
        roll_over(desk)
        with desk.process(*NEVER_COMMITS) as process:
            flow.wait_for_more()
            process.send_signal(signal.SIGKILL)
            process.wait(WITHIN_S)
        roll_over(desk)
    finish(desk)
    flow.assert_exactly_once()


def test_rollover_between_requests_without_an_answer_and_their_repetition(
    desk: Desk, servers: Servers
) -> None:
    """The sink is frozen from Elasticsearch's death until the rollover: what it repeats, it repeats after."""
    flow = Flow(desk)
    with desk.process(*NEVER_COMMITS) as process:
        with flow.running():
            flow.wait_for_more()
            process.send_signal(signal.SIGSTOP)
            kill_elasticsearch(servers)
            roll_over(desk)
            process.send_signal(signal.SIGCONT)
            flow.wait_for_more()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    finish(desk)
    flow.assert_exactly_once()
