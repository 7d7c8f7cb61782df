"""The compose file: its schema, and what every service of it must have."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from lictor.cli.main import app
from lictor.settings import Settings
from tests.fixtures.compose_model import FOLDER, ROOT, Service, document, service, services
from tests.fixtures.json_schema import Schema
from wire.access import PRINCIPALS
from wire.codec import read_batch

SCHEMA = ROOT / "tests/golden/compose-spec/compose-spec.json"
OURS = [one for one in services() if one.ours]
LASTING = [one for one in services() if not one.ends]

GIVEN = {
    "sensor": {"BPF", "PERFMON", "SYS_PTRACE", "SETPCAP", "SETUID", "SETGID"},
    "signaller": {"KILL", "SYS_PTRACE", "CHOWN", "SETPCAP", "SETUID", "SETGID"},
}
"""The capabilities that services are given, each with its reason in the file. All others have none."""

each = pytest.mark.parametrize("one", services(), ids=lambda one: one.name)
each_of_ours = pytest.mark.parametrize("one", OURS, ids=lambda one: one.name)


def test_the_file_is_what_the_compose_specification_asks_for() -> None:
    schema = Schema(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert schema.refusals(document()) == []
    assert schema.refusals(document() | {"servicez": {}}) != []


@each
def test_images_are_pinned_by_version(one: Service) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:\d+\.\d+\.\d+", one.parts["image"])


def test_the_servers_are_of_the_versions_that_the_tests_run() -> None:
    pom = ET.parse(ROOT / "compose/runtime/pom.xml").getroot()  # noqa: S314  # our own file
    names = {"m": "http://maven.apache.org/POM/4.0.0"}
    kafka = pom.findtext("m:properties/m:kafka.version", namespaces=names)
    elastic = pom.findtext("m:properties/m:elasticsearch.version", namespaces=names)
    images = {one.name: one.parts["image"].rpartition(":")[2] for one in services() if not one.ours}
    assert images == {"kafka": kafka, "elasticsearch": elastic, "kibana-user": elastic, "kibana": elastic}


@each_of_ours
def test_our_images_have_the_project_s_version(one: Service) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert one.parts["image"].rpartition(":")[2] == project["version"]
    target = one.parts["build"]["target"]
    assert one.parts["image"] == f"{'lictor-node' if target == 'node' else 'lictor'}:{project['version']}"


@each
def test_ports_are_on_loopback_only(one: Service) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in one.parts.get("ports", []))
    assert one.parts.get("network_mode") in {None, "none"}


@each
def test_privileges_are_dropped(one: Service) -> None:
    assert one.parts["cap_drop"] == ["ALL"]
    assert one.capabilities == GIVEN.get(one.name, set())
    assert "no-new-privileges:true" in one.parts["security_opt"]
    assert not one.parts.get("privileged", False)
    assert (one.parts["user"] == "0:0") == (one.name in GIVEN)
    # In a cgroup namespace of its own, the signaller would find no process where the event says it is.
    of_the_machine = "host" if one.parts.get("profiles") == ["node"] else None
    assert [one.parts.get(option) for option in ("pid", "cgroup")] == [of_the_machine] * 2


@each_of_ours
def test_our_services_write_nothing_but_their_volumes(one: Service) -> None:
    assert one.parts["read_only"]
    assert [path.partition(":")[0] for path in one.parts["tmpfs"]] == ["/tmp"]
    writable = {mount["target"] for mount in one.parts.get("volumes", []) if not mount.get("read_only")}
    assert writable <= {"/var/lib/lictor/keys", "/run/lictor"}


@each
def test_resources_are_bounded(one: Service) -> None:
    assert re.fullmatch(r"\d+[mg]", one.parts["mem_limit"])
    assert one.parts["pids_limit"] > 0
    assert one.parts["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


@each
def test_health_is_asked_of_what_lasts_and_the_end_awaited_of_what_ends(one: Service) -> None:
    if one.ends:
        assert one.parts["healthcheck"] == {"disable": True}
    else:
        assert one.parts["restart"] == "unless-stopped"
        assert {"test", "interval", "timeout", "retries", "start_period"} <= set(one.parts["healthcheck"])
    ending = {other.name for other in services() if other.ends}
    for other, awaited in one.parts.get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ending else "service_healthy"
        assert awaited == {"condition": wanted}


def test_our_services_answer_where_they_are_asked() -> None:
    for one in LASTING:
        if one.ours and one.name != "signaller":
            port = one.environment["LICTOR_METRICS_PORT"]
            assert f"http://127.0.0.1:{port}/readyz" in one.parts["healthcheck"]["test"][-1]


@each
def test_settings_are_real_and_take_their_values(one: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: value for name, value in one.environment.items() if name.startswith("LICTOR_")}
    assert {name.removeprefix("LICTOR_").lower() for name in ours} <= set(Settings.model_fields)
    assert bool(ours) == one.ours
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Settings, "file", None)
    assert set(Settings().model_fields_set) == {name.removeprefix("LICTOR_").lower() for name in ours}


@each_of_ours
def test_commands_are_real(one: Service) -> None:
    assert one.lines
    for words in one.lines:
        commands = [word for word in words if not word.startswith(("-", "/")) and "=" not in word]
        options = {word for word in words if word.startswith("--")}
        # What follows a command's name may be an argument, and then --help is that command's all the same.
        answer = CliRunner().invoke(app, [*commands, "--help"], env={"COLUMNS": "200"})
        assert answer.exit_code == 0, answer.output
        assert all(option in answer.output for option in options), (words, answer.output)


@each
def test_no_secret_stands_in_the_file(one: Service) -> None:
    for name, value in one.environment.items():
        if re.search("PASSWORD|KEY|TOKEN|SECRET", name):
            assert name.endswith("_FILE")
            assert value.startswith(("/run/secrets/", "/var/lib/lictor/keys/"))
    assert not re.search(r"password=|Authorization|ApiKey", shlex.join(one.words), re.IGNORECASE)


@each
def test_every_secret_that_is_named_is_mounted_and_every_one_mounted_is_made(one: Service) -> None:
    made = document()["secrets"]
    script = (FOLDER / "secrets.sh").read_text(encoding="utf-8")
    assert set(one.secrets) <= set(made)
    for source, path in one.secrets.items():
        assert made[source] == {"file": f"./secrets/{source}"}
        stem = source.removesuffix(".crt").removesuffix(".key").removeprefix("kafka-")
        assert re.search(rf"\b{re.escape(stem)}\b", script), f"{source} is not made"
        assert path in {f"/run/secrets/{source}", f"/usr/share/elasticsearch/config/certs/{source}"}
    for value in one.environment.values():
        if value.startswith("/run/secrets/"):
            assert value in one.secrets.values()


def test_every_secret_has_a_reader() -> None:
    assert set(document()["secrets"]) == {source for one in services() for source in one.secrets}


def test_each_service_comes_to_kafka_under_its_own_name() -> None:
    users = {
        one.name: one.environment["LICTOR_KAFKA_USER"]
        for one in OURS
        if "LICTOR_KAFKA_USER" in one.environment
    }
    assert users == {
        "topics": "admin",
        "streams": "streams",
        "sink": "sink",
        "sensor": "sensor",
        "enforcer": "enforcer",
        "load-policy": "operator",
        "load": "sensor",
    }
    for name, user in users.items():
        assert service(name).environment["LICTOR_KAFKA_PASSWORD_FILE"] == f"/run/secrets/kafka-{user}"
        assert [secret for secret in service(name).secrets if secret.startswith("kafka-")] == [
            f"kafka-{user}"
        ]
    script = (FOLDER / "secrets.sh").read_text(encoding="utf-8")
    assert all(f"kafka-{name}" in script or re.search(rf"\b{name}\b", script) for name in PRINCIPALS)


@each
def test_what_is_mounted_from_the_project_is_there(one: Service) -> None:
    for mount in one.parts.get("volumes", []):
        source = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount["source"])
        if mount["type"] == "bind":
            assert mount["read_only"]
            assert source.startswith(("./", "../")) <= (FOLDER / source).exists()
            assert source.startswith(("./", "../", "/sys/"))
        else:
            assert source in document()["volumes"]


def test_sensor_and_enforcer_share_node_and_key() -> None:
    sensor, enforcer = service("sensor").environment, service("enforcer").environment
    for name in ("LICTOR_NODE", "LICTOR_NODE_KEY_FILE", "LICTOR_IDENTITY_MAP"):
        assert sensor[name] == enforcer[name]
    assert service("signaller").environment["LICTOR_SIGNALLER_SOCKET"] == enforcer["LICTOR_SIGNALLER_SOCKET"]


def test_what_secrets_are_made_of_is_not_kept_in_version_control() -> None:
    assert "/compose/secrets/" in Path(ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_recording_is_of_the_sample_and_whole() -> None:
    lines = (FOLDER / "recordings/demo.jsonl").read_text(encoding="utf-8").splitlines()
    batches = [read_batch(line.encode()) for line in lines]
    assert sum(len(batch.events) for batch in batches) == 22
    assert {batch.workload.namespace for batch in batches} == {"dvwa"}
