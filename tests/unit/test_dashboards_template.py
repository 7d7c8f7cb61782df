"""Documents and their mapping are two views of one thing."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboards import ecs, template
from dashboards.documents import VERDICTS_STREAM

GOLDEN = Path(__file__).parents[1] / "golden" / "ecs-9.4.0-fields.json"
TYPES_EVERYWHERE = {"keyword", "text", "flattened", "ip", "long", "double", "boolean", "date", "date_nanos"}
LUCENE_TERM_BYTES = 32_766
UTF8_BYTES = 4


def plain(annotation: Any) -> Any:
    """The type of one value: optional and tuple taken off."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (annotation,) = (a for a in typing.get_args(annotation) if a is not types.NoneType)
    if typing.get_origin(annotation) is tuple:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) is typing.Literal:
        return str
    return annotation


def fields_of(struct: type[msgspec.Struct], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        kind = plain(field.type)
        path = f"{prefix}{field.encode_name}"
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found |= fields_of(kind, f"{path}.")
        else:
            found[path] = kind
    return found


def mapped(properties: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, mapping in properties.items():
        if "properties" in mapping:
            found |= mapped(mapping["properties"], f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = mapping
    return found


MAPPINGS = mapped(template.load().mappings["properties"])
FIELDS = fields_of(ecs.Document)


def test_every_field_is_mapped_and_every_mapping_has_a_field() -> None:
    assert MAPPINGS.keys() == FIELDS.keys()


def test_mapping_fits_what_python_writes() -> None:
    fits = {
        str: {"keyword", "text", "date", "date_nanos", "ip"},
        int: {"long"},
        float: {"double"},
        bool: {"boolean"},
    }
    for path, kind in FIELDS.items():
        expected = {"flattened"} if typing.get_origin(kind) is dict else fits[kind]
        assert MAPPINGS[path]["type"] in expected, path


def test_only_types_that_every_elasticsearch_has() -> None:
    for path, mapping in MAPPINGS.items():
        for part in (mapping, *mapping.get("fields", {}).values()):
            assert part["type"] in TYPES_EVERYWHERE, path


def test_no_value_is_too_long_for_lucene() -> None:
    for path, mapping in MAPPINGS.items():
        if mapping["type"] in {"keyword", "flattened"}:
            assert mapping["ignore_above"] * UTF8_BYTES <= LUCENE_TERM_BYTES, path


def test_names_and_types_are_those_of_ecs() -> None:
    known: dict[str, str] = msgspec.json.decode(GOLDEN.read_bytes())["fields"]
    # What ECS calls by a type that not every Elasticsearch has, and the plain type of the same family.
    plainer = {
        "match_only_text": "text",
        "wildcard": "keyword",
        "constant_keyword": "keyword",
        "object": "flattened",
        "date": "date",
    }
    for path, mapping in MAPPINGS.items():
        if path.startswith("lictor."):
            continue
        expected = plainer.get(known[path], known[path])
        actual = "date" if mapping["type"] == "date_nanos" else mapping["type"]
        assert actual == expected, path


def test_unknown_fields_are_refused() -> None:
    assert template.load().mappings["dynamic"] == "strict"


def test_template_is_for_the_verdicts_stream_and_beats_the_built_in_one() -> None:
    body = template.load().body
    (pattern,) = body["index_patterns"]
    assert VERDICTS_STREAM.startswith(pattern.rstrip("*"))
    assert body["priority"] > 200
    assert body["data_stream"] == {}
    assert body["template"]["lifecycle"] == {"data_retention": "30d"}


def test_digest_tells_every_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = template.load()
    assert len(ours.meta.digest) == 16
    assert ours.mappings["_meta"]["digest"] == ours.meta.digest
    folder = tmp_path / "templates"
    folder.mkdir()
    source = Path(template.__file__).parent / "templates" / "verdicts.json"
    (folder / "verdicts.json").write_bytes(source.read_bytes().replace(b'"30d"', b'"31d"'))
    monkeypatch.setattr(template, "files", lambda _: tmp_path)
    assert template.load().meta.digest != ours.meta.digest
