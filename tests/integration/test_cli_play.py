"""`lictor play`: a recording into a broker, whole or not at all."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lictor.cli.main import app
from lictor.settings import NO_FILE
from tests.fixtures.compose_model import FOLDER
from wire import topic_admin
from wire.codec import read_batch
from wire.kafka import Kafka, take
from wire.topics import Topics

RECORDING = FOLDER / "recordings/demo.jsonl"
EVENTS = 22


def lictor(*words: str) -> Result:
    return CliRunner().invoke(app, words, env={"LICTOR_CONFIG": NO_FILE})


@pytest.fixture
def topics() -> Topics:
    return Topics(prefix=f"play-{uuid.uuid4().hex[:8]}")


def test_a_recording_arrives_whole_and_marked(kafka_broker: str, topics: Topics) -> None:
    kafka = Kafka(bootstrap=kafka_broker)
    topic_admin.create(kafka, topics)
    where = ("--bootstrap", kafka_broker, "--topic-prefix", topics.prefix)
    played = lictor(*where, "play", str(RECORDING), "-o", "json")
    assert played.exit_code == 0, played.output
    assert json.loads(played.stdout) == {"recording": str(RECORDING), "events": EVENTS}

    consumer = kafka.consumer(f"play-{topics.prefix}")
    consumer.subscribe([topics.events.name])
    batches = []
    try:
        for _ in range(300):
            batches += [read_batch(message.value()) for message in take(consumer, 0.1)]
            if sum(len(batch.events) for batch in batches) >= EVENTS:
                break
    finally:
        consumer.close()
    assert sum(len(batch.events) for batch in batches) == EVENTS
    assert all(batch.source.recorded for batch in batches)


def test_nothing_is_sent_of_a_recording_that_cannot_be_read(tmp_path: Path) -> None:
    """No broker answers there, and none is asked."""
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(RECORDING.read_bytes() + b"{}\n")
    refused = lictor("--bootstrap", "127.0.0.1:1", "play", str(bad))
    assert refused.exit_code == 2
    lines = len(RECORDING.read_text(encoding="utf-8").splitlines())
    assert f"bad.jsonl:{lines + 1}: " in refused.stderr
    missing = lictor("--bootstrap", "127.0.0.1:1", "play", str(tmp_path / "missing.jsonl"))
    assert missing.exit_code == 2
    assert "No such file" in missing.stderr
