"""The index templates, one a data stream, as they stand in `templates/` (loadable with curl as they are).

They map with `dynamic: strict`, so that a field nobody thought of is refused instead of guessed, and
only with types that every Elasticsearch has: keyword, text, flattened, ip, long, double, boolean and
dates. The files are made from the documents' types by `python -m dashboards.template`.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from dashboards.documents import VERDICTS_STREAM
from dashboards.ecs import ECS_VERSION, Document
from dashboards.event_documents import EVENTS_STREAM
from dashboards.event_fields import EventDocument
from dashboards.field_set import FieldSet
from dashboards.health_fields import HEALTH_STREAM, HealthDocument
from dashboards.mapping import properties

_PRIORITY = 500
"""Above Elasticsearch's own `logs-*-*` (100) and Fleet's packages (200)."""

_MODE = "standard"
"""Left to itself, Elasticsearch 9 makes an index of `logs-*-*` a `logsdb` one, which drops values that do not
fit their mapping and stores the rest, where the sink counts on a refusal."""


class Meta(msgspec.Struct, kw_only=True):
    """What an installed template or mapping says about itself (`_meta`). `version` only grows."""

    version: int = 0
    digest: str = ""
    """SHA-256 of the template's content, hex, first 16 digits: tells an edited template from ours."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A data stream with its documents and their template. `version` grows with every change of it."""

    name: str
    document: type[FieldSet]
    content: str
    retention: str
    version: int = 1

    @property
    def template(self) -> str:
        """The template's name: the stream's, without the namespace that an operator may choose."""
        return self.name.removesuffix("-default")

    @property
    def file(self) -> str:
        """The file below `templates/`."""
        return f"{self.template.rpartition('.')[2]}.json"

    def body(self) -> dict[str, Any]:
        """What `PUT _index_template` takes."""
        return {
            "index_patterns": [f"{self.template}-*"],
            "priority": _PRIORITY,
            "data_stream": {},
            "template": {
                "settings": {
                    "index": {"mode": _MODE, "number_of_shards": "1", "auto_expand_replicas": "0-1"}
                },
                "lifecycle": {"data_retention": self.retention},
                "mappings": {"dynamic": "strict", "properties": properties(self.document)},
            },
            "_meta": {
                "version": self.version,
                "description": f"{self.content}, ECS {ECS_VERSION}",
                "managed_by": "lictor",
            },
        }


VERDICTS = Stream(
    name=VERDICTS_STREAM,
    document=Document,
    content="Lictor's verdicts and their outcomes",
    retention="30d",
    version=2,
)
EVENTS = Stream(
    name=EVENTS_STREAM,
    document=EventDocument,
    content="Lictor's events, where they are stored at all",
    retention="7d",
)
HEALTH = Stream(
    name=HEALTH_STREAM,
    document=HealthDocument,
    content="What Lictor's services did and lost, and how namespaces stand",
    retention="30d",
)
STREAMS = (VERDICTS, EVENTS, HEALTH)


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """The template to install: `body` for `_index_template`, `mappings` for an index that exists."""

    meta: Meta
    body: dict[str, Any]
    mappings: dict[str, Any]


def load(stream: Stream = VERDICTS) -> Template:
    """The template that belongs to this release's documents."""
    raw = files("dashboards").joinpath("templates", stream.file).read_bytes()
    body: dict[str, Any] = msgspec.json.decode(raw)
    canonical = msgspec.json.encode(body, order="sorted")
    meta = {**body["_meta"], "digest": hashlib.sha256(canonical).hexdigest()[:16]}
    mappings = {"_meta": meta, **body["template"]["mappings"]}
    body["_meta"] = meta
    body["template"]["mappings"] = mappings
    return Template(meta=msgspec.convert(meta, Meta), body=body, mappings=mappings)


def text(stream: Stream) -> str:
    """The file's content: one line for each field."""
    return _laid_out(stream.body(), "") + "\n"


def _laid_out(value: Any, indent: str) -> str:
    flat = not isinstance(value, dict) or not any(isinstance(part, dict) and part for part in value.values())
    if flat and not (isinstance(value, dict) and len(value) > 2 and "type" not in value):
        return json.dumps(value).replace("{", "{ ").replace("}", " }").replace("{  }", "{}")
    inner = indent + "  "
    lines = (f"{inner}{json.dumps(name)}: {_laid_out(part, inner)}" for name, part in value.items())
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


if __name__ == "__main__":
    for one in STREAMS:
        Path(__file__).with_name("templates").joinpath(one.file).write_text(text(one), encoding="utf-8")
