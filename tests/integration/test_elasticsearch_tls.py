"""Elasticsearch under TLS with certificates made here, on a folder that was used without security before."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from elastic_transport import ApiError, TransportError
from elasticsearch import AsyncElasticsearch

from dashboards.elastic import Elastic, explained
from lictor.pipeline.provisioned import elastic_of, key_file_of, provisioned
from lictor.runtime import artifacts, java
from lictor.runtime.elasticsearch import Certificate, Elasticsearch, certify
from lictor.runtime.errors import AccountError, ArtifactError, NoJdkError
from lictor.runtime.state import LocalState, default_cache
from lictor.runtime.supervisor import Supervisor
from tests.fixtures.runtime import state_folder

KEPT = "kept"
WITHIN_S = 60.0


@pytest.fixture
def state() -> Iterator[LocalState]:
    with state_folder() as root:
        try:
            with LocalState.at(root) as held:
                yield held
        except AccountError as error:
            pytest.skip(str(error))


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=WITHIN_S)


def signed(folder: Path) -> Certificate:
    """An authority, and a certificate for loopback that it signed."""
    authority, authority_key = folder / "ca.pem", folder / "ca.key"
    certify(authority, authority_key)
    certificate, key, request = folder / "http.pem", folder / "http.key", folder / "http.csr"
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", *curve, "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(request))
    names = folder / "names"
    names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    by = ("-CA", str(authority), "-CAkey", str(authority_key), "-CAcreateserial", "-days", "2")
    openssl("x509", "-req", "-in", str(request), *by, "-extfile", str(names), "-out", str(certificate))
    return Certificate(authority=authority, certificate=certificate, key=key)


async def count(elastic: Elastic) -> int:
    client = elastic.client()
    try:
        return int((await client.count(index=KEPT)).body["count"])
    finally:
        await client.close()


async def refusal(elastic: Elastic) -> str:
    """What is said where the request must not succeed."""
    try:
        await count(elastic)
    except (ApiError, TransportError) as error:
        return explained(error)
    pytest.fail("it was answered")


def node_of(state: LocalState, *, secured: bool, certificate: Certificate | None = None) -> Elasticsearch:
    try:
        found = artifacts.locate(default_cache())
        jdk = java.find(java.ELASTICSEARCH)
    except (ArtifactError, NoJdkError) as error:
        pytest.skip(str(error))
    return Elasticsearch(state, found.elasticsearch, jdk, secured=secured, certificate=certificate)


async def store_without_security(state: LocalState) -> None:
    node = node_of(state, secured=False)
    node.prepare()
    async with Supervisor(hold=state.guardians) as supervisor:
        await supervisor.start(node.child())
        client: AsyncElasticsearch = elastic_of(node).client()
        try:
            await client.index(index=KEPT, document={"number": 1}, refresh=True)
        finally:
            await client.close()


def test_tls_and_security_come_to_a_folder_and_its_data_stay(state: LocalState, tmp_path: Path) -> None:
    ours, others = tmp_path / "ours", tmp_path / "others"
    ours.mkdir()
    others.mkdir()
    certificate, stranger = signed(ours), signed(others)

    async def scenario() -> None:
        await store_without_security(state)
        node = node_of(state, secured=True, certificate=certificate)
        node.prepare()
        async with Supervisor(hold=state.guardians) as supervisor:
            await supervisor.start(provisioned(node, node.child()))
            admin = elastic_of(node)
            assert admin.url.startswith("https://")
            assert await count(admin) == 1
            assert "does not know who this is" in await refusal(replace(admin, user=None, password=None))
            for wrong in (str(stranger.authority), None):
                said = await refusal(replace(admin, ca_certs=wrong))
                assert "certificate is not trusted" in said
                assert "elasticsearch_ca" in said
            plain = await refusal(replace(admin, url=admin.url.replace("https", "http"), ca_certs=None))
            assert "certificate" not in plain
            sink = replace(admin, api_key_file=key_file_of(node), user=None, password=None)
            assert "does not allow it" in await refusal(sink)

    asyncio.run(scenario())
