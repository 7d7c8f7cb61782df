"""Who one is towards Elasticsearch: settings, files and what is kept out of logs."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from elastic_transport import ApiError, ApiResponseMeta, HttpHeaders, NodeConfig, TlsError

from dashboards.elastic import Elastic, KeyFileError, explained
from lictor.pipeline import services
from lictor.pipeline.services import Place
from lictor.runtime.elasticsearch_credentials import Credentials
from lictor.runtime.state import LocalState
from lictor.settings import NO_FILE, Settings, SettingsError, load

URL = "https://elastic.example:9200"


@pytest.fixture(autouse=True)
def _nothing_is_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LICTOR_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("LICTOR_CONFIG", NO_FILE)


def given(**settings: Any) -> Settings:
    return load(None, {"elasticsearch": URL, **settings})


def test_nothing_secret_is_in_a_representation() -> None:
    secrets = Elastic(url=URL, api_key="the-key", user="setup", password="the-word")  # noqa: S106
    assert "the-key" not in repr(secrets)
    assert "the-word" not in repr(secrets)
    assert "setup" in repr(secrets)
    settings = given(elasticsearch_user="setup", elasticsearch_password="the-word")  # noqa: S106
    assert "the-word" not in repr(settings)
    assert "the-word" not in repr(Credentials(user="one", password="the-word"))  # noqa: S106


def test_a_key_wins_except_for_setting_up(tmp_path: Path) -> None:
    word = tmp_path / "word"
    word.write_text("the-word\n")
    both = given(
        elasticsearch_api_key="the-key", elasticsearch_user="setup", elasticsearch_password_file=word
    )
    assert both.elastic() == Elastic(url=URL, api_key="the-key")
    assert both.elastic().authorization == "ApiKey the-key"
    setting_up = both.elastic(setting_up=True)
    assert (setting_up.user, setting_up.password, setting_up.api_key) == ("setup", "the-word", None)
    assert setting_up.authorization == "Basic " + base64.b64encode(b"setup:the-word").decode()
    assert given().elastic() == Elastic(url=URL)
    assert given().elastic().authorization is None


def test_a_key_from_a_file_is_read_when_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "key"
    elastic = given(elasticsearch_api_key_file=path).elastic()
    with pytest.raises(KeyFileError, match="cannot be read"):
        _ = elastic.authorization
    path.write_text("one\n")
    assert elastic.authorization == "ApiKey one"
    path.write_text("two")
    assert elastic.authorization == "ApiKey two"
    for content in ("", "two\nlines", "\u00e9"):
        path.write_text(content)
        with pytest.raises(KeyFileError):
            _ = elastic.authorization


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"elasticsearch_user": "setup"}, "belong together"),
        ({"elasticsearch_password": "the-word"}, "belong together"),
        ({"elasticsearch_api_key": "the-key", "elasticsearch_api_key_file": "f"}, "set one of them"),
        (
            {
                "elasticsearch_user": "setup",
                "elasticsearch_password": "the-word",
                "elasticsearch_password_file": "f",
            },
            "set one of them",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as refused:
        given(**settings)
    assert "the-word" not in str(refused.value)
    assert "the-key" not in str(refused.value)


def test_an_authority_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "ca.pem"
    with pytest.raises(SettingsError, match=r"elasticsearch_ca: .*ca\.pem"):
        given(elasticsearch_ca=missing).elastic()
    missing.touch()
    assert given(elasticsearch_ca=missing).elastic().ca_certs == str(missing)


def answer(status: int, body: Any) -> ApiError:
    node = NodeConfig(scheme="http", host="127.0.0.1", port=9200)
    meta = ApiResponseMeta(status=status, http_version="1.1", headers=HttpHeaders(), duration=0.0, node=node)
    return ApiError("message", meta=meta, body=body)


def test_refusals_say_what_to_do() -> None:
    body = {"error": {"type": "security_exception", "reason": "no such key"}}
    assert "elasticsearch_api_key_file" in explained(answer(401, body))
    assert "no such key" in explained(answer(401, body))
    assert "dashboards/security" in explained(answer(403, body))
    assert "elasticsearch_ca" in explained(TlsError("self-signed certificate"))
    caused = {"error": {"type": "outer", "reason": "a", "caused_by": {"type": "inner", "reason": "b"}}}
    assert explained(answer(400, caused)) == "Elasticsearch answers 400: outer: a; inner: b"
    assert explained(answer(502, "bad gateway")).startswith("Elasticsearch answers 502: ")


def test_hash_is_the_one_that_the_file_realm_reads() -> None:
    credentials = Credentials(user="one", password="the-word")  # noqa: S106
    rounds, salt, digest = credentials.hash.removeprefix("{PBKDF2}").split("$")
    expected = hashlib.pbkdf2_hmac("sha512", b"the-word", base64.b64decode(salt), int(rounds), 32)
    assert base64.b64decode(digest) == expected
    assert credentials.hash != credentials.hash


def environment(tmp_path: Path, name: str, sink_key: Path | None, **settings: Any) -> dict[str, str]:
    """What a service is told of Elasticsearch beside its address."""
    place = Place(
        state=LocalState(tmp_path, None),
        settings=given(**settings),
        bootstrap="127.0.0.1:1",
        elasticsearch=URL,
        identity_map=None,
        node_key=None,
        sink_key=sink_key,
    )
    told = services._environment(place, name)
    assert told["LICTOR_ELASTICSEARCH"] == URL
    return {key: value for key, value in told.items() if key.startswith("LICTOR_ELASTICSEARCH_")}


def test_each_service_is_told_what_it_needs(tmp_path: Path) -> None:
    user = {"elasticsearch_user": "setup", "elasticsearch_password": "the-word"}
    told_user = {"LICTOR_ELASTICSEARCH_USER": "setup", "LICTOR_ELASTICSEARCH_PASSWORD": "the-word"}
    for name in ("sensor", "streams", "enforcer", "signaller"):
        assert environment(tmp_path, name, None, elasticsearch_api_key="the-key", **user) == {}
    assert environment(tmp_path, "sink", None, **user) == told_user
    with_key = environment(tmp_path, "sink", None, elasticsearch_api_key="the-key", **user)
    assert with_key == {"LICTOR_ELASTICSEARCH_API_KEY": "the-key"}
    local = environment(tmp_path, "sink", tmp_path / "key", **user)
    assert local == {"LICTOR_ELASTICSEARCH_API_KEY_FILE": str(tmp_path / "key")}
