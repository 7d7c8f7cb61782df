"""The CRDs that are shipped: as generated, structural, and with every field that policies have."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lictor.cli.schema import crds as write_crds
from policy.documents.crds import crd_files, crd_of, plural_of, structural_schema_of
from policy.documents.kinds import KINDS
from policy.documents.schema import schema_of
from tests.fixtures.json_schema import Schema
from tests.fixtures.policies import document
from tests.fixtures.policy_documents import ROOT, published, whole

SHIPPED = ROOT / "compose/kubernetes/crds"

LOGICAL = ("allOf", "anyOf", "oneOf", "not")
STRUCTURE = {"type", "description", "default", "nullable", "additionalProperties", "title"}
"""What may not stand within a logical keyword."""
WORDS = {
    *("type", "description", "properties", "additionalProperties", "items", "required", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", *LOGICAL),
}
"""Of the words that an API server takes, those that are used here: no `$ref` and no `const` among them."""


@cache
def schema(kind: str) -> Schema:
    return Schema(structural_schema_of(kind))


def test_the_shipped_files_are_what_the_types_say() -> None:
    generated = crd_files()
    assert {path.name for path in SHIPPED.iterdir()} == set(generated)
    for name, text in generated.items():
        assert (SHIPPED / name).read_text(encoding="utf-8") == text, f"lictor policy crds {SHIPPED}"
        assert yaml.safe_load(text) in [crd_of(kind) for kind in KINDS]


def test_the_command_writes_them(tmp_path: Path) -> None:
    write_crds(tmp_path / "new")
    assert {one.name: one.read_text(encoding="utf-8") for one in (tmp_path / "new").iterdir()} == crd_files()


@pytest.mark.parametrize(
    ("kind", "plural", "short", "scope"),
    [
        ("KubeArmorPolicy", "kubearmorpolicies", "ksp", "Namespaced"),
        ("KubeArmorClusterPolicy", "kubearmorclusterpolicies", "csp", "Cluster"),
        ("KubeArmorHostPolicy", "kubearmorhostpolicies", "hsp", "Cluster"),
    ],
)
def test_names_are_those_that_kubearmor_users_know(kind: str, plural: str, short: str, scope: str) -> None:
    crd = crd_of(kind)
    assert crd["apiVersion"] == "apiextensions.k8s.io/v1"
    assert crd["metadata"]["name"] == f"{plural}.security.kubearmor.com"
    spec = crd["spec"]
    assert (spec["group"], spec["scope"]) == ("security.kubearmor.com", scope)
    assert spec["names"] == {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": plural,
        "singular": kind.lower(),
        "shortNames": [short],
    }
    assert plural == plural_of(kind)
    (version,) = spec["versions"]
    assert (version["name"], version["served"], version["storage"]) == ("v1", True, True)
    assert version["subresources"] == {"status": {}}


def structural(shape: dict[str, Any], at: str) -> Iterator[str]:
    """What an API server has against a schema outside of logical keywords."""
    if "type" not in shape:
        yield f"{at}: no type"
    if "properties" in shape and "additionalProperties" in shape:
        yield f"{at}: properties and additionalProperties"
    yield from words(shape, at)
    for name, inner in shape.get("properties", {}).items():
        yield from structural(inner, f"{at}.{name}")
    for inside in ("items", "additionalProperties"):
        if inside in shape:
            yield from structural(shape[inside], f"{at}.{inside}")
    for keyword in LOGICAL:
        for inner in shape.get(keyword, ()):
            yield from logical(inner, shape, f"{at}.{keyword}")


def logical(shape: dict[str, Any], around: dict[str, Any], at: str) -> Iterator[str]:
    """What an API server has against a schema within a logical keyword: `around` has to name its parts."""
    if STRUCTURE & shape.keys():
        yield f"{at}: says {STRUCTURE & shape.keys()}"
    yield from words(shape, at)
    for name, inner in shape.get("properties", {}).items():
        if name not in around.get("properties", {}):
            yield f"{at}.{name}: not known outside"
        else:
            yield from logical(inner, around["properties"][name], f"{at}.{name}")
    for name in shape.get("required", ()):
        if name not in around.get("properties", {}):
            yield f"{at}: requires {name}, not known outside"
    if "items" in shape:
        yield from logical(shape["items"], around["items"], f"{at}.items")


def words(shape: dict[str, Any], at: str) -> Iterator[str]:
    if shape.keys() - WORDS:
        yield f"{at}: {shape.keys() - WORDS}"
    if "(?" in shape.get("pattern", "") or "\\u" in shape.get("pattern", ""):
        yield f"{at}: RE2 does not read {shape['pattern']}"
    if any(int(one) > 1000 for one in re.findall(r"\{\d+,(\d+)\}", shape.get("pattern", ""))):
        yield f"{at}: RE2 does not repeat so often"


@pytest.mark.parametrize("kind", KINDS)
def test_schemas_are_structural(kind: str) -> None:
    whole_schema = structural_schema_of(kind)
    assert list(structural(whole_schema, kind)) == []
    assert whole_schema["properties"]["metadata"] == {"type": "object"}


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"type": "string", "anyOf": [{"type": "string"}]},
        {"type": "object", "oneOf": [{"required": ["a"]}]},
        {"type": "array", "items": {"$ref": "#"}},
        {"type": "string", "pattern": "(?=a)"},
        {"type": "string", "const": "a"},
    ],
)
def test_what_is_not_structural_is_noticed(wrong: dict[str, Any]) -> None:
    assert list(structural(wrong, "here"))


def fields(shape: dict[str, Any], definitions: dict[str, Any], at: str = "") -> Iterator[str]:
    """The paths of all fields."""
    if "$ref" in shape:
        shape = definitions[shape["$ref"].removeprefix("#/$defs/")]
    for name, inner in shape.get("properties", {}).items():
        yield f"{at}.{name}"
        yield from fields(inner, definitions, f"{at}.{name}")
    if "items" in shape:
        yield from fields(shape["items"], definitions, f"{at}[]")


@pytest.mark.parametrize("kind", KINDS)
def test_an_api_server_drops_no_field(kind: str) -> None:
    for_editors = schema_of(kind)
    written = set(fields(for_editors["properties"]["spec"], for_editors["$defs"]))
    assert ".process.matchPaths[].fromSource[].path" in written
    assert set(fields(structural_schema_of(kind)["properties"]["spec"], {})) == written


@pytest.mark.parametrize("written", published(), ids=lambda one: one["metadata"]["name"])
def test_published_policies_load(written: dict[str, Any]) -> None:
    assert not schema(written["kind"]).refusals(written)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_may_be_used(kind: str) -> None:
    assert not schema(kind).refusals(whole(kind))


@pytest.mark.parametrize(
    "spec",
    [
        {"process": {"matchPaths": [{}]}},
        {"process": {"matchPaths": [{"path": "/x", "execname": "x"}]}},
        {"file": {"matchDirectories": [{"dir": "/x"}]}},
        {"action": "Deny"},
        {"severity": 11},
        {"selector": {"matchExpressions": [{"key": "pod", "operator": "In", "values": ["a=b"]}]}},
    ],
    ids=json.dumps,
)
def test_what_is_wrong_is_refused(spec: dict[str, Any]) -> None:
    assert schema("KubeArmorPolicy").refusals(document(spec))
