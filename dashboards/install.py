"""Puts the index templates into Elasticsearch, and says what it did. Running it again changes nothing.

A template shapes only indices made after it. So where the data stream exists already, its newest
index gets the new fields as well; if the change cannot be made there, the stream rolls over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from elasticsearch import AsyncElasticsearch, BadRequestError, NotFoundError

from dashboards.template import STREAMS, Meta, Stream, Template, load
from wire.errors import OperatorError

Done = Literal["created", "updated", "unchanged", "rolled over", "absent"]


class InstallError(OperatorError):
    """A template cannot be installed; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Installed:
    """What was done to a template and to its data stream (`absent`: the first document makes it)."""

    of: Stream
    version: int
    template: Done
    stream: Done

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"index template {self.of.template} version {self.version}: {self.template}; "
            f"data stream {self.of.name}: {self.stream}"
        )


async def install_all(client: AsyncElasticsearch, streams: Iterable[Stream] = STREAMS) -> list[Installed]:
    """Install this release's templates; none where one of them is there from a newer release.

    Raises:
        InstallError: a newer release's template is there.
        elasticsearch.ApiError, elastic_transport.TransportError: as the client says.
    """
    wanted = [(stream, load(stream)) for stream in streams]
    found = [await _installed(client, stream, template) for stream, template in wanted]
    return [
        await _install(client, stream, template, before)
        for (stream, template), before in zip(wanted, found, strict=True)
    ]


async def _install(
    client: AsyncElasticsearch, of: Stream, template: Template, before: Meta | None
) -> Installed:
    done: Done = "unchanged"
    if before is None or before.digest != template.meta.digest:
        await client.indices.put_index_template(name=of.template, **template.body)
        done = "created" if before is None else "updated"
    stream = await _update_stream(client, of, template)
    return Installed(of=of, version=template.meta.version, template=done, stream=stream)


async def _installed(client: AsyncElasticsearch, stream: Stream, ours: Template) -> Meta | None:
    try:
        response = await client.indices.get_index_template(name=stream.template)
    except NotFoundError:
        return None
    meta = _meta(response.body["index_templates"][0]["index_template"])
    if meta.version > ours.meta.version:
        raise InstallError(
            f"index template {stream.template} has version {meta.version} and this release knows "
            f"{ours.meta.version}: run the newer release, or delete the template to go back"
        )
    return meta


async def _update_stream(client: AsyncElasticsearch, of: Stream, template: Template) -> Done:
    response = await client.indices.get_mapping(index=of.name, ignore_unavailable=True)
    indices: dict[str, Any] = response.body
    if not indices:
        return "absent"
    newest = indices[max(indices, key=_generation)]
    if _meta(newest["mappings"]).digest == template.meta.digest:
        return "unchanged"
    try:
        await client.indices.put_mapping(
            index=of.name,
            write_index_only=True,
            dynamic=template.mappings["dynamic"],
            properties=template.mappings["properties"],
            meta=template.mappings["_meta"],
        )
    except BadRequestError:
        await client.indices.rollover(alias=of.name)
        return "rolled over"
    return "updated"


def _generation(index: str) -> int:
    """Backing indices are named `.ds-<stream>-<date>-<generation>`."""
    return int(index.rpartition("-")[2])


def _meta(holder: dict[str, Any]) -> Meta:
    return msgspec.convert(holder.get("_meta", {}), Meta)
