"""The sensor whole: real kernel, real broker, its process started, stopped and killed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from policy.events import ExitEvent, ProcessEvent
from sensors.health import is_balanced
from tests.fixtures.kernel_events import needs_kernel
from tests.fixtures.sensors import KEY, Node, cgroup, run_inside
from wire.health import summed
from wire.records import EventBatch, event_id
from wire.seal import is_sealed

pytestmark = needs_kernel

RUN_TRUE = "i=0; while [ $i -lt {count} ]; do /bin/true {mark}; i=$((i+1)); done"


def marked(batches: list[EventBatch], mark: str) -> list[ProcessEvent]:
    return [
        event
        for batch in batches
        for event in batch.events
        if isinstance(event, ProcessEvent) and mark in event.args
    ]


def test_a_burst_of_2000_execs_balances_exactly(kafka_broker: str) -> None:
    node = Node(kafka_broker)
    with cgroup() as folder, node.sensor("--run-as", "nobody") as sensor:
        run_inside(folder, RUN_TRUE.format(count=2000, mark="burst"))
        node.batches(lambda batches: len(marked(batches, "burst")) >= 2000)
        assert sensor.stop() == 0, sensor.output
    health = node.all_health()
    balance = health[-1].rings["process"]
    assert is_balanced(balance)
    assert balance.lost == balance.unpublished == 0
    assert balance.received >= 4000, "their ends are seen as well"
    assert len(health) >= 2
    assert summed(record.interval["process"] for record in health) == balance
    events = [(batch, event) for batch in node.all_batches() for event in batch.events]
    assert len(events) == balance.published
    assert len({event_id(batch.source, event) for batch, event in events}) == len(events)
    assert all(is_sealed(KEY, batch.source, batch.workload.id, event) for batch, event in events)
    burst = [(batch, event) for batch, event in events if batch.workload.cgroup == f"/{folder.name}"]
    assert {batch.workload.id for batch, _ in burst} == {f"{node.name}/{folder.name}"}
    assert sum(isinstance(event, ProcessEvent) and "burst" in event.args for _, event in burst) == 2000
    assert sum(isinstance(event, ExitEvent) for _, event in burst) == 2001


def test_killed_and_started_again_no_event_id_repeats(kafka_broker: str) -> None:
    node = Node(kafka_broker)
    with node.sensor() as first:
        subprocess.run(["sh", "-c", RUN_TRUE.format(count=50, mark="first")], check=True)
        node.batches(lambda batches: len(marked(batches, "first")) >= 50)
        first.kill()
    with node.sensor() as second:
        subprocess.run(["sh", "-c", RUN_TRUE.format(count=50, mark="second")], check=True)
        batches = node.batches(lambda batches: len(marked(batches, "second")) >= 50)
        assert second.stop() == 0, second.output
    ids = [event_id(batch.source, event) for batch in batches for event in batch.events]
    assert len(set(ids)) == len(ids)
    assert len({batch.source.incarnation for batch in batches}) == 2
    assert len({batch.source.boot_id for batch in batches}) == 1


def test_an_identity_that_arrives_while_it_runs(kafka_broker: str, tmp_path: Path) -> None:
    node = Node(kafka_broker)
    identities = tmp_path / "identities.yaml"
    identities.write_text("workloads: []\n")
    with cgroup() as folder, node.sensor("--identity-map", str(identities)) as sensor:
        run_inside(folder, "/bin/true before")
        node.batches(lambda batches: bool(marked(batches, "before")))
        identities.write_text(
            f"workloads:\n- cgroup: /{folder.name}\n  namespace: dvwa\n  pod: web-0\n  labels: {{app: web}}\n"
        )

        def complete(batches: list[EventBatch]) -> bool:
            if not any(batch.workload.complete for batch in batches if marked([batch], "after")):
                run_inside(folder, "/bin/true after")
                return False
            return True

        batches = node.batches(complete)
        assert sensor.stop() == 0, sensor.output
    before = next(batch.workload for batch in batches if marked([batch], "before"))
    after = next(b.workload for b in reversed(batches) if marked([b], "after") and b.workload.complete)
    assert not before.complete
    assert before.labels == {}
    assert (after.id, after.cgroup) == (before.id, before.cgroup)
    assert (after.namespace, after.pod, after.labels) == ("dvwa", "web-0", {"app": "web"})


def test_privileges_are_gone_and_secrets_stay_on_the_node(kafka_broker: str) -> None:
    node = Node(kafka_broker)
    with node.sensor("--run-as", "nobody") as sensor:
        status = sensor.status()
        assert {status[field] for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert "0" not in status["Uid"].split()
        subprocess.run(["/bin/true", "secrets", "--password", "hunter2", b"\xff\x1b[31m"], check=True)
        batches = node.batches(lambda batches: bool(marked(batches, "secrets")))
        assert sensor.stop() == 0, sensor.output
    (event,) = marked(batches, "secrets")
    assert event.args == ("/bin/true", "secrets", "--password", "[redacted]", "\\xff\x1b[31m")
    assert event.args_redacted


def test_absent_topics_end_it_with_what_to_do(kafka_broker: str) -> None:
    node = Node(kafka_broker, create=False)
    with (
        pytest.raises(AssertionError, match="does not exist: `lictor topics create` makes it"),
        node.sensor(),
    ):
        pass
