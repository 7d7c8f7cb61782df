"""Health records of services that run, on a real broker: what they did, and what waits for them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from lictor.runtime import ports
from policy.changes import NamespaceChanged
from tests.documented import metrics
from tests.fixtures.sinks import Desk, eventually
from tests.fixtures.stream_workers import (
    DENIED,
    NAMESPACE,
    Court,
    blocking,
    load,
    process_event,
    workload,
)
from tests.fixtures.stream_workers import batch as batch_of
from tests.fixtures.verdict_records import outcome
from wire.codec import read_health
from wire.records import ServiceHealth


@pytest.fixture
def court(kafka_broker: str, tmp_path: Path) -> Court:
    return Court(kafka_broker, tmp_path)


def summed(records: list[ServiceHealth]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for record in records:
        counts.update(record.counts)
    return dict(counts)


def test_a_worker_tells_what_it_judged_and_how_namespaces_stand(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    position = court.apply(
        NamespaceChanged(
            namespace=NAMESPACE, annotations={"kubearmor-file-posture": "block"}, enforcement="terminate"
        )
    )
    court.publish(*load(40, size=8, denied_every=4, workloads=3))
    court.publish(batch_of([process_event(1000)], of=workload(9, complete=False)))
    court.produce(b"not json")
    court.flush()
    with court.worker(health_s=0.2) as worker:
        records = court.health(lambda got: summed(got).get("received", 0) >= 42)
        assert worker.stop() == 0, worker.output
    records = court.health(lambda got: len(got) > len(records))
    assert summed(records) == {
        "received": 42,
        "judged": 321,
        "denied": 80,
        "alerted": 1,
        "suppressed": 0,
        "orders": 80,
        "dead_letters": 1,
        "untold": 1,
    }
    assert {(one.service, one.node, one.instance) for one in records} == {("streams", "node-1", "worker-0")}
    assert len({one.incarnation for one in records}) == 1
    assert records[-1].policies is not None
    assert records[-1].policies.offset == position
    standings = [standing for record in records for standing in record.namespaces]
    assert {standing.namespace for standing in standings} == {NAMESPACE}
    assert sum(standing.judged for standing in standings) == 320
    assert sum(standing.denied for standing in standings) == 80
    assert sum(standing.alerted for standing in standings) == 0
    assert {(one.file, one.network, one.enforcement, one.allow_listed) for one in standings} == {
        ("block", "audit", "terminate", 0)
    }
    assert max(standing.workloads for standing in standings) <= 3
    assert all(before.until_ns == after.from_ns for before, after in pairwise(records))


def test_what_waits_is_told_until_nothing_does(court: Court) -> None:
    events = court.topics.events.name
    court.publish(*load(30, size=1))
    with court.worker(health_s=0.2, pause_s=0.1) as worker:
        court.health(lambda got: any(record.lag.get(events, 0) > 0 for record in got))
        records = court.health(
            lambda got: summed(got).get("judged", 0) >= 30 and got[-1].lag.get(events) == 0
        )
        assert worker.stop() == 0, worker.output
    judged = 0
    for record in records:
        judged += record.counts["judged"]
        if record.lag:
            assert record.lag[events] <= 30 - judged + 1, "one batch may be under way"
    assert max(record.lag.get(events, 0) for record in records) > 0


def test_a_worker_with_nothing_to_do_knows_that_nothing_waits(court: Court) -> None:
    events = court.topics.events.name
    court.publish(*load(12, size=2))
    with court.worker(health_s=0.2) as worker:
        court.health(lambda got: summed(got).get("judged", 0) >= 24)
        assert worker.stop() == 0, worker.output
    before = court.health(bool)
    with court.worker(health_s=0.2) as worker:
        records = court.health(lambda got: len(got) > len(before) and events in got[-1].lag)
        assert worker.stop() == 0, worker.output
    assert records[-1].lag == {events: 0}
    assert records[-1].counts["judged"] == 0
    assert records[-1].namespaces == ()


def test_the_last_interval_is_told_when_a_worker_is_stopped(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    court.publish(*load(10, size=4))
    with court.worker() as worker:
        court.verdicts(lambda got: len(got) >= 10)
        worker.signal(signal.SIGTERM)
        assert worker.wait() == 0, worker.output
    records = court.health(bool)
    assert summed(records)["judged"] == 40


def lictor(court: Court, *arguments: str) -> subprocess.CompletedProcess[str]:
    where = ("--bootstrap", court.kafka.bootstrap, "--topic-prefix", court.topics.prefix)
    return subprocess.run(
        (sys.executable, "-m", "lictor", *where, *arguments),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_command_shows_who_is_well_and_who_is_not(court: Court) -> None:
    nobody = lictor(court, "health")
    assert nobody.returncode == 1, nobody.stderr
    assert "no service has said anything" in nobody.stdout

    court.publish(*load(3, size=4))
    with court.worker(health_s=0.2) as worker:
        court.health(lambda got: summed(got).get("judged", 0) >= 12)
        well = lictor(court, "health", "-o", "json")
        assert worker.stop() == 0, worker.output
    assert well.returncode == 0, well.stdout + well.stderr
    told = json.loads(well.stdout)
    assert (told["node"], told["service"], told["instance"]) == ("node-1", "streams", "worker-0")
    assert (told["complete"], told["silent"], told["lag"], told["lost"]) == (True, False, 0, 0)

    court.produce(b"not json")
    court.flush()
    with court.worker() as worker:
        court.dead_letters(bool)
        assert worker.stop() == 0, worker.output
    incomplete = lictor(court, "health")
    assert incomplete.returncode == 1, incomplete.stdout + incomplete.stderr
    assert [line.split()[:3] for line in incomplete.stdout.splitlines()][1] == ["node-1", "streams", "NO"]
    assert all(len(line) <= 80 for line in incomplete.stdout.splitlines())

    nowhere = lictor(Court(court.kafka.bootstrap, court.data_dir, create=False), "health")
    assert nowhere.returncode == 3
    assert "topics create" in nowhere.stderr


def test_metrics_of_a_worker_that_runs_are_those_of_the_page(court: Court) -> None:
    court.apply(blocking("no-denied", DENIED))
    court.publish(*load(4, size=4))
    (port,) = ports.choose()
    with court.worker(health_s=0.2, metrics_port=port) as worker:
        court.health(lambda got: summed(got).get("judged", 0) >= 16 and bool(got[-1].lag))
        court.verdicts(lambda got: len(got) >= 4)
        families = {
            family.name: family
            for family in text_string_to_metric_families(
                urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
            )
            if family.name.startswith("lictor_") and not family.name.endswith("_created")
        }
        assert worker.stop() == 0, worker.output
    documented = {one.name.removesuffix("_total"): one for one in metrics.of("streams")}
    assert families.keys() == documented.keys()
    for name, one in documented.items():
        assert (families[name].type, families[name].documentation) == (one.kind, one.meaning)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert samples["lictor_streams_received_total",] == 4
    assert samples["lictor_streams_verdicts_total", "rule", "block"] == 4
    assert samples["lictor_streams_verdicts_total", "none", "allow"] == 12
    assert samples["lictor_streams_event_to_judge_seconds_count",] == 4
    assert samples["lictor_policy_offset",] == 0
    assert samples["lictor_health_records_total", "published"] >= 1


def of_sinks(desk: Desk) -> list[ServiceHealth]:
    """All that sinks have told by now."""
    consumer = desk.kafka.consumer("health-reader")
    place = TopicPartition(desk.topics.health.name, 0, 0)
    records: list[ServiceHealth] = []
    try:
        _, end = consumer.get_watermark_offsets(place, timeout=60)
        consumer.assign([place])
        while len(records) < end:
            message = consumer.poll(60)
            assert message is not None
            assert message.error() is None, message.error()
            record = read_health(message.value())
            assert isinstance(record, ServiceHealth)
            records.append(record)
    finally:
        consumer.close()
    return records


def test_a_sink_tells_what_it_stored_and_refused_and_that_nothing_waits(
    kafka_broker: str, elasticsearch_url: str
) -> None:
    desk = Desk(kafka_broker, elasticsearch_url)
    records = [desk.record(number) for number in range(20)]
    desk.publish(*records, *(outcome(record) for record in records[:5]))
    desk.publish(records[0])
    desk.publish_raw(b"not json")
    desk.publish(desk.record(100, event_changes={"pid": 2**63}))
    with desk.sink():
        desk.wait_until_done()
    (told,) = of_sinks(desk)
    assert (told.service, told.node, told.instance) == ("sink", "node-1", "sink")
    assert told.counts == {"received": 28, "stored": 25, "present": 1, "rejected": 1, "dead_letters": 2}
    assert told.policies is None

    desk.health_interval_s = 0.3
    with desk.sink():
        desk.wait_until_done()
        eventually("nothing waits", lambda: of_sinks(desk)[-1].lag.get(desk.topics.verdicts.name) == 0)
    assert of_sinks(desk)[-1].counts["rejected"] == 0
