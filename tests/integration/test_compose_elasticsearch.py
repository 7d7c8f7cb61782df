"""Elasticsearch of compose with its settings and secrets, and the steps that come to it, as in the file."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.compose_elasticsearch import ComposeElasticsearch, compose_elasticsearch
from tests.fixtures.compose_model import ROOT, service

WITHIN_S = 60.0
KEYS = "/var/lib/lictor/keys"


@pytest.fixture(scope="module")
def node() -> Iterator[ComposeElasticsearch]:
    with compose_elasticsearch() as found:
        yield found


def ask(node: ComposeElasticsearch, path: str, authorization: str | None, body: object = None) -> int:
    """The status of an answer, once the node has the index of its users, which it makes when first asked."""
    deadline = time.monotonic() + WITHIN_S
    while (status := _ask(node, path, authorization, body)) == 503:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return status


def _ask(node: ComposeElasticsearch, path: str, authorization: str | None, body: object) -> int:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{node.url}/{path}", data=content)  # noqa: S310  # our own node
    request.add_header("content-type", "application/json")
    if authorization is not None:
        request.add_header("authorization", authorization)
    context = ssl.create_default_context(cafile=node.secrets / "ca.crt")
    try:
        with urllib.request.urlopen(request, timeout=WITHIN_S, context=context) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refusal:
        return refusal.code


def basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def keys(node: ComposeElasticsearch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The volume `keys` after the step that fills it, run twice as two starts of the stack run it."""
    folder = tmp_path_factory.mktemp("keys")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("LICTOR_")}
    environment = node.environment(service("indices")) | {"LICTOR_CONFIG": os.devnull}
    for _ in range(2):
        for words in service("indices").lines:
            done = subprocess.run(
                [sys.executable, "-m", "lictor", *(word.replace(KEYS, str(folder)) for word in words)],
                cwd=ROOT,
                env=inherited | environment,
                capture_output=True,
                text=True,
                timeout=WITHIN_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    return folder


def test_nobody_comes_in_without_a_name_or_with_a_wrong_password(node: ComposeElasticsearch) -> None:
    password = (node.secrets / "elastic-password").read_text(encoding="ascii")
    assert ask(node, "_cluster/health", basic("elastic", password)) == 200
    assert ask(node, "_cluster/health", basic("elastic", "0" * 64)) == 401
    assert ask(node, "_cluster/health", None) == 401


def test_kibana_s_user_gets_the_password_of_kibana_s_settings(node: ComposeElasticsearch) -> None:
    password = (node.secrets / "kibana-password").read_text(encoding="ascii")
    assert ask(node, "_security/_authenticate", basic("kibana_system", password)) == 401
    words = [node.moved(word) for word in service("kibana-user").parts["entrypoint"]]
    # A step that is run again must end as well as the first time.
    for _ in range(2):
        done = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN_S, check=False)
        assert done.returncode == 0, done.stderr
    assert ask(node, "_security/_authenticate", basic("kibana_system", password)) == 200
    assert password in (node.secrets / "kibana-secrets.yml").read_text(encoding="ascii")


def test_the_sink_s_key_writes_where_it_must_and_nowhere_else(node: ComposeElasticsearch, keys: Path) -> None:
    path = service("sink").environment["LICTOR_ELASTICSEARCH_API_KEY_FILE"].replace(KEYS, str(keys))
    key = f"ApiKey {Path(path).read_text(encoding='ascii').strip()}"
    assert Path(path).stat().st_mode & 0o077 == 0
    # A strict mapping refuses this document, which it does not before the key was found to suffice.
    assert ask(node, "logs-lictor.verdicts-default/_doc", key, {"not": "a field"}) == 400
    assert ask(node, "logs-other-default/_doc", key, {"message": "x"}) == 403
    assert ask(node, "_security/user", key) == 403
