"""Services on brokers that speak TLS: by name and password, by certificate; and those who come as another."""

from __future__ import annotations

import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, TopicPartition
from confluent_kafka.admin import AclBindingFilter

from lictor.pipeline.reach import launch
from lictor.runtime import account, ports
from lictor.settings import load
from tests.fixtures.kafka_access import WITHIN_S, Tls, tls_guarded
from tests.fixtures.stream_workers import DENIED, batch, blocking, process_event
from wire import access, access_admin, access_check, codec, topic_admin
from wire.kafka import Kafka
from wire.policy_log import append_change
from wire.records import VerdictRecord
from wire.refusals import RefusedError, raise_refusal

GUESSED = "guessed"
PASSWORDS = {name: f'{name} is "who" it says; it\'s true = 1' for name in (access.ADMIN, *access.PRINCIPALS)}
"""With what configuration files trip over."""


@pytest.fixture(scope="module")
def broker() -> Iterator[Tls]:
    with tls_guarded(PASSWORDS) as found:
        yield found


def environment(kafka: Kafka, topics_prefix: str, state: Path) -> dict[str, str]:
    """The settings of a service, as its environment."""
    security = kafka.security
    told = {
        "LICTOR_BOOTSTRAP": kafka.bootstrap,
        "LICTOR_TOPIC_PREFIX": topics_prefix,
        "LICTOR_EVENT_PARTITIONS": "1",
        "LICTOR_VERDICT_PARTITIONS": "1",
        "LICTOR_KAFKA_PROTOCOL": security.protocol,
        "LICTOR_KAFKA_CA": str(security.ca or ""),
        "LICTOR_KAFKA_CERTIFICATE": str(security.certificate or ""),
        "LICTOR_KAFKA_KEY": str(security.key or ""),
        "LICTOR_ELASTICSEARCH": "http://127.0.0.1:1",
        "LICTOR_STATE": str(state),
        "LICTOR_CONFIG": "/dev/null",
        "PATH": os.environ["PATH"],
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "500",
        "NO_COLOR": "1",
    }
    if security.names_user:
        told |= {"LICTOR_KAFKA_USER": str(security.user), "LICTOR_KAFKA_PASSWORD": str(security.password)}
    return told


