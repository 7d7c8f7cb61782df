"""`lictor policy explain` and `diff` against a real broker: records by their ids, and what is in force."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from click.testing import Result
from typer.testing import CliRunner

from lictor.cli.main import app
from lictor.exit_codes import FINDINGS, OK
from lictor.runtime import ports
from lictor.sample.documents import POLICY_FILE, WORKLOADS_FILE
from policy.changes import NamespaceChanged, PolicyApplied
from policy.documents import read_documents
from tests.fixtures.records import BATCH, EVENT, SOURCE, VERDICT
from wire import topic_admin
from wire.codec import encode
from wire.kafka import Kafka
from wire.policy_log import append_change
from wire.records import event_id, verdict_id
from wire.topics import Topics

WITHIN_S = 60.0


class Broker:
    """Topics of the test's own, and the command against them."""

    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.kafka = Kafka(bootstrap=bootstrap, client_id="test")
        self.topics = Topics(prefix=f"explain-{uuid.uuid4().hex[:12]}")

    def create(self) -> None:
        topic_admin.create(self.kafka, self.topics)

    def publish(self, topic: str, *values: bytes) -> None:
        producer = self.kafka.producer()
        for number, value in enumerate(values):
            producer.produce(topic, value, key=str(number))
        assert producer.flush(WITHIN_S) == 0

    def run(self, *arguments: str) -> Result:
        flags = ("--bootstrap", self.bootstrap, "--topic-prefix", self.topics.prefix)
        return CliRunner().invoke(app, [*flags, "policy", *arguments])

    def explained(self, *arguments: str) -> dict[str, Any]:
        result = self.run("explain", *arguments, "-o", "json")
        assert result.exit_code == OK, result.output
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture(scope="module")
def broker(kafka_broker: str) -> Broker:
    broker = Broker(kafka_broker)
    broker.create()
    for document in read_documents(POLICY_FILE.read_text(), "p").documents:
        append_change(
            broker.kafka, broker.topics, PolicyApplied(document=msgspec.Raw(document.canonical)), WITHIN_S
        )
    posture = NamespaceChanged(namespace="dvwa", annotations={"kubearmor-file-posture": "block"})
    append_change(broker.kafka, broker.topics, posture, WITHIN_S)
    others = []
    for batch in range(1, 40):
        events = (msgspec.structs.replace(EVENT, sequence=100 * batch + one) for one in range(50))
        others.append(msgspec.structs.replace(BATCH, events=tuple(events)))
    broker.publish(broker.topics.events.name, b"{", *map(encode, others))
    broker.publish(broker.topics.verdicts.name, encode(VERDICT))
    return broker


def test_an_event_is_found_among_the_batches(broker: Broker) -> None:
    event = msgspec.structs.replace(EVENT, sequence=3949)
    found = broker.explained(event_id(SOURCE, event))
    assert found["event"]["sequence"] == 3949
    assert found["workload"]["id"] == BATCH.workload.id
    assert found["explanation"]["verdict"]["reason"] == "posture-block"
    assert found["policies"]["offset"] == 1
    assert "recorded" not in found


def test_a_verdict_is_found_by_its_id_and_by_its_events(broker: Broker) -> None:
    for name in (VERDICT.id, VERDICT.event_id):
        found = broker.explained(name)
        assert found["recorded"]["sentence"] == VERDICT.verdict.sentence
        assert found["recorded_under"]["offset"] == 3


def test_what_is_not_there_is_said_with_what_was_searched(broker: Broker) -> None:
    result = broker.run("explain", event_id(SOURCE, msgspec.structs.replace(EVENT, sequence=7)))
    assert (result.exit_code, result.stdout) == (FINDINGS, "")
    said = result.stderr.replace("\n", " ")
    assert "was not found" in said
    assert f"all 1 record(s) of {broker.topics.verdicts.name}" in said
    assert f"all 40 record(s) of {broker.topics.events.name}" in said


def test_a_verdict_of_another_judge_is_another_one(broker: Broker) -> None:
    assert broker.run("explain", verdict_id(VERDICT.event_id, "candidate")).exit_code == FINDINGS


def test_the_search_is_bounded(broker: Broker) -> None:
    result = broker.run(
        "explain", event_id(SOURCE, msgspec.structs.replace(EVENT, sequence=7)), "--search", "1"
    )
    assert f"the newest {broker.topics.event_partitions} record(s) of" in result.stderr.replace("\n", " ")


def test_policies_in_force_are_the_ones_explained_and_compared(broker: Broker) -> None:
    pod = ("--workload", "dvwa/dvwa-web-0", "--workloads", str(WORKLOADS_FILE))
    assert broker.explained("--exec", "/usr/bin/id", *pod)["explanation"]["verdict"]["decision"] == "block"
    audit = broker.explained("--exec", "/usr/bin/id", *pod, "--posture", "dvwa:file=audit")
    assert audit["explanation"]["verdict"]["decision"] == "audit"
    same = broker.run("diff", "current", str(POLICY_FILE))
    assert (same.exit_code, same.stdout.split()[0]) == (OK, "Nothing"), same.output
    strict = broker.run("diff", str(POLICY_FILE), "current", "--posture-before", "dvwa:file=audit")
    assert strict.exit_code == FINDINGS


def test_topics_that_are_not_there_are_said(kafka_broker: str) -> None:
    result = Broker(kafka_broker).run("explain", VERDICT.id)
    assert result.exit_code == FINDINGS
    assert "which is not there" in result.stderr.replace("\n", " ")


def test_a_broker_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_admin, "_TIMEOUT_S", 0.5)
    result = Broker(f"127.0.0.1:{ports.choose()[0]}").run("explain", VERDICT.id)
    assert isinstance(result.exception, topic_admin.TopicError)
    assert result.stdout == ""
