"""The broker of compose with its settings and secrets, and the steps that come to it, as in the file."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from tests.fixtures.compose_broker import ComposeBroker, compose_broker, make_secrets
from tests.fixtures.compose_model import FOLDER, ROOT, service
from wire.access import PRINCIPALS
from wire.kafka import Kafka
from wire.security import Security
from wire.topics import Topics

WITHIN_S = 60.0
LICTOR, ENFORCER, SERVERS = 10001, 10002, 1000


@pytest.fixture(scope="module")
def broker() -> Iterator[ComposeBroker]:
    with compose_broker() as found:
        yield found


def run(broker: ComposeBroker, name: str, *words: str) -> subprocess.CompletedProcess[str]:
    """The command with the environment of that service."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LICTOR_")}
    return subprocess.run(
        [sys.executable, "-m", "lictor", *words],
        cwd=ROOT,
        env=inherited | broker.environment(service(name)) | {"LICTOR_CONFIG": os.devnull},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )


def done(broker: ComposeBroker, name: str, *words: str) -> str:
    ran = run(broker, name, *words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def ready(broker: ComposeBroker) -> ComposeBroker:
    """The broker after the set-up step."""
    (words,) = service("topics").lines
    assert "created  lictor.events.v1" in done(broker, "topics", *words)
    return broker


def test_the_set_up_may_be_run_again(ready: ComposeBroker) -> None:
    (words,) = service("topics").lines
    again = done(ready, "topics", *words)
    assert "present  lictor.events.v1" in again
    assert "created" not in again


def test_the_recording_is_played_and_its_policy_put_in_force_as_the_load_profile_does(
    ready: ComposeBroker,
) -> None:
    paths = {
        mount["target"]: str((FOLDER / mount["source"]).resolve())
        for name in ("load-policy", "load")
        for mount in service(name).parts["volumes"]
    }
    for words in service("load-policy").lines:
        done(ready, "load-policy", *(paths.get(word, word) for word in words))
    (words,) = service("load").lines
    sent = done(ready, "load", *(paths.get(word, word) for word in words))
    assert re.match(r"22 recorded events sent", sent)
    printed = done(ready, "load-policy", "events", "--from-beginning", "--no-follow")
    assert printed.count("/usr/bin/bash -c") == 2


def test_a_name_is_good_for_its_own_part_only(ready: ComposeBroker) -> None:
    """The whole table is tried elsewhere: here, that the broker of compose keeps to it."""
    refused = run(ready, "streams", "play", str(FOLDER / "recordings/demo.jsonl"))
    assert refused.returncode == 3
    assert "uthorization" in refused.stderr
    unheard = run(ready, "load", "events", "--from-beginning", "--no-follow")
    assert unheard.returncode != 0
    assert "uthorization" in unheard.stderr
    assert unheard.stdout == ""


def test_nobody_comes_in_without_a_name_or_with_a_wrong_password(ready: ComposeBroker) -> None:
    password = (ready.secrets / "kafka-operator").read_text(encoding="ascii")
    right = Security(
        protocol="sasl_ssl",
        mechanism="PLAIN",
        user="operator",
        password=password,
        ca=ready.secrets / "ca.crt",
    )

    def topics_as(security: Security) -> set[str]:
        kafka = Kafka(bootstrap=f"127.0.0.1:{ready.port}", client_id="test", security=security)
        return set(kafka.admin().list_topics(timeout=3).topics)

    assert Topics().events.name in topics_as(right)
    for wrong in (
        replace(right, password="0" * 64),
        replace(right, user="admin"),
        replace(right, protocol="ssl"),
        replace(right, protocol="sasl_plaintext"),
        replace(right, ca=None),
    ):
        with pytest.raises(KafkaException):
            topics_as(wrong)


def test_the_health_check_finds_the_listener_and_no_other(ready: ComposeBroker) -> None:
    test = service("kafka").parts["healthcheck"]["test"]
    assert test[0] == "CMD"
    assert f":{9092:04X} " in test[3]

    def asked(port: int) -> int:
        words = [word.replace(":2384 ", f":{port:04X} ") for word in test[1:]]
        # Java listens on ::ffff:127.0.0.1 here, since the tests bind loopback alone.
        words = [word.replace("0+:0000 0A", "[0-9A-F]+:0000 0A") for word in words]
        return subprocess.run(words, check=False, timeout=WITHIN_S).returncode

    assert asked(ready.port) == 0
    assert asked(1) != 0


def owner(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def test_each_secret_is_closed_to_all_but_its_reader_and_stays_what_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    made = set(re.findall(r"made (\S+)", make_secrets(folder)))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(before) == made
    assert {f"kafka-{name}" for name in (*PRINCIPALS, "admin", "broker")} <= made
    assert make_secrets(folder) == ""
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert all(before.values())

    open_to_all = {path.name for path in folder.iterdir() if path.stat().st_mode & 0o007}
    assert open_to_all == {"ca.crt", "kafka.crt", "elasticsearch.crt", "kibana.crt"}
    assert owner(folder / "kafka-sink") == (LICTOR, 0, 0o400)
    assert owner(folder / "kafka-enforcer") == (ENFORCER, 0, 0o400)
    assert owner(folder / "kafka-sensor") == (0, LICTOR, 0o440)
    assert owner(folder / "node.key") == (ENFORCER, 0, 0o440)
    assert owner(folder / "elastic-password") == (SERVERS, LICTOR, 0o440)
    assert owner(folder / "kafka-users.properties") == (SERVERS, 0, 0o400)
    assert owner(folder / "ca.key") == (0, 0, 0o400)
    assert len(before["node.key"]) == 32
    passwords = [content for name, content in before.items() if len(content) == 64 and name != "node.key"]
    assert len(passwords) == len(set(passwords)) == len(PRINCIPALS) + 4


def test_certificates_are_for_their_services_and_for_loopback(tmp_path: Path) -> None:
    make_secrets(tmp_path)
    for name in ("kafka", "elasticsearch", "kibana"):
        for host in (
            ("-verify_hostname", name),
            ("-verify_hostname", "localhost"),
            ("-verify_ip", "127.0.0.1"),
        ):
            verify = ["openssl", "verify", "-CAfile", str(tmp_path / "ca.crt"), *host]
            subprocess.run(
                [*verify, str(tmp_path / f"{name}.crt")], check=True, capture_output=True, timeout=WITHIN_S
            )
    verify = ["openssl", "verify", "-CAfile", str(tmp_path / "ca.crt"), "-verify_hostname", "kibana"]
    done = subprocess.run(
        [*verify, str(tmp_path / "kafka.crt")], check=False, capture_output=True, timeout=WITHIN_S
    )
    assert done.returncode != 0
