"""The index template, as it stands in `templates/verdicts.json` (also loadable with curl as it is).

It maps with `dynamic: strict`, so that a field nobody thought of is refused instead of guessed, and
only with types that every Elasticsearch has: keyword, text, flattened, long, double, boolean and dates.
"""

import hashlib
from importlib.resources import files
from typing import Any

import msgspec

TEMPLATE_NAME = "logs-lictor.verdicts"
"""Priority 500 stands above Elasticsearch's own `logs-*-*` (100) and Fleet's packages (200)."""


class Meta(msgspec.Struct, kw_only=True):
    """What an installed template or mapping says about itself (`_meta`). `version` only grows."""

    version: int = 0
    digest: str = ""
    """SHA-256 of the template's content, hex, first 16 digits: tells an edited template from ours."""


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """The template to install: `body` for `_index_template`, `mappings` for an index that exists."""

    meta: Meta
    body: dict[str, Any]
    mappings: dict[str, Any]


def load() -> Template:
    """The template that belongs to this release's documents."""
    raw = files("dashboards").joinpath("templates", "verdicts.json").read_bytes()
    body: dict[str, Any] = msgspec.json.decode(raw)
    canonical = msgspec.json.encode(body, order="sorted")
    meta = {**body["_meta"], "digest": hashlib.sha256(canonical).hexdigest()[:16]}
    mappings = {"_meta": meta, **body["template"]["mappings"]}
    body["_meta"] = meta
    body["template"]["mappings"] = mappings
    return Template(meta=msgspec.convert(meta, Meta), body=body, mappings=mappings)
