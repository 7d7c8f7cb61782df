"""Sinks that die, come and go: nothing is lost, and nothing is stored twice, a rollover included."""

from __future__ import annotations

import signal
import subprocess
import threading
import time

import pytest

from dashboards.elastic import Elastic
from dashboards.service import SinkConfig, run_sink
from dashboards.sink import Limits
from tests.fixtures.sinks import WITHIN_S, Desk, eventually
from wire.kafka import Kafka
from wire.topic_admin import TopicError
from wire.topics import Topics

NEVER_COMMITS = "3600"


@pytest.fixture
def desk(kafka_broker: str, elasticsearch_url: str) -> Desk:
    return Desk(kafka_broker, elasticsearch_url)


def test_killed_before_it_committed_and_after_a_rollover_stores_nothing_twice(desk: Desk) -> None:
    first, second = desk.records(range(1200)), desk.records(range(1200, 1600))
    desk.publish(*first)
    with desk.process("--commit-s", NEVER_COMMITS) as process:
        eventually("all is stored", lambda: desk.counts(first) == {1: len(first)})
        process.send_signal(signal.SIGKILL)
    assert desk.committed() == {}
    desk.roll_over()
    desk.publish(*second)
    with desk.sink():
        desk.wait_until_done()
    assert desk.counts([*first, *second]) == {1: len(first) + len(second)}


def test_killed_in_the_middle_of_a_load_loses_nothing(desk: Desk) -> None:
    records = desk.records(range(6000))
    desk.publish(*records)
    with desk.process() as process:
        eventually("some is stored", lambda: desk.counts(records)[1] > 500)
        process.send_signal(signal.SIGKILL)
    with desk.process() as process:
        desk.wait_until_done()
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    assert desk.counts(records) == {1: len(records)}


def test_two_sinks_share_the_work_and_either_may_leave(desk: Desk) -> None:
    batches = [desk.records(range(start, start + 1500)) for start in range(0, 6000, 1500)]
    desk.publish(*batches[0])
    with desk.sink():
        desk.publish(*batches[1])
        with desk.sink():
            desk.publish(*batches[2])
            time.sleep(0.5)  # so that the second one has read something when it leaves
        desk.publish(*batches[3])
        desk.wait_until_done()
    everything = [record for batch in batches for record in batch]
    assert desk.counts(everything) == {1: len(everything)}


def test_stop_in_the_middle_commits_what_is_done_and_no_more(desk: Desk) -> None:
    records = desk.records(range(4000))
    desk.publish(*records)
    with desk.sink(Limits(batch_documents=100, wait_s=0.05, commit_s=3600.0)):
        eventually("some is stored", lambda: desk.counts(records)[1] > 200)
    committed = sum(desk.committed().values())
    stored = desk.counts(records)
    assert 0 < committed <= stored[1]
    assert set(stored) <= {0, 1}
    with desk.sink():
        desk.wait_until_done()
    assert desk.counts(records) == {1: len(records)}


def test_service_ends_by_itself_where_there_are_no_topics(kafka_broker: str, elasticsearch_url: str) -> None:
    config = SinkConfig(
        kafka=Kafka(bootstrap=kafka_broker),
        elastic=Elastic(url=elasticsearch_url),
        topics=Topics(prefix="nobody-made-these"),
    )
    with pytest.raises(TopicError, match="lictor topics create"):
        run_sink(config, threading.Event(), threading.Event())


@pytest.mark.parametrize("options", [(), ("--no-install",)], ids=["installing", "writing"])
def test_stops_in_time_while_elasticsearch_is_away(desk: Desk, options: tuple[str, ...]) -> None:
    """Nothing listens on the port: the sink waits for Elasticsearch, and still ends when it is told to."""
    desk.publish(*desk.records(range(10)))
    real, desk.url = desk.url, "http://127.0.0.1:9"
    with desk.process(*options) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WITHIN_S) == 0
    assert set(desk.committed().values()) <= {0}
    desk.url = real
    with desk.sink():
        desk.wait_until_done()
    assert desk.counts(desk.records(range(10))) == {1: 13}


def test_sink_that_was_frozen_comes_back_without_harm(desk: Desk) -> None:
    """Its session ends while it is frozen, its partitions go to another, and then it wakes up."""
    first, second = desk.records(range(6000)), desk.records(range(6000, 6400))
    desk.publish(*first)
    with desk.process() as frozen:
        eventually("some is stored", lambda: desk.counts(first)[1] > 500)
        frozen.send_signal(signal.SIGSTOP)
        with desk.sink():
            desk.wait_until_done()
            frozen.send_signal(signal.SIGCONT)
            desk.publish(*second)
            desk.wait_until_done()
        third = desk.records(range(6400, 6500))
        desk.publish(*third)
        desk.wait_until_done()
        frozen.send_signal(signal.SIGTERM)
        assert frozen.wait(WITHIN_S) == 0
    everything = [*first, *second, *third]
    assert desk.counts(everything) == {1: len(everything)}
