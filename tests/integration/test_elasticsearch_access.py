"""Who may do what in Elasticsearch, tried on the real server: roles, strangers, other users."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator

import msgspec
import pytest
from elasticsearch import AsyncElasticsearch, AuthenticationException, AuthorizationException

from dashboards import access, search
from dashboards.access import ANALYST, INSTALLER, SINK
from dashboards.documents import VERDICTS_STREAM
from dashboards.elastic import Elastic
from dashboards.install import install_all
from lictor.runtime.elasticsearch_credentials import folder_of, netrc_of
from tests.fixtures.houses import OTHERS, House, Question, furnished, store

WITHIN_S = 120.0
GUESS = "changeme"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with furnished() as made:
        yield made


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


def test_every_role_file_is_a_role_of_least_words() -> None:
    for name, role in access.roles().items():
        assert msgspec.json.decode(msgspec.json.encode(role), type=access.Role) == role
        assert name.startswith("lictor-")
        for entry in role.indices:
            assert entry["names"] == ["logs-lictor.*"]
            assert not {"all", "manage", "write", "delete", "delete_index"} & set(entry["privileges"])
