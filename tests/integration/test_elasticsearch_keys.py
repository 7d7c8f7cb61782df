"""API keys of the real server: made, exchanged, taken back, written to files by the command."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from elastic_transport import ApiError
from elasticsearch import AsyncElasticsearch, AuthenticationException

from dashboards import access
from dashboards.access import ANALYST, SINK, AccessError
from dashboards.documents import VERDICTS_STREAM
from dashboards.elastic import Elastic
from dashboards.provision import provision
from lictor.runtime import ports
from tests.fixtures.houses import House, furnished

WITHIN_S = 120.0
GUESS = "changeme"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with furnished() as made:
        yield made


async def read(client: AsyncElasticsearch) -> None:
    """What an analyst may."""
    await client.count(index=VERDICTS_STREAM)


def test_a_new_key_counts_before_the_one_before_it_stops(house: House) -> None:
    first = house.key("exchanged", SINK)
    bystander = house.key("another", SINK)
    counted: list[bool] = []

    def counts(key: str) -> bool:
        words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "@-"]
        done = subprocess.run(
            [*words, f"{house.admin.url}/_security/_authenticate"],
            input=f"Authorization: ApiKey {key}",
            check=True,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
        )
        assert done.stdout in {"200", "401"}
        return done.stdout == "200"

    def note(encoded: str) -> None:
        counted.extend((counts(first.encoded), counts(encoded)))

    second = house.key("exchanged", SINK, store=note, expiration="1h")
    assert counted == [True, True]
    assert (first.replaced, second.replaced) == (0, 1)
    assert second.expires_ms is not None
    assert [counts(key.encoded) for key in (first, second, bystander)] == [False, True, True]
    assert house.ask(lambda client: access.has_rights(client, second.id, SINK))
    assert not house.ask(lambda client: access.has_rights(client, second.id, ANALYST))
    assert not house.ask(lambda client: access.has_rights(client, first.id, SINK))
    assert not house.ask(lambda client: access.has_rights(client, "no-such-key", SINK))


def test_a_start_keeps_the_sinks_key_while_it_counts_and_has_its_rights(house: House) -> None:
    def provisioned(key: str | None) -> str:
        given = asyncio.run(provision(house.admin, "of-the-start", key))
        assert given is not None
        return given

    first = provisioned(None)
    assert provisioned(first) == first
    analyst = house.key("of-somebody", ANALYST).encoded
    for useless in ("no base64", "bm90OmFrZXk=", analyst):
        fresh = provisioned(useless)
        assert fresh not in {first, useless}
        first = fresh
    house.ask(lambda client: client.security.invalidate_api_key(name="of-the-start"))
    assert provisioned(first) != first


def test_an_elasticsearch_that_is_away_is_asked_again() -> None:
    (port,) = ports.choose()
    away = Elastic(url=f"http://127.0.0.1:{port}", user="lictor-admin", password=GUESS)
    assert asyncio.run(provision(away, "of-nobody", None)) is None


def test_who_may_not_make_keys_is_told_so(house: House) -> None:
    sink = house.holder(SINK)
    with pytest.raises(AccessError, match="manage_api_key"):
        house.ask(lambda client: access.make_key(client, "mine", SINK), sink)
    with pytest.raises(AccessError, match="manage_security"):
        house.ask(access.install_roles, sink)
    with pytest.raises(AccessError, match="lictor-analyst, lictor-installer, lictor-sink"):
        house.key("mine", "superuser")


def lictor(root: Path, *words: str, user: int | None = None) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LICTOR_")}
    return subprocess.run(
        [sys.executable, "-m", "lictor", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**inherited, "LICTOR_STATE": str(root), "LICTOR_CONFIG": "/dev/null", "NO_COLOR": "1"},
        user=user,
        timeout=WITHIN_S,
    )


def test_command_writes_a_key_to_a_closed_file_and_never_says_it(house: House, tmp_path: Path) -> None:
    path = tmp_path / "analyst.key"
    done = lictor(house.root, "dashboards", "key", "analyst", "--to", str(path), "--expires", "30d")
    assert done.returncode == 0, done.stderr
    key = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key not in done.stdout + done.stderr
    assert "rights of lictor-analyst" in done.stdout
    house.ask(read, Elastic(url=house.admin.url, api_key_file=path))
    said = lictor(house.root, "dashboards", "key", "analyst", "--to", "-").stdout.strip()
    house.ask(read, Elastic(url=house.admin.url, api_key=said))
    with pytest.raises(AuthenticationException):
        house.ask(read, Elastic(url=house.admin.url, api_key_file=path))


def test_command_says_what_is_wrong(house: House, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "file"
    done = lictor(house.root, "dashboards", "key", "sink", "--to", str(nowhere))
    assert (done.returncode, "no folder" in done.stderr) == (2, True)
    done = lictor(house.root, "dashboards", "key", "sink", "--to", str(tmp_path / "k"), "--expires", "soon")
    assert (done.returncode, "soon" in done.stderr) == (3, True)
    assert not (tmp_path / "k").exists()


def test_key_file_is_read_anew_and_what_is_wrong_with_it_is_no_answer(house: House, tmp_path: Path) -> None:
    path = tmp_path / "key"
    elastic = Elastic(url=house.admin.url, api_key_file=path)

    async def ask_in_turn(client: AsyncElasticsearch) -> list[str]:
        said: list[str] = []
        for content in (None, "bm90OmFrZXk=\n", house_key + "\n", "", house_key):
            path.unlink(missing_ok=True)
            if content is not None:
                path.write_text(content)
            try:
                await client.count(index=VERDICTS_STREAM)
            except ApiError as error:
                said.append(str(error.meta.status))
            except Exception as error:  # noqa: BLE001  # named below
                said.append(type(error).__name__)
            else:
                said.append("counted")
        return said

    house_key = house.key("of-the-file", ANALYST).encoded
    assert house.ask(ask_in_turn, elastic) == ["KeyFileError", "401", "counted", "KeyFileError", "counted"]