@contextmanager
def service(name: str, kafka: Kafka, broker: Tls, log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`lictor NAME`, as an operator starts it; the process and the port of its health."""
    (port,) = ports.choose()
    how = launch(
        ("lictor", name), become=None, reader=account.unprivileged(), mount_point=log.parent / "program"
    )
    told = environment(kafka, broker.topics.prefix, log.parent / "state") | {"LICTOR_METRICS_PORT": str(port)}
    with log.open("wb") as output:
        process = subprocess.Popen(how.argv, cwd=how.cwd, env=told, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process, port
    finally:
        process.terminate()
        process.wait(WITHIN_S)


def wait_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)


def first_verdict(kafka: Kafka, broker: Tls, incarnation: str) -> VerdictRecord:
    """The verdict on events of that incarnation, as another team reads it."""
    consumer = kafka.consumer("consumer-test")
    deadline = time.monotonic() + WITHIN_S
    try:
        consumer.assign([TopicPartition(broker.topics.verdicts.name, 0, OFFSET_BEGINNING)])
        while True:
            assert time.monotonic() < deadline, "no verdict"
            message = consumer.poll(0.2)
            if message is None:
                continue
            assert message.error() is None, message.error()
            record = codec.read_verdict(message.value())
            if record.source.incarnation == incarnation:
                return record
    finally:
        consumer.close()


@pytest.mark.parametrize("way", ["scram", "certificate"])
def test_a_stream_worker_judges_under_tls(broker: Tls, way: str, tmp_path: Path) -> None:
    """Faust's consumer, the policy follower and the producer, each under TLS and as `streams`."""
    come = getattr(broker, way)
    incarnation = f"{len(way):016x}"
    log = tmp_path / "streams.log"
    append_change(come("operator"), broker.topics, blocking(way, DENIED))
    with service("streams", come("streams"), broker, log) as (process, port):
        wait_ready(process, port, log)
        producer = come("sensor").producer()
        value = codec.encode(batch([process_event(1, DENIED)], incarnation=incarnation))
        producer.produce(broker.topics.events.name, value, b"key")
        assert producer.flush(WITHIN_S) == 0
        record = first_verdict(come("consumer"), broker, incarnation)
        assert record.verdict.decision == "block"
        assert process.poll() is None, log.read_text()
    said = log.read_text()
    assert PASSWORDS["streams"] not in said
    assert process.returncode == 0, said


@pytest.mark.parametrize("way", ["scram", "certificate"])
@pytest.mark.parametrize(
    ("name", "comes_as"), [("streams", "consumer"), ("streams", "sensor"), ("sink", "streams")]
)
def test_a_service_that_comes_as_another_says_what_it_may_not(
    broker: Tls, way: str, name: str, comes_as: str, tmp_path: Path
) -> None:
    log = tmp_path / "service.log"
    with service(name, getattr(broker, way)(comes_as), broker, log) as (process, _):
        assert process.wait(WITHIN_S) == 3, log.read_text()
    said = log.read_text()
    assert "may not " in said
    assert f"which {name} must" in said
    assert "Traceback" not in said


def test_a_worker_that_loses_a_right_ends_and_says_which(broker: Tls, tmp_path: Path) -> None:
    """What it could not say is not acknowledged: the next one that may say it does."""
    log = tmp_path / "streams.log"
    append_change(broker.scram("operator"), broker.topics, blocking("revoked", DENIED))
    with service("streams", broker.scram("streams"), broker, log) as (process, port):
        wait_ready(process, port, log)
        with without(broker, "User:streams allow write topic t.verdicts.v1"):
            producer = broker.scram("sensor").producer()
            value = codec.encode(batch([process_event(2, DENIED)], incarnation="00000000000000ff"))
            producer.produce(broker.topics.events.name, value, b"key")
            assert producer.flush(WITHIN_S) == 0
            assert process.wait(WITHIN_S) == 3, log.read_text()
    assert "t.verdicts.v1 was not delivered: Broker: Topic authorization failed" in log.read_text()
    with service("streams", broker.scram("streams"), broker, tmp_path / "next.log"):
        assert first_verdict(broker.scram("consumer"), broker, "00000000000000ff").verdict.decision == "block"


@contextmanager
def without(broker: Tls, acl: str) -> Iterator[None]:
    """The cluster without one ACL of the table."""
    admin = broker.kafka().admin()
    (one,) = [one for one in access_admin.bindings(broker.topics) if access_admin.described(one) == acl]
    what = (one.restype, one.name, one.resource_pattern_type, one.principal, one.host)
    (removed,) = admin.delete_acls([AclBindingFilter(*what, one.operation, one.permission_type)]).values()
    assert removed.result(WITHIN_S) == [one]
    try:
        yield
    finally:
        access_admin.create(broker.kafka(), broker.topics)


def test_a_service_with_a_wrong_password_says_so(broker: Tls, tmp_path: Path) -> None:
    log = tmp_path / "service.log"
    with service("streams", broker.scram("streams", password=GUESSED), broker, log) as (process, _):
        assert process.wait(WITHIN_S) == 3, log.read_text()
    assert "does not let in user 'streams'" in log.read_text()
    assert GUESSED not in log.read_text()


@pytest.mark.parametrize("principal", access.PRINCIPALS)
@pytest.mark.parametrize("way", ["scram", "certificate"])
def test_every_principal_has_its_rights_by_both_ways(broker: Tls, way: str, principal: str) -> None:
    access_check.see_rights(getattr(broker, way)(principal), access.grant_of(principal, broker.topics))


def test_strangers_are_refused_in_words(broker: Tls) -> None:
    right = broker.scram("sensor")
    raise_refusal(right)
    with pytest.raises(RefusedError, match="kafka_password"):
        raise_refusal(broker.scram("sensor", password=GUESSED))
    with pytest.raises(RefusedError, match="kafka_ca"):
        raise_refusal(broker.certificate("sensor-of-another", authority="another"))
    with pytest.raises(RefusedError, match="kafka_ca"):
        raise_refusal(broker.scram("sensor", ca=broker.certificates.folder / "another.pem"))
    plain = Kafka(bootstrap=broker.broker.bootstrap, security=replace(right.security))
    with pytest.raises(RefusedError, match="kafka_protocol"):
        raise_refusal(plain)


def test_settings_are_what_reaches_the_broker(
    broker: Tls, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A password from a file, read with the settings of an environment."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORDS["operator"] + "\n")
    told = environment(broker.scram("operator"), broker.topics.prefix, tmp_path)
    del told["LICTOR_KAFKA_PASSWORD"]
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LICTOR_KAFKA_PASSWORD_FILE", str(secret))
    assert broker.topics.events.name in topic_admin.partition_counts(load(None, {}).kafka("test"))
