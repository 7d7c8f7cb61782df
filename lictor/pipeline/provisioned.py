"""The local Elasticsearch with all that the sink needs in it, and the sink's own key in a file."""

import os
from dataclasses import replace
from pathlib import Path

from dashboards.elastic import Elastic
from dashboards.provision import provision
from lictor.runtime.account import Account
from lictor.runtime.child import Child
from lictor.runtime.elasticsearch import Elasticsearch

KEY_NAME = "lictor-sink-local"
"""Keys of other sinks have other names, which making this one leaves alone."""


def elastic_of(node: Elasticsearch) -> Elastic:
    """How one sets it up. Only after `prepare`."""
    admin = node.admin
    authority = None if node.certificate is None else str(node.certificate.authority)
    if admin is None:
        return Elastic(url=node.url, ca_certs=authority)
    return Elastic(url=node.url, user=admin.user, password=admin.password, ca_certs=authority)


def key_file_of(node: Elasticsearch) -> Path:
    """Where the sink of this node finds its key."""
    return node.state.home_of("sink") / "elasticsearch.key"


def provisioned(node: Elasticsearch, child: Child) -> Child:
    """The node's child, ready only once roles and templates are in it and the sink's key is in its file."""
    path = key_file_of(node)
    done = False

    async def is_ready() -> bool:
        nonlocal done
        if child.probe is not None and not await child.probe():
            return False
        if not done:
            before = path.read_text(encoding="ascii").strip() if path.exists() else None
            key = await provision(elastic_of(node), KEY_NAME, before)
            if key is None:
                return False
            _write(path, key, node.state.account)
            done = True
        return True

    return replace(child, probe=is_ready)


def _write(path: Path, key: str, owner: Account | None) -> None:
    """For the sink's user alone; its folder is one in which only we may write."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="ascii"
    ) as file:
        file.write(key + "\n")
    if owner is not None:
        owner.own(fresh)
    fresh.replace(path)
