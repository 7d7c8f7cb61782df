"""Documents and their mapping are two views of one thing."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboards import template
from dashboards.field_set import FieldSet
from dashboards.mapping import properties
from dashboards.template import EVENTS, HEALTH, STREAMS, VERDICTS, Stream

GOLDEN = Path(__file__).parents[1] / "golden" / "ecs-9.4.0-fields.json"
TYPES_EVERYWHERE = {"keyword", "text", "flattened", "ip", "long", "double", "boolean", "date", "date_nanos"}
LUCENE_TERM_BYTES = 32_766
UTF8_BYTES = 4


def plain(annotation: Any) -> Any:
    """The type of one value: optional and tuple taken off."""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        (annotation,) = (a for a in typing.get_args(annotation) if a is not types.NoneType)
        return plain(annotation)
    if typing.get_origin(annotation) is tuple:
        return plain(typing.get_args(annotation)[0])
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


ALL = pytest.mark.parametrize("stream", STREAMS, ids=[stream.template for stream in STREAMS])


def mappings_of(stream: Stream) -> dict[str, dict[str, Any]]:
    return mapped(template.load(stream).mappings["properties"])


@ALL
def test_file_is_what_the_types_say(stream: Stream) -> None:
    """After a change: a greater version in `dashboards.template`, then `python -m dashboards.template`."""
    path = Path(template.__file__).parent / "templates" / stream.file
    assert path.read_text() == template.text(stream)


@ALL
def test_every_field_is_mapped_and_every_mapping_has_a_field(stream: Stream) -> None:
    assert mappings_of(stream).keys() == fields_of(stream.document).keys()


@ALL
def test_mapping_fits_what_python_writes(stream: Stream) -> None:
    mappings = mappings_of(stream)
    fits = {
        str: {"keyword", "text", "date", "date_nanos", "ip"},
        int: {"long"},
        float: {"double"},
        bool: {"boolean"},
    }
    for path, kind in fields_of(stream.document).items():
        expected = {"flattened"} if typing.get_origin(kind) is dict else fits[kind]
        assert mappings[path]["type"] in expected, path


@ALL
def test_only_types_that_every_elasticsearch_has(stream: Stream) -> None:
    for path, mapping in mappings_of(stream).items():
        for part in (mapping, *mapping.get("fields", {}).values()):
            assert part["type"] in TYPES_EVERYWHERE, path


@ALL
def test_no_value_is_too_long_for_lucene(stream: Stream) -> None:
    for path, mapping in mappings_of(stream).items():
        if mapping["type"] in {"keyword", "flattened"}:
            assert mapping["ignore_above"] * UTF8_BYTES <= LUCENE_TERM_BYTES, path


@ALL
def test_names_and_types_are_those_of_ecs(stream: Stream) -> None:
    known: dict[str, str] = msgspec.json.decode(GOLDEN.read_bytes())["fields"]
    # What ECS calls by a type that not every Elasticsearch has, and the plain type of the same family.
    plainer = {
        "match_only_text": "text",
        "wildcard": "keyword",
        "constant_keyword": "keyword",
        "object": "flattened",
        "date": "date",
    }
    for path, mapping in mappings_of(stream).items():
        if path.startswith("lictor."):
            continue
        expected = plainer.get(known[path], known[path])
        actual = "date" if mapping["type"] == "date_nanos" else mapping["type"]
        assert actual == expected, path


@ALL
def test_unknown_fields_are_refused(stream: Stream) -> None:
    assert template.load(stream).mappings["dynamic"] == "strict"


def test_what_streams_share_is_mapped_alike() -> None:
    """One data view over all streams must not have conflicts."""
    for path, mapping in (mappings_of(EVENTS) | mappings_of(HEALTH)).items():
        assert mapping == mappings_of(VERDICTS).get(path, mapping), path


@ALL
def test_template_is_for_its_stream_and_beats_the_built_in_one(stream: Stream) -> None:
    body = template.load(stream).body
    (pattern,) = body["index_patterns"]
    assert stream.name.startswith(pattern.rstrip("*"))
    assert [one for one in STREAMS if one.name.startswith(pattern.rstrip("*"))] == [stream]
    assert body["priority"] > 200
    assert body["data_stream"] == {}
    assert body["template"]["lifecycle"] == {"data_retention": stream.retention}


def test_type_without_a_mapping_is_refused() -> None:
    class Odd(FieldSet, frozen=True, kw_only=True):
        odd: bytes

    with pytest.raises(TypeError, match="bytes"):
        properties(Odd)


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
