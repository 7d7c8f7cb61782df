"""Who may do what in Elasticsearch, tried on the real server: roles, keys, strangers."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from elastic_transport import ApiError
from elasticsearch import AsyncElasticsearch, AuthenticationException, AuthorizationException

from dashboards import access, documents, search
from dashboards.access import ANALYST, INSTALLER, SINK, AccessError, Key
from dashboards.backoff import Backoff
from dashboards.bulk import Entry, Origin
from dashboards.documents import VERDICTS_STREAM
from dashboards.elastic import Elastic
from dashboards.install import install_all
from dashboards.progress import PartitionProgress
from dashboards.provision import provision
from dashboards.writer import Writer
from lictor.pipeline.provisioned import elastic_of
from lictor.runtime import ports
from lictor.runtime.elasticsearch_credentials import folder_of, netrc_of
from tests.fixtures.runtime import running
from tests.fixtures.verdict_records import verdict_record

T = TypeVar("T")
Question = Callable[[AsyncElasticsearch, str], Awaitable[Any]]
"""What a client asks; the name is the index behind the stream, which the stream's rights cover."""

OTHERS = "logs-billing.invoices-default"
"""A stream of somebody else in the same cluster."""

WITHIN_S = 120.0
GUESS = "changeme"


@dataclass(frozen=True)
class House:
    """A secured server with roles and templates in it, a document of ours and one of somebody else."""

    admin: Elastic
    root: Path

    def ask(
        self, question: Callable[[AsyncElasticsearch], Awaitable[T]], elastic: Elastic | None = None
    ) -> T:
        async def run() -> T:
            client = (elastic or self.admin).client()
            try:
                return await question(client)
            finally:
                await client.close()

        return asyncio.run(run())

    def put(self, question: Question, elastic: Elastic) -> None:
        async def newest(client: AsyncElasticsearch) -> str:
            found = await client.indices.resolve_index(name=VERDICTS_STREAM)
            return str(max(found.body["data_streams"][0]["backing_indices"]))

        index = self.ask(newest)
        self.ask(lambda client: question(client, index), elastic)

    def key(self, name: str, role: str, **options: Any) -> Key:
        return self.ask(lambda client: access.make_key(client, name, role, **options))

    def holder(self, role: str) -> Elastic:
        """Somebody with a key of this role."""
        return Elastic(url=self.admin.url, api_key=self.key(f"test-{role}", role).encoded)


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running(elasticsearch=True, secured=True) as servers:
        node = servers.elasticsearch
        assert node is not None
        made = House(admin=elastic_of(node), root=node.state.root)

        async def furnish(client: AsyncElasticsearch) -> None:
            await access.install_roles(client)
            await install_all(client)
            await client.index(index=OTHERS, document={"@timestamp": 0, "amount": 1}, refresh=True)

        made.ask(furnish)
        store(made, made.holder(SINK), 1)
        yield made


def store(house: House, elastic: Elastic, sequence: int) -> str:
    """Store a verdict as the sink does; its `_id`."""
    record = verdict_record(sequence, incarnation="5" * 16)
    name = documents.verdict_document_id(record)
    entry = Entry(
        id=name,
        document=documents.encode(documents.verdict_document(record)),
        origin=Origin(progress=PartitionProgress("verdicts", 0, 0), offset=sequence, key=None, value=b""),
    )

    async def write(client: AsyncElasticsearch) -> None:
        assert await Writer(client, VERDICTS_STREAM, Backoff(longest=0.2)).write([entry], unsure=True) == []
        await search.refresh(client)

    house.ask(write, elastic)
    return name


def refused(house: House, elastic: Elastic, question: Question) -> bool:
    """Whether the server knows who asks, and does not allow it."""
    try:
        house.put(question, elastic)
    except AuthorizationException:
        return True
    return False


