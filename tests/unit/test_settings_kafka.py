"""Who a service is to Kafka, as the settings say; what does not go together is said first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lictor import settings
from lictor.runtime.errors import CredentialError
from lictor.runtime.kafka_credentials import folder_of, make
from lictor.runtime.state import LocalState
from lictor.settings import SettingsError, load
from wire.access import ADMIN, PRINCIPALS
from wire.security import PLAIN_TEXT


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's or of this run's settings."""
    for name in [name for name in os.environ if name.startswith("LICTOR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("LICTOR_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(settings, "DEFAULT_FILE", tmp_path / "no-default.toml")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"kafka_protocol": "sasl_ssl", "kafka_password": "x"}, "kafka_user is not set"),
        (
            {"kafka_protocol": "sasl_ssl", "kafka_user": "sink"},
            "set one of kafka_password and kafka_password_file",
        ),
        (
            {
                "kafka_protocol": "sasl_ssl",
                "kafka_user": "sink",
                "kafka_password": "x",
                "kafka_password_file": "/x",
            },
            "set one of kafka_password and kafka_password_file",
        ),
        ({"kafka_user": "sink"}, "neither user nor password is sent: set it to sasl_ssl"),
        ({"kafka_protocol": "ssl", "kafka_password": "x"}, "neither user nor password is sent"),
        ({"kafka_ca": "/x"}, "kafka_protocol is plaintext and does not use kafka_ca"),
        ({"kafka_protocol": "ssl", "kafka_certificate": "/x"}, "kafka_certificate and kafka_key go together"),
        ({"kafka_protocol": "sasl"}, "kafka_protocol: "),
        ({"kafka_mechanism": "GSSAPI"}, "kafka_mechanism: "),
    ],
)
def test_what_does_not_go_together_is_said(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(None, given)
    assert sentence in str(refused.value)
    assert "settings: :" not in str(refused.value)


def test_a_password_comes_from_a_file_with_one_line(tmp_path: Path) -> None:
    path = tmp_path / "password"
    given = {"kafka_protocol": "sasl_ssl", "kafka_user": "sink", "kafka_password_file": path}
    for content, sentence in ((None, "No such file"), ("", "has 0 lines"), ("a\nb\n", "has 2 lines")):
        if content is not None:
            path.write_text(content)
        with pytest.raises(SettingsError, match=f"kafka_password_file: .*{sentence}"):
            load(None, given).kafka("x")
    path.write_text(" it's # one = line \n")
    found = load(None, given).kafka("x").security
    assert (found.user, found.password) == ("sink", " it's # one = line ")


def test_a_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    given = load(None, {"kafka_protocol": "ssl", "kafka_ca": tmp_path / "none.pem"})
    with pytest.raises(SettingsError, match=r"kafka_ca: .*none\.pem cannot be read"):
        given.kafka("x")


def test_a_command_comes_as_operator_of_the_local_broker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalState(tmp_path / "state", None) as state:
        passwords = make(state)
        assert set(passwords) == {ADMIN, *PRINCIPALS}
        assert len(set(passwords.values())) == len(passwords)
        assert make(state) == passwords
        assert {path.stat().st_mode & 0o777 for path in folder_of(state.root).iterdir()} == {0o400}
        state.publish(bootstrap="127.0.0.1:7", elasticsearch=None, pids={}, kafka_secured=True)
        found = load(None, {}).kafka("x")
        assert (found.bootstrap, found.security.user) == ("127.0.0.1:7", "operator")
        assert found.security.password == passwords["operator"]
        assert load(None, {}).kafka("x", "sensor").security.user == "sensor"
        assert load(None, {"bootstrap": "127.0.0.1:7"}).kafka("x").security.user == "operator"
        assert load(None, {"bootstrap": "elsewhere:7"}).kafka("x").security == PLAIN_TEXT
        monkeypatch.setenv("LICTOR_KAFKA_PASSWORD", "given")
        said = load(None, {"kafka_protocol": "sasl_plaintext", "kafka_user": "consumer"}).kafka("x")
        assert (said.bootstrap, said.security.user, said.security.password) == (
            "127.0.0.1:7",
            "consumer",
            "given",
        )
        monkeypatch.delenv("LICTOR_KAFKA_PASSWORD")
        (folder_of(state.root) / "operator").unlink()
        with pytest.raises(CredentialError, match="operator is missing: end `lictor up`"):
            load(None, {}).kafka("x")


def test_a_plain_local_broker_is_not_asked_for_credentials(tmp_path: Path) -> None:
    with LocalState(tmp_path / "state", None) as state:
        state.publish(bootstrap="127.0.0.1:7", elasticsearch=None, pids={})
        assert load(None, {}).kafka("x").security == PLAIN_TEXT
