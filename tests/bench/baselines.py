"""What the project stands on, alone: Kafka from producer to consumer, and through one bare Faust agent."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from tests.bench.load import boot_ns
from tests.bench.recorder import Recorder
from wire.kafka import Kafka

ROOT = Path(__file__).parents[2]
KAFKA_TOPIC = "bench.kafka"
RELAY_SOURCE = "bench.relay-source"
RELAY_TARGET = "bench.relay-target"
_PATIENCE_S = 60.0
_ARRIVE_S = 10.0
_SPIN_NS = 100_000


def make_topics(kafka: Kafka) -> None:
    """The baselines' topics: one partition each, set as the project's are."""
    config = {"message.timestamp.type": "LogAppendTime"}
    wanted = [
        NewTopic(name, num_partitions=1, replication_factor=1, config=config)
        for name in (KAFKA_TOPIC, RELAY_SOURCE, RELAY_TARGET)
    ]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for made in admin.create_topics(wanted).values():
        made.result(_PATIENCE_S)


@contextmanager
def relay(kafka: Kafka, log: Path) -> Iterator[None]:
    """The relay as a process, once it is ready."""
    command = [sys.executable, "-m", "tests.bench.relay", kafka.bootstrap, RELAY_SOURCE, RELAY_TARGET]
    with log.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            if not _says_ready(process):
                raise RuntimeError(f"the relay did not start: {log.read_text()[-2000:]}")
            yield
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def latencies(kafka: Kafka, source: str, target: str, value: bytes, at_ns: Sequence[int]) -> list[int]:
    """Send `value` to `source` at each offset; ns until it came to a consumer of `target`, in that order.

    Raises:
        RuntimeError: not all came.
    """
    producer = kafka.producer()
    sent: list[int] = []
    with Recorder(kafka, [target]) as recorder:
        begin = boot_ns()
        for number, offset in enumerate(at_ns):
            _sleep_until(begin + offset)
            sent.append(boot_ns())
            producer.produce(source, value, key=str(number).encode())
            producer.poll(0)
        producer.flush(_ARRIVE_S)
        recorder.wait_for(target, len(at_ns), _ARRIVE_S)
    came = {int(one.key or b"-1"): one.at_ns for one in recorder.arrivals[target]}
    if len(came) < len(at_ns):
        raise RuntimeError(f"only {len(came)} of {len(at_ns)} records came to {target}")
    return [came[number] - at for number, at in enumerate(sent)]


def _sleep_until(due_ns: int) -> None:
    wait = due_ns - boot_ns()
    if wait > _SPIN_NS:
        time.sleep(wait / 1e9)


def _says_ready(process: subprocess.Popen[str]) -> bool:
    """Whether its first line comes in time; it is killed where it does not."""
    assert process.stdout is not None
    timer = threading.Timer(_PATIENCE_S, process.kill)
    timer.start()
    try:
        return process.stdout.readline() == "ready\n"
    finally:
        timer.cancel()
