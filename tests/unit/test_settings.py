"""Settings come from a file, the environment and flags; the later one wins, and errors say what is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lictor import settings
from lictor.settings import Settings, SettingsError, load
from wire.seal import KEY_BYTES


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's or of this run's settings."""
    for name in [name for name in os.environ if name.startswith("LICTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LICTOR_STATE", str(tmp_path / "no-state"))
    monkeypatch.setattr(settings, "DEFAULT_FILE", tmp_path / "no-default.toml")


def file(folder: Path, text: str) -> Path:
    path = folder / "lictor.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_flag_wins_over_environment_over_file_over_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(None, {}).topic_prefix == "lictor"
    config = file(tmp_path, 'topic_prefix = "from-file"\nnode = "from-file"\nworker = "from-file"\n')
    monkeypatch.setenv("LICTOR_NODE", "from-environment")
    monkeypatch.setenv("LICTOR_WORKER", "from-environment")
    found = load(config, {"worker": "from-flag", "bootstrap": None})
    assert (found.topic_prefix, found.node, found.worker) == ("from-file", "from-environment", "from-flag")
    assert found.bootstrap is None


def test_the_file_is_the_named_one_or_the_environment_s_or_the_default_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("default", "environment", "named"):
        (tmp_path / name).write_text(f'node = "{name}"\n', encoding="utf-8")
    monkeypatch.setattr(settings, "DEFAULT_FILE", tmp_path / "default")
    assert load(None, {}).node == "default"
    monkeypatch.setenv("LICTOR_CONFIG", str(tmp_path / "environment"))
    assert load(None, {}).node == "environment"
    assert load(tmp_path / "named", {}).node == "named"
    monkeypatch.setenv("LICTOR_CONFIG", settings.NO_FILE)
    assert load(None, {}).node not in {"default", "environment", "named"}


def test_lists_and_maps_are_toml_in_the_file_and_json_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = file(tmp_path, 'protected = ["/usr/bin/one"]\nnode_labels = {zone = "a"}\n')
    assert load(config, {}).protected == ["/usr/bin/one"]
    assert load(config, {}).node_labels == {"zone": "a"}
    monkeypatch.setenv("LICTOR_PROTECTED", '["/usr/bin/two", "/usr/bin/three"]')
    assert load(config, {}).protected == ["/usr/bin/two", "/usr/bin/three"]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("LICTOR_TICK_MS", "0", "tick_ms"),
        ("LICTOR_EVENT_PARTITIONS", "many", "event_partitions"),
        ("LICTOR_TOPIC_PREFIX", "no spaces", "topic_prefix"),
        ("LICTOR_ARGS", "some", "args"),
        ("LICTOR_PROTECTED", "/usr/bin/one", "protected"),
        ("LICTOR_METRICS_PORT", "65536", "metrics_port"),
    ],
)
def test_a_value_that_does_not_fit_is_told_by_its_name(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"settings: .*{said}.*docs/settings\.md"):
        load(None, {})


def test_every_wrong_value_is_told_at_once(tmp_path: Path) -> None:
    config = file(tmp_path, 'args = "some"\nring_kib = 1\nno_such_setting = 1\n')
    with pytest.raises(SettingsError) as refused:
        load(config, {})
    assert all(name in str(refused.value) for name in ("args", "ring_kib", "no_such_setting"))


def test_a_file_that_cannot_be_used_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: no such file"):
        load(tmp_path / "absent.toml", {})
    with pytest.raises(SettingsError, match="no such file"):
        load(tmp_path, {})
    broken = file(tmp_path, "node = \n")
    with pytest.raises(SettingsError, match=r"lictor\.toml: .*line 1"):
        load(broken, {})
    broken.write_bytes(b'node = "\xff"\n')
    with pytest.raises(SettingsError):
        load(broken, {})
    monkeypatch.setenv("LICTOR_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(SettingsError, match=r"absent\.toml: no such file"):
        load(None, {})


@pytest.mark.skipif(os.geteuid() != 0, reason="becoming another user for a moment needs root")
def test_a_default_file_that_others_may_not_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = file(tmp_path, 'node = "secret"\n')
    closed.chmod(0o600)
    monkeypatch.setattr(settings, "DEFAULT_FILE", closed)
    for folder in (tmp_path, *tmp_path.parents[:-1]):
        folder.chmod(folder.stat().st_mode | 0o001)
    os.seteuid(65534)
    try:
        with pytest.raises(SettingsError, match=r"lictor\.toml: Permission denied.*LICTOR_CONFIG"):
            load(None, {})
    finally:
        os.seteuid(0)


def test_another_process_gets_all_that_was_set_and_reads_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = file(
        tmp_path,
        """
        kills_per_minute = 7
        tick_ms = 1.5
        protected = ["/usr/bin/one", "/opt/a b"]
        node_labels = {zone = "a", rack = "7"}
        elasticsearch_api_key = "secret"
        identity_map = "/etc/lictor/workloads.yaml"
        """,
    )
    monkeypatch.setenv("LICTOR_ARGS", "none")
    given = load(config, {"topic_prefix": "other"})
    environment = given.environment()
    assert set(environment) == {
        "LICTOR_CONFIG",
        *(f"LICTOR_{name.upper()}" for name in given.model_fields_set),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = load(None, {})
    assert found == given
    assert found.elasticsearch_api_key is not None
    assert found.elasticsearch_api_key.get_secret_value() == "secret"
    assert json.loads(environment["LICTOR_PROTECTED"]) == given.protected


def test_a_secret_is_not_shown() -> None:
    assert "secret" not in repr(Settings(elasticsearch_api_key="secret"))


def test_servers_are_those_set_or_else_the_usual_ports() -> None:
    assert load(None, {}).kafka("x").bootstrap == "127.0.0.1:9092"
    assert load(None, {}).elasticsearch_url() == "http://127.0.0.1:9200"
    given = load(None, {"bootstrap": "one:1,two:2", "elasticsearch": "https://three:3"})
    assert given.kafka("x").bootstrap == "one:1,two:2"
    assert given.elasticsearch_url() == "https://three:3"


def test_topics_have_the_counts_that_were_set() -> None:
    topics = load(None, {"topic_prefix": "p", "event_partitions": 7, "order_partitions": 3}).topics()
    assert (topics.events.name, topics.events.partitions) == ("p.events.v1", 7)
    assert topics.orders.partitions == 3
    assert topics.policies.partitions == 1


def test_a_node_key_is_32_bytes(tmp_path: Path) -> None:
    assert load(None, {}).node_key() is None
    path = tmp_path / "node.key"
    given = load(None, {"node_key_file": path})
    with pytest.raises(SettingsError, match=r"node_key_file: .*node\.key"):
        given.node_key()
    path.write_bytes(b"k" * (KEY_BYTES - 1))
    with pytest.raises(SettingsError, match="31 bytes and must have 32"):
        given.node_key()
    path.write_bytes(b"k" * KEY_BYTES)
    assert given.node_key() == b"k" * KEY_BYTES
