"""Puts the index template into Elasticsearch, and says what it did. Running it again changes nothing.

A template shapes only indices made after it. So where the data stream exists already, its newest
index gets the new fields as well; if the change cannot be made there, the stream rolls over.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from elasticsearch import AsyncElasticsearch, BadRequestError, NotFoundError

from dashboards.documents import VERDICTS_STREAM
from dashboards.template import TEMPLATE_NAME, Meta, Template, load
from wire.errors import OperatorError

Done = Literal["created", "updated", "unchanged", "rolled over", "absent"]


class InstallError(OperatorError):
    """The template cannot be installed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What was done to the template and to the data stream (`absent`: the first document makes it)."""

    version: int
    template: Done
    stream: Done

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"index template {TEMPLATE_NAME} version {self.version}: {self.template}; "
            f"data stream {VERDICTS_STREAM}: {self.stream}"
        )


async def install(client: AsyncElasticsearch) -> Installed:
    """Install this release's template.

    Raises:
        InstallError: a newer release's template is there.
        elasticsearch.ApiError, elastic_transport.TransportError: as the client says.
    """
    template = load()
    found = await _installed(client)
    if found is not None and found.version > template.meta.version:
        raise InstallError(
            f"index template {TEMPLATE_NAME} has version {found.version} and this release knows "
            f"{template.meta.version}: run the newer release, or delete the template to go back"
        )
    done: Done = "unchanged"
    if found is None or found.digest != template.meta.digest:
        await client.indices.put_index_template(name=TEMPLATE_NAME, **template.body)
        done = "created" if found is None else "updated"
    stream = await _update_stream(client, template)
    return Installed(version=template.meta.version, template=done, stream=stream)


async def _installed(client: AsyncElasticsearch) -> Meta | None:
    try:
        response = await client.indices.get_index_template(name=TEMPLATE_NAME)
    except NotFoundError:
        return None
    return _meta(response.body["index_templates"][0]["index_template"])


async def _update_stream(client: AsyncElasticsearch, template: Template) -> Done:
    response = await client.indices.get_mapping(index=VERDICTS_STREAM, ignore_unavailable=True)
    indices: dict[str, Any] = response.body
    if not indices:
        return "absent"
    newest = indices[max(indices, key=_generation)]
    if _meta(newest["mappings"]).digest == template.meta.digest:
        return "unchanged"
    try:
        await client.indices.put_mapping(
            index=VERDICTS_STREAM,
            write_index_only=True,
            dynamic=template.mappings["dynamic"],
            properties=template.mappings["properties"],
            meta=template.mappings["_meta"],
        )
    except BadRequestError:
        await client.indices.rollover(alias=VERDICTS_STREAM)
        return "rolled over"
    return "updated"


def _generation(index: str) -> int:
    """Backing indices are named `.ds-<stream>-<date>-<generation>`."""
    return int(index.rpartition("-")[2])


def _meta(holder: dict[str, Any]) -> Meta:
    return msgspec.convert(holder.get("_meta", {}), Meta)
