"""Who may do what in Elasticsearch: roles and API keys with the least rights that do.

Each file in `dashboards/security` is a role, named like the file. A key has the rights of one role,
written into the key itself: a role that somebody widens later widens no key.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import msgspec
from elasticsearch import ApiError, AsyncElasticsearch, NotFoundError

from wire.errors import OperatorError

FOLDER = Path(__file__).parent / "security"

SINK = "lictor-sink"
INSTALLER = "lictor-installer"
ANALYST = "lictor-analyst"

MODULE = "lictor"
"""In the metadata of every role and key, so that they can be told from those of others."""

Done = Literal["created", "updated", "unchanged"]


class AccessError(OperatorError):
    """Roles or keys cannot be made; the message says what to do."""


class Role(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role as Elasticsearch's API takes it: cluster privileges, and privileges on indices by name."""

    description: str
    cluster: list[str]
    indices: list[dict[str, Any]]

    @property
    def descriptor(self) -> dict[str, Any]:
        """What a key is limited to."""
        return {"cluster": self.cluster, "indices": self.indices}


@dataclass(frozen=True, kw_only=True)
class RoleInstalled:
    """What was done to a role."""

    name: str
    role: Done

    def __str__(self) -> str:
        """One line for people."""
        return f"role {self.name}: {self.role}"


@dataclass(frozen=True, kw_only=True)
class Key:
    """An API key; `encoded` is what a client sends, and Elasticsearch tells it only once."""

    id: str
    name: str
    encoded: str = field(repr=False)
    expires_ms: int | None
    """Milliseconds since the epoch; None where it does not expire."""
    replaced: int
    """Keys of this name that counted before and do not any more."""


@cache
def roles() -> dict[str, Role]:
    """Every role of this release, by name."""
    return {
        path.stem: msgspec.json.decode(path.read_bytes(), type=Role) for path in sorted(FOLDER.glob("*.json"))
    }


async def install_roles(client: AsyncElasticsearch) -> list[RoleInstalled]:
    """Make the roles what the files say; running it again changes nothing.

    Raises:
        AccessError: the client may not, or the server has no security.
        elasticsearch.ApiError, elastic_transport.TransportError: as the client says.
    """
    with _refusals_said("make roles", "manage_security"):
        wanted = roles().items()
        return await asyncio.gather(*(_install_role(client, name, role) for name, role in wanted))


async def make_key(
    client: AsyncElasticsearch,
    name: str,
    role: str,
    *,
    expiration: str | None = None,
    store: Callable[[str], None] | None = None,
) -> Key:
    """A key with the rights of `role`, in place of those of the same name.

    They stop counting once `store` has put the new one, encoded, where it is read: whoever reads it there
    always has one that counts. `expiration` as Elasticsearch writes durations, such as `90d`.

    Raises:
        AccessError: there is no such role, the client may not, or the server has no security.
        elasticsearch.ApiError, elastic_transport.TransportError: as the client says.
    """
    if role not in roles():
        raise AccessError(f"there is no role {role}: take one of {', '.join(roles())}")
    with _refusals_said("make API keys", "manage_api_key"):
        found = await client.security.get_api_key(name=name, active_only=True)
        earlier = [key["id"] for key in found.body["api_keys"]]
        made = await client.security.create_api_key(
            name=name,
            expiration=expiration,
            role_descriptors={role: roles()[role].descriptor},
            metadata={"module": MODULE, "role": role},
            refresh=True,
        )
        if store is not None:
            store(made.body["encoded"])
        if earlier:
            await client.security.invalidate_api_key(ids=earlier)
    return Key(
        id=made.body["id"],
        name=name,
        encoded=made.body["encoded"],
        expires_ms=made.body.get("expiration"),
        replaced=len(earlier),
    )


async def has_rights(client: AsyncElasticsearch, key_id: str, role: str) -> bool:
    """Whether a key counts and is limited to exactly what `role` is in this release."""
    try:
        found = await client.security.get_api_key(id=key_id)
    except NotFoundError:
        return False
    (key,) = found.body["api_keys"]
    held = key["role_descriptors"].get(role)
    wanted = roles()[role].descriptor
    return not key["invalidated"] and held is not None and _same(held, wanted)


async def _install_role(client: AsyncElasticsearch, name: str, role: Role) -> RoleInstalled:
    wanted: dict[str, Any] = {
        "cluster": role.cluster,
        "indices": role.indices,
        "description": role.description,
        "metadata": {"module": MODULE},
    }
    try:
        present = (await client.security.get_role(name=name)).body[name]
    except NotFoundError:
        present = None
    if present is not None and _same(present, wanted):
        return RoleInstalled(name=name, role="unchanged")
    await client.security.put_role(name=name, **wanted)
    return RoleInstalled(name=name, role="created" if present is None else "updated")


def _same(present: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether the server's role says what is wanted; it adds defaults and orders privileges its own way."""
    return _ordered(present, wanted) == _ordered(wanted, wanted) and not (
        present.get("applications") or present.get("run_as")
    )


def _ordered(role: dict[str, Any], like: dict[str, Any]) -> dict[str, Any]:
    indices = [
        {
            "names": sorted(entry["names"]),
            "privileges": sorted(entry["privileges"]),
            "restricted": entry.get("allow_restricted_indices", False),
            "limits": [entry.get("query"), entry.get("field_security")],
        }
        for entry in role["indices"]
    ]
    rest = {name: role.get(name) for name in like.keys() - {"indices", "cluster"}}
    return rest | {"indices": indices, "cluster": sorted(role["cluster"])}


@contextmanager
def _refusals_said(what: str, privilege: str) -> Iterator[None]:
    """What an operator can mend ends as a sentence that says how; other errors stay as they are."""
    try:
        yield
    except ApiError as error:
        if error.status_code == HTTPStatus.FORBIDDEN:
            raise AccessError(f"this identity may not {what}: that needs {privilege}") from error
        if error.status_code == HTTPStatus.BAD_REQUEST and "no handler found" in str(error.body):
            raise AccessError(
                f"this server cannot {what}: set xpack.security.enabled to true in its elasticsearch.yml"
            ) from error
        raise
