"""The broker is killed under a sensor that publishes: what the sensor received arrives, once."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lictor.runtime.errors import AccountError, ArtifactError, NoJdkError
from lictor.runtime.servers import find_servers
from lictor.runtime.state import LocalState, find_live
from policy.events import ProcessEvent
from sensors.health import is_balanced
from tests.fixtures.kernel_events import needs_kernel
from tests.fixtures.runtime import held, state_folder
from tests.fixtures.sensors import Node
from wire.records import EventBatch, event_id

pytestmark = needs_kernel

COUNT = 1500


@contextmanager
def own_broker() -> Iterator[tuple[str, int]]:
    """A supervised broker of the test's own: where it is, and its pid now."""
    with state_folder() as root:
        try:
            state = LocalState.at(root)
            with state:
                servers = find_servers(state, kafka=True, elasticsearch=False, secured=False)
                with held(state, servers):
                    live = find_live(root)
                    assert live is not None
                    assert servers.bootstrap is not None
                    yield servers.bootstrap, live.pids["kafka"]
        except (AccountError, ArtifactError, NoJdkError) as error:
            pytest.skip(str(error))


def test_a_broker_killed_in_mid_load_loses_and_doubles_nothing() -> None:
    with own_broker() as (bootstrap, broker):
        node = Node(bootstrap)
        with node.sensor("--run-as", "nobody") as sensor:
            script = f"i=0; while [ $i -lt {COUNT} ]; do /bin/true outage; i=$((i+1)); done"
            with subprocess.Popen(["sh", "-c", script]) as load:
                node.batches(lambda batches: sum(len(batch.events) for batch in batches) > 200)
                os.kill(broker, signal.SIGKILL)
                assert load.wait(60) == 0
            # Whoever answers now is the broker that was started again.
            batches = node.batches(
                lambda batches: sum("outage" in event.args for event in programs(batches)) >= COUNT
            )
            assert sensor.stop() == 0, sensor.output
        balance = node.all_health()[-1].rings["process"]
        batches = node.all_batches()
    assert is_balanced(balance)
    assert balance.lost == balance.unpublished == 0
    ids = [event_id(batch.source, event) for batch in batches for event in batch.events]
    assert len(ids) == len(set(ids)) == balance.published
    assert sum("outage" in event.args for event in programs(batches)) == COUNT


def programs(batches: list[EventBatch]) -> list[ProcessEvent]:
    return [event for batch in batches for event in batch.events if isinstance(event, ProcessEvent)]
