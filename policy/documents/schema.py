"""JSON Schema (2020-12) of policy documents, for editors.

Made from the types that documents are read with. What a schema cannot say is left to the reader: whether a
glob can be read, and what depends on more than one mapping.
"""

import json
from typing import Any

from policy.documents.descriptions import description_of
from policy.documents.kinds import KINDS
from policy.documents.shapes import Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ANY_KIND = "policy.schema.json"
"""The file with the schema of documents of any of the three kinds."""


def file_of(kind: str) -> str:
    """The file with the schema of documents of `kind`."""
    return f"{kind.lower()}.schema.json"


def schema_files() -> dict[str, str]:
    """The texts of all schema files by name."""
    schemas = {file_of(kind): schema_of(kind) for kind in KINDS}
    schemas[ANY_KIND] = schema_of_any()
    return {name: json.dumps(schema, indent=2) + "\n" for name, schema in schemas.items()}


def schema_of(kind: str) -> Shape:
    """A schema of documents of `kind`."""
    definitions = _definitions(kind)
    return {"$schema": DIALECT, "title": kind, **definitions.pop(kind), "$defs": definitions}


def schema_of_any() -> Shape:
    """A schema of documents of any kind, and of Lists of them."""
    definitions = {name: found for kind in KINDS for name, found in _definitions(kind).items()}
    kinds: list[Shape] = [{"$ref": f"#/$defs/{kind}"} for kind in KINDS]
    definitions["List"] = {
        "description": "Documents of any of the three kinds.",
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string", "const": "v1"},
            "kind": {"type": "string", "const": "List"},
            "metadata": {"type": "object", "description": "Set by an API server; not read."},
            "items": {"type": "array", "items": {"oneOf": kinds}},
        },
        "required": ["apiVersion", "kind", "items"],
        "additionalProperties": False,
    }
    return {
        "$schema": DIALECT,
        "title": "Policy",
        "description": "A policy document of any of the three kinds, or a List of them.",
        "oneOf": [*kinds, {"$ref": "#/$defs/List"}],
        "$defs": definitions,
    }


def _definitions(kind: str) -> dict[str, Shape]:
    """The schemas of all mappings in documents of `kind`, by the names of their classes."""
    found = KINDS[kind].model_json_schema()
    nested: dict[str, Shape] = found.pop("$defs")
    # A document of the policy log may leave apiVersion out; a file may not.
    found["required"] = ["apiVersion", *found["required"]]
    return {name: _mapping(name, one) for name, one in sorted((nested | {kind: found}).items())}


def _mapping(name: str, shape: Shape) -> Shape:
    """A class's schema as pydantic gives it, with every field described and nothing that says little."""
    properties = {
        field: {"description": description_of(name, field), **_field(one)}
        for field, one in shape["properties"].items()
    }
    rest = {key: value for key, value in shape.items() if key not in {"title", "description", "properties"}}
    description = {"description": shape["description"]} if "description" in shape else {}
    return description | {"type": rest.pop("type"), "properties": properties} | rest


def _field(shape: Shape) -> Shape:
    """A field's schema without its title, and without null: a field that is there has a value."""
    kept = {key: value for key, value in shape.items() if key not in {"title", "default"}}
    if isinstance(shape.get("default"), bool):
        kept["default"] = shape["default"]
    choices: list[dict[str, Any]] = kept.get("anyOf", [])
    if {"type": "null"} in choices:
        (choice,) = (one for one in choices if one != {"type": "null"})
        del kept["anyOf"]
        kept |= choice
    return kept
