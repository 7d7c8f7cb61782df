"""JSON Schema (2020-12) of every record that travels, made from the types that records are read with.

Who checks records by a schema must not refuse what a later release of the same schema version adds, so
a schema keeps the promises of docs/consumers.md: other fields are taken, and so are other values where
`OPEN_VALUES` says that values may be added, and other kinds of events. The known ones stand in `examples`
there, in `enum` everywhere else.
"""

import ast
import inspect
import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec

from policy.changes import Change
from wire.codec import SCHEMA
from wire.records import (
    DeadLetter,
    Epoch,
    EventBatch,
    Order,
    Outcome,
    SensorHealth,
    ServiceHealth,
    VerdictRecord,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

OPEN_VALUES = frozenset(
    {
        "Reason",
        "FileEvent.access",
        "NetworkEvent.operation",
        "Outcome.result",
        "ServiceHealth.service",
        "NamespaceChanged.enforcement",
        "NamespaceStanding.enforcement",
        "SettingsChanged.host_enforcement",
        "VerdictRecord.enforcement",
    }
)
"""Where values may be added within a schema version. Readers take one that they do not know for another
of its kind. Values anywhere else are all there are: the words of decisions, say."""

OPEN_TAG = "kind"
"""The field that names a kind of event. Kinds may be added within a schema version; readers skip the ones
that they do not know."""
OTHER_KIND = "OtherEvent"

_PROMISE = (
    "Fields may be added within a schema version: readers skip what they do not know. An absent field "
    "has its default. `*_ns` are nanoseconds and exceed 2^53: read them as 64-bit integers."
)


@dataclass(frozen=True, kw_only=True)
class Record:
    """A kind of record: the type that it is read with and the topics, without prefix, that it is in."""

    type: Any
    title: str
    description: str
    topic: str


def _record(of: type[msgspec.Struct], topic: str) -> Record:
    return Record(type=of, title=of.__name__, description=_plain(of.__doc__ or ""), topic=topic)


def _plain(text: str) -> str:
    """A docstring without the indentation and line breaks of its source, in JSON's words."""
    parts = (" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))
    return re.sub(r"\bNone\b", "null", "\n\n".join(parts))


RECORDS: Mapping[str, Record] = {
    "event-batch": _record(EventBatch, "events"),
    "policy-change": Record(
        type=Change,
        title="Change",
        description="A change of what is in force: of a policy, a namespace or a setting.",
        topic="policies",
    ),
    "epoch": _record(Epoch, "epochs"),
    "verdict": _record(VerdictRecord, "verdicts"),
    "order": _record(Order, "orders"),
    "outcome": _record(Outcome, "outcomes"),
    "sensor-health": _record(SensorHealth, "health"),
    "service-health": _record(ServiceHealth, "health"),
    "dead-letter": _record(DeadLetter, "dead-letters"),
}
"""Every record by the name of its schema, in the order of an event's way."""


def file_of(name: str) -> str:
    """The file with the schema of the record `name`."""
    return f"{name}.v{SCHEMA}.json"


def schema_files() -> dict[str, str]:
    """The texts of all schema files by name."""
    return {file_of(name): text_of(name) for name in RECORDS}


def text_of(name: str) -> str:
    """The schema of the record `name` as a file has it."""
    return json.dumps(schema_of(name), indent=2, ensure_ascii=False) + "\n"


def schema_of(name: str) -> Schema:
    """The schema of the record `name`, a key of `RECORDS`."""
    record = RECORDS[name]
    (root,), components = msgspec.json.schema_components([record.type], ref_template="#/$defs/{name}")
    classes = _classes(record.type)
    definitions = {title: _definition(found, classes[title]) for title, found in components.items()}
    if kinds := sorted(kind for found in definitions.values() for kind in _kind_of(found)):
        definitions[OTHER_KIND] = _other_kind(kinds)
    body = definitions.pop(record.title) if record.title in definitions else _shape(record.title, root)
    return {
        "$schema": DIALECT,
        "$id": f"urn:lictor:record:{name}:v{SCHEMA}",
        "title": record.title,
        "description": f"{record.description}\n\n{_PROMISE}",
        **{key: value for key, value in body.items() if key not in {"title", "description"}},
        "$defs": dict(sorted(definitions.items())),
    }


def _definition(found: Schema, of: type) -> Schema:
    """A class's schema: described field by field, open to what a later release may add."""
    title = found["title"]
    made: Schema = {"title": title, "description": _plain(found.get("description", ""))}
    if "properties" not in found:
        return made | _values(title, found)
    said = field_docstrings(of)
    made |= {"type": "object", "properties": {}}
    for field, shape in found["properties"].items():
        described = {"description": said[field]} if field in said else {}
        made["properties"][field] = described | _shape(f"{title}.{field}", shape)
    if "schema" in made["properties"]:
        made["properties"]["schema"] = {
            "description": "The version of the record's schema.",
            "type": "integer",
            "const": SCHEMA,
            "default": SCHEMA,
        }
    return made | {"required": found.get("required", []), "additionalProperties": True}


def _values(place: str, shape: Schema) -> Schema:
    """The values that a place may have: named, and closed unless more may be added."""
    if "enum" not in shape:
        return shape
    rest = {key: value for key, value in shape.items() if key not in {"enum", "title", "description"}}
    open_here = place in OPEN_VALUES
    return {"type": "string", "examples" if open_here else "enum": sorted(shape["enum"])} | rest


def _shape(place: str, shape: Schema) -> Schema:
    """A field's schema without OpenAPI's words; of events, other kinds may come."""
    made = {key: value for key, value in shape.items() if key != "discriminator"}
    for key in ("items", "additionalProperties"):
        if isinstance(made.get(key), dict):
            made[key] = _shape(place, made[key])
    if "anyOf" in made:
        made["anyOf"] = [_shape(place, one) for one in made["anyOf"]]
        if shape.get("discriminator", {}).get("propertyName") == OPEN_TAG:
            made["anyOf"].append({"$ref": f"#/$defs/{OTHER_KIND}"})
    return _values(place, made)


def _kind_of(found: Schema) -> list[str]:
    """The kind of event that a definition is of, if it is of one."""
    tag = found.get("properties", {}).get(OPEN_TAG, {})
    return list(tag["enum"]) if len(tag.get("enum", ())) == 1 else []


def _other_kind(known: list[str]) -> Schema:
    return {
        "title": OTHER_KIND,
        "description": "An event of a kind that a later release added.",
        "type": "object",
        "properties": {OPEN_TAG: {"type": "string", "not": {"enum": known}}},
        "required": [OPEN_TAG],
        "additionalProperties": True,
    }


def _classes(record_type: Any) -> dict[str, type]:
    """Every class in a record by its name."""
    found: dict[str, type] = {}

    def visit(one: Any) -> None:
        of = getattr(one, "cls", None)
        if isinstance(of, type):
            if of.__name__ in found:
                return
            found[of.__name__] = of
        for inner in _inner(one):
            visit(inner)

    visit(msgspec.inspect.type_info(record_type))
    return found


def _inner(one: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    match one:
        case msgspec.inspect.StructType(fields=fields):
            return [field.type for field in fields]
        case msgspec.inspect.UnionType(types=types):
            return list(types)
        case msgspec.inspect.VarTupleType(item_type=item):
            return [item]
        case msgspec.inspect.DictType(value_type=value):
            return [value]
        case msgspec.inspect.Metadata(type=inner):
            return [inner]
        case _:
            return []


@cache
def field_docstrings(of: type) -> dict[str, str]:
    """The docstring below each field of a class, its bases' included."""
    found: dict[str, str] = {}
    for one in reversed(of.__mro__):
        if not (isinstance(one, type) and issubclass(one, msgspec.Struct)) or one is msgspec.Struct:
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(one))).body
        field = ""
        for statement in definition.body if isinstance(definition, ast.ClassDef) else ():
            match statement:
                case ast.AnnAssign(target=ast.Name(id=name)):
                    field = name
                case ast.Expr(value=ast.Constant(value=str(text))) if field:
                    found[field] = _plain(text)
                    field = ""
                case _:
                    field = ""
    return found
