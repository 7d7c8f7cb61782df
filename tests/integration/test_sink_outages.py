"""Elasticsearch or the broker killed with -9 in mid-load, and started again by their supervisor."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from dashboards import metrics
from dashboards.sink import Limits
from lictor.runtime.elasticsearch import server_pid
from lictor.runtime.state import find_live
from tests.fixtures.runtime import running
from tests.fixtures.sinks import Desk, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lictor.runtime.servers import Servers


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """A broker and an Elasticsearch that may be killed: nobody else uses them."""
    with running(kafka=True, elasticsearch=True) as servers:
        yield servers


@pytest.fixture
def desk(servers: Servers) -> Desk:
    assert servers.bootstrap is not None
    assert servers.url is not None
    return Desk(servers.bootstrap, servers.url)


def pid_of(servers: Servers, name: str) -> int:
    assert servers.elasticsearch is not None
    live = find_live(servers.elasticsearch.state.root)
    assert live is not None
    return live.pids[name]


def value(metric: object) -> float:
    return float(metric._value.get())  # type: ignore[attr-defined]


def test_elasticsearch_killed_in_the_middle_of_a_load(desk: Desk, servers: Servers) -> None:
    records = desk.records(range(12_000))
    desk.publish(*records)
    limits = Limits(batch_documents=100, wait_s=0.05, commit_s=0.2, batches=4)
    with desk.sink(limits):
        eventually("some is stored", lambda: desk.counts(records)[1] > 300)
        server = server_pid(pid_of(servers, "elasticsearch"))
        assert server is not None
        os.kill(server, signal.SIGKILL)
        eventually("reading stands still", lambda: value(metrics.paused) == 1)
        assert value(metrics.elasticsearch_up) == 0
        assert value(metrics.batches_waiting) == limits.batches
        desk.wait_until_done()
        assert value(metrics.paused) == 0
    assert desk.counts(records) == {1: len(records)}


def test_broker_killed_in_the_middle_of_a_load(desk: Desk, servers: Servers) -> None:
    records = desk.records(range(6000))
    desk.publish(*records)
    with desk.sink(Limits(batch_documents=100, wait_s=0.05, commit_s=0.2)):
        eventually("some is stored", lambda: desk.counts(records)[1] > 300)
        os.kill(pid_of(servers, "kafka"), signal.SIGKILL)
        eventually("all is stored", lambda: desk.counts(records) == {1: len(records)})
        later = desk.records(range(6000, 6100))
        desk.publish(*later)
        desk.wait_until_done()
    assert desk.counts([*records, *later]) == {1: len(records) + len(later)}