READING: dict[str, Question] = {
    "a document": lambda c, _: c.search(index=VERDICTS_STREAM),
    "its mapping": lambda c, _: c.indices.get_mapping(index=VERDICTS_STREAM),
    "how many there are": lambda c, _: c.count(index=VERDICTS_STREAM),
}
CHANGING: dict[str, Question] = {
    "delete its index": lambda c, i: c.indices.delete(index=i),
    "overwrite a document": lambda c, i: c.index(
        index=i, id="1", document={}, if_seq_no=0, if_primary_term=1
    ),
    "change a document": lambda c, i: c.update(index=i, id="1", doc={}),
    "delete a document": lambda c, i: c.delete(index=i, id="1"),
    "roll over": lambda c, _: c.indices.rollover(alias=VERDICTS_STREAM),
    "change the mapping": lambda c, _: c.indices.put_mapping(
        index=VERDICTS_STREAM, properties={"x": {"type": "keyword"}}
    ),
    "change the settings": lambda c, _: c.indices.put_settings(
        index=VERDICTS_STREAM, settings={"index.refresh_interval": "1h"}
    ),
    "close it": lambda c, _: c.indices.close(index=VERDICTS_STREAM),
}
BEYOND: dict[str, Question] = {
    "read others' documents": lambda c, _: c.search(index=OTHERS),
    "write others' documents": lambda c, _: c.index(index=OTHERS, document={"@timestamp": 0}),
    "make an index elsewhere": lambda c, _: c.indices.create(index="elsewhere"),
    "make a role": lambda c, _: c.security.put_role(name="mine", cluster=["all"]),
    "make a user": lambda c, _: c.security.put_user(username="me", password=GUESS, roles=["superuser"]),
    "make a key": lambda c, _: c.security.create_api_key(name="another"),
    "read keys": lambda c, _: c.security.get_api_key(),
    "change the cluster": lambda c, _: c.cluster.put_settings(persistent={"cluster.max_shards_per_node": 1}),
    "remove a template": lambda c, _: c.indices.delete_index_template(name="logs-lictor.verdicts"),
    "read the security index": lambda c, _: c.search(index=".security-7"),
}
TEMPLATES: dict[str, Question] = {
    "change a template": lambda c, _: c.indices.put_index_template(
        name="logs-lictor.verdicts", index_patterns=["logs-lictor.verdicts-*"], priority=1000
    ),
    "read templates": lambda c, _: c.indices.get_index_template(name="logs-lictor.*"),
}


def all_refused(house: House, elastic: Elastic, *tables: dict[str, Question]) -> list[str]:
    """What was not refused; empty is good."""
    return [
        what for table in tables for what, question in table.items() if not refused(house, elastic, question)
    ]


def test_sink_adds_and_looks_up_and_nothing_else(house: House) -> None:
    sink = house.holder(SINK)
    name = store(house, sink, 2)
    assert house.ask(lambda client: search.count(client, [name]), sink) == {name: 1}
    assert store(house, sink, 2) == name
    assert house.ask(lambda client: search.count(client, [name])) == {name: 1}
    assert all_refused(house, sink, CHANGING, BEYOND, TEMPLATES) == []


def test_analyst_reads_and_nothing_else(house: House) -> None:
    analyst = house.holder(ANALYST)
    for question in READING.values():
        house.put(question, analyst)
    writing: dict[str, Question] = {
        "add": lambda c, _: c.index(index=VERDICTS_STREAM, document={"@timestamp": 0}),
        "refresh": lambda c, _: c.indices.refresh(index=VERDICTS_STREAM),
    }
    assert all_refused(house, analyst, writing, CHANGING, BEYOND, TEMPLATES) == []


def test_installer_brings_templates_up_to_date_and_reads_no_document(house: House) -> None:
    installer = house.holder(INSTALLER)
    kept = {"remove a template": BEYOND["remove a template"]}
    allowed = {"roll over", "change the mapping"}
    changing = {what: question for what, question in CHANGING.items() if what not in allowed}
    reading = {"a document": READING["a document"], "how many there are": READING["how many there are"]}
    beyond = {what: question for what, question in BEYOND.items() if what not in kept}
    assert all_refused(house, installer, reading, changing, beyond) == []

    async def of_another_release(client: AsyncElasticsearch) -> None:
        meta = {"version": 0, "digest": "another"}
        found = await client.indices.get_index_template(name="logs-lictor.verdicts")
        body = found.body["index_templates"][0]["index_template"]
        body["template"]["mappings"]["_meta"] = body["_meta"] = meta
        for calculated in ("created_date", "created_date_millis", "modified_date", "modified_date_millis"):
            body.pop(calculated, None)
        properties = body["template"]["mappings"]["properties"]
        properties["process"]["properties"]["pid"] = {"type": "keyword", "ignore_above": 64}
        await client.indices.put_index_template(name="logs-lictor.verdicts", **body)
        await client.indices.rollover(alias=VERDICTS_STREAM)

    house.ask(of_another_release)
    done = {one.of.name: one for one in house.ask(install_all, installer)}
    assert (done[VERDICTS_STREAM].template, done[VERDICTS_STREAM].stream) == ("updated", "rolled over")
    assert {one.template for one in house.ask(install_all, installer)} == {"unchanged"}
    store(house, house.holder(SINK), 3)


@pytest.mark.parametrize("elastic", ["nobody", "wrong-key", "wrong-password"])
def test_who_is_not_known_gets_nowhere(house: House, elastic: str) -> None:
    url = house.admin.url
    stranger = {
        "nobody": Elastic(url=url),
        "wrong-key": Elastic(url=url, api_key="bm90OmFrZXk="),
        "wrong-password": Elastic(url=url, user="lictor-admin", password=GUESS),
    }[elastic]
    for question in (*READING.values(), *TEMPLATES.values(), BEYOND["make a key"]):
        with pytest.raises(AuthenticationException):
            house.put(question, stranger)
    for built_in in ("elastic", "kibana_system"):
        with pytest.raises(AuthenticationException):
            house.put(READING["a document"], Elastic(url=url, user=built_in, password=GUESS))


def test_roles_are_made_once_and_mended(house: House) -> None:
    def installed() -> dict[str, str]:
        return {one.name: one.role for one in house.ask(access.install_roles)}

    assert set(installed().values()) == {"unchanged"}
    house.ask(
        lambda client: client.security.put_role(
            name=ANALYST, indices=[{"names": ["*"], "privileges": ["all"]}], description="widened"
        )
    )
    assert installed() == {ANALYST: "updated", INSTALLER: "unchanged", SINK: "unchanged"}
    assert set(installed().values()) == {"unchanged"}


def test_a_role_that_is_widened_widens_no_key(house: House) -> None:
    analyst = house.holder(ANALYST)
    house.ask(lambda client: client.security.put_role(name=ANALYST, cluster=["all"]))
    try:
        assert refused(house, analyst, lambda client, _: client.cluster.health())
    finally:
        house.ask(access.install_roles)


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
    house.put(READING["a document"], Elastic(url=house.admin.url, api_key_file=path))
    said = lictor(house.root, "dashboards", "key", "analyst", "--to", "-").stdout.strip()
    house.put(READING["a document"], Elastic(url=house.admin.url, api_key=said))
    with pytest.raises(AuthenticationException):
        house.put(READING["a document"], Elastic(url=house.admin.url, api_key_file=path))


def test_command_says_what_is_wrong(house: House, tmp_path: Path) -> None:
    nowhere = tmp_path / "missing" / "file"
    done = lictor(house.root, "dashboards", "key", "sink", "--to", str(nowhere))
    assert (done.returncode, "no folder" in done.stderr) == (2, True)
    done = lictor(house.root, "dashboards", "key", "sink", "--to", str(tmp_path / "k"), "--expires", "soon")
    assert (done.returncode, "soon" in done.stderr) == (3, True)
    assert not (tmp_path / "k").exists()


def test_printed_curl_finds_the_verdict_and_shows_no_secret(house: House) -> None:
    name = store(house, house.holder(SINK), 4)
    command = shlex.split(search.curl(house.admin.url, name, netrc_of(house.root)))
    passwords = [path.read_text().strip() for path in folder_of(house.root).glob("lictor-*")]
    assert len(passwords) == 2
    assert not [word for word in command for password in passwords if password in word]
    done = subprocess.run(command, check=True, capture_output=True, timeout=WITHIN_S)
    found = json.loads(done.stdout)
    assert [hit["_id"] for hit in found["hits"]["hits"]] == [name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_of_the_machine_reads_no_credential(house: House) -> None:
    held = [
        *folder_of(house.root).iterdir(),
        folder_of(house.root),
        *house.root.glob("elasticsearch/config/*"),
    ]
    assert len(held) > 5
    words = ["test", "!", "-r"]
    for path in held:
        readable = subprocess.run([*words, str(path)], user=65534, group=65534, extra_groups=[], check=False)
        assert readable.returncode == 0, f"{path} is open to everybody"


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


def test_every_role_file_is_a_role_of_least_words() -> None:
    for name, role in access.roles().items():
        assert msgspec.json.decode(msgspec.json.encode(role), type=access.Role) == role
        assert name.startswith("lictor-")
        for entry in role.indices:
            assert entry["names"] == ["logs-lictor.*"]
            assert not {"all", "manage", "write", "delete", "delete_index"} & set(entry["privileges"])
