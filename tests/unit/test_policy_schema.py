"""The schemas that are shipped: as generated, and of one mind with the reader."""

import json
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lictor.cli.schema import schema as write_schemas
from policy.documents import read_documents
from policy.documents.descriptions import FIELDS
from policy.documents.kinds import KINDS
from policy.documents.schema import ANY_KIND, file_of, schema_files
from tests.fixtures.json_schema import Schema
from tests.fixtures.policies import document
from tests.fixtures.policy_documents import ROOT, published, whole

SHIPPED = ROOT / "docs/schema/policies"


@cache
def schema(name: str) -> Schema:
    return Schema(json.loads((SHIPPED / name).read_text(encoding="utf-8")))


def refusals(written: dict[str, Any]) -> list[str]:
    """What the schema of any kind finds; it has to agree with the schema of the document's own kind."""
    found = schema(ANY_KIND).refusals(written)
    kind = written.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        assert bool(found) == bool(schema(file_of(kind)).refusals(written))
    return found


def codes(written: dict[str, Any]) -> set[str]:
    return {str(problem.code) for problem in read_documents(json.dumps(written), "f").problems}


def test_the_shipped_files_are_what_the_types_say() -> None:
    generated = schema_files()
    assert {path.name for path in SHIPPED.iterdir()} == set(generated)
    for name, text in generated.items():
        assert (SHIPPED / name).read_text(encoding="utf-8") == text, f"lictor policy schema {SHIPPED}"


def test_the_command_writes_them(tmp_path: Any) -> None:
    write_schemas(tmp_path / "new")
    assert {
        one.name: one.read_text(encoding="utf-8") for one in (tmp_path / "new").iterdir()
    } == schema_files()


def mappings(shape: Any) -> Iterator[dict[str, Any]]:
    """Every schema within `shape`."""
    if isinstance(shape, dict):
        yield shape
        for inner in shape.values():
            yield from mappings(inner)
    elif isinstance(shape, list):
        for inner in shape:
            yield from mappings(inner)


def test_every_mapping_is_closed_and_described() -> None:
    for text in schema_files().values():
        for shape in mappings(json.loads(text)):
            if shape.get("type") == "object" and "properties" in shape:
                assert shape["additionalProperties"] is False
                assert shape["description"].endswith(".")


def test_every_description_belongs_to_a_field() -> None:
    fields: set[str] = set()
    for text in schema_files().values():
        read = json.loads(text)
        named = read["$defs"] | {read["title"]: read}
        for name, shape in named.items():
            fields |= {f"{name}.{field}" for field in shape.get("properties", ())}
    plain = {field.split(".")[1] for field in fields if field not in FIELDS}
    assert {one for one in FIELDS if "." in one} <= fields
    assert {one for one in FIELDS if "." not in one} <= plain


@pytest.mark.parametrize("written", published(), ids=lambda one: one["metadata"]["name"])
def test_published_policies_are_right(written: dict[str, Any]) -> None:
    assert not refusals(written)
    assert not codes(written)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_may_be_used(kind: str) -> None:
    assert not refusals(whole(kind))


def test_lists_are_right_and_what_is_in_them_is_checked() -> None:
    written = {"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}}
    assert not refusals(written | {"items": [whole(kind) for kind in KINDS]})
    assert refusals(written | {"items": [document({"severity": 11})]})
    assert refusals(written | {"items": [written | {"items": []}]})
    assert refusals(written)


def test_what_an_api_server_adds_is_right() -> None:
    written = document({}, status={"status": "Active"})
    written["metadata"] |= {"uid": "x", "creationTimestamp": None, "managedFields": [{"time": None}]}
    assert not refusals(written)
    assert not codes(written)


def process(**rule: Any) -> dict[str, Any]:
    return document({"process": {"matchPaths": [rule]}})


def directory(path: str) -> dict[str, Any]:
    return document({"file": {"matchDirectories": [{"dir": path}]}})


def selecting(key: str, operator: str, values: list[Any]) -> dict[str, Any]:
    expression = {"key": key, "operator": operator, "values": values}
    return document({"selector": {"matchExpressions": [expression]}}, kind="KubeArmorClusterPolicy")


def protocol(names: str) -> dict[str, Any]:
    return document({"network": {"matchProtocols": [{"protocol": names}]}})


def capability(names: str) -> dict[str, Any]:
    return document({"capabilities": {"matchCapabilities": [{"capability": names}]}})


def domain(name: str) -> dict[str, Any]:
    return document({"network": {"matchDNSQueries": [{"domain": name}]}})


def syscalls(path: str, *names: Any) -> dict[str, Any]:
    return document({"syscalls": {"matchPaths": [{"path": path, "syscall": list(names)}]}})


def acting(**source: Any) -> dict[str, Any]:
    rule = {"syscall": ["unlink"], "fromSource": [source]}
    return document({"syscalls": {"matchSyscalls": [rule]}})


LABEL = "a" * 63

RIGHT = [
    process(path="/" + "x" * 199),
    process(path="/a b\r\u2028/é"),
    process(path="//x"),
    process(execname="x y"),
    process(path="/x", action="bLOCK"),
    directory("/"),
    directory("//"),
    directory("/" + "x" * 198 + "/"),
    selecting("namespace", "In", ["a"]),
    selecting("label", "NotIn", ["a=", "b=c=d"]),
    protocol("TCP"),
    protocol(" , tcp ,, Udp,"),
    capability("net_raw,\tbpf"),
    domain("example.com."),
    domain("_dns.a-b.c"),
    domain(f"{LABEL}.{LABEL}.{LABEL}.{LABEL[:61]}."),
    syscalls("/", "openat2"),
    acting(dir="/"),
    acting(path="/x", recursive=True),
    document({"action": "allow", "presets": [{"name": "exec", "action": "audit"}]}),
]
WRONG = [
    process(),
    process(path="/x", execname="x"),
    process(path="x"),
    process(path="/"),
    process(path=""),
    process(path="/x/"),
    process(path="/x\n"),
    process(path="/x\0y"),
    process(path="/" + "x" * 200),
    process(execname=""),
    process(execname="a/b"),
    process(execname="a\n"),
    process(path="/x", action="Deny"),
    process(path="/x", action="Bloc\u212a"),
    process(path="/x", severity=0),
    process(path="/x", severity=True),
    process(path="/x", pts="no"),
    process(path="/x", recursive=True),
    process(path="/x", allowedArgs=["a"] * 21),
    process(path="/x", allowedArgs=[1]),
    process(path="/x", tags=None),
    process(path="/x", fromSource=[{}]),
    directory("/x"),
    directory("x/"),
    directory(""),
    directory("/\n/"),
    directory("/" + "x" * 199 + "/"),
    selecting("label", "In", ["a"]),
    selecting("label", "In", ["=a"]),
    selecting("namespace", "In", []),
    selecting("namespace", "in", ["a"]),
    selecting("pod", "In", ["a"]),
    protocol(""),
    protocol(" ,"),
    protocol("tcp udp"),
    protocol("tcp,upd"),
    protocol("pac\u212aet"),
    capability("NET_RAW"),
    capability("cap_net_raw"),
    capability(","),
    domain(""),
    domain("."),
    domain("a..b"),
    domain("a.b.."),
    domain("-a.b"),
    domain("*.a.b"),
    domain(f"{LABEL}a.b"),
    domain(f"{LABEL}.{LABEL}.{LABEL}.{LABEL[:62]}"),
    syscalls("x", "unlink"),
    syscalls("/x"),
    syscalls("/x", "SYS_UNLINK"),
    acting(),
    acting(path="/x", dir="/y/"),
    acting(dir="/x"),
    document({"presets": [{"name": "protectenv"}]}),
    document({"presets": [{"name": "exec", "action": "Allow"}]}),
    document({"selector": {"matchLabels": {"a": 1}}}),
    document({"nodeSelector": {}}),
    document({}, kind="KubeArmorPolicies"),
    document({}, apiVersion="v1"),
    document({}, metadata={"name": "-a"}),
    document({}, metadata={"name": "a" * 254}),
    document({}, metadata={}),
    {key: value for key, value in document({}).items() if key != "apiVersion"},
    {key: value for key, value in document({}).items() if key != "spec"},
]


@pytest.mark.parametrize("written", RIGHT, ids=json.dumps)
def test_reader_and_schema_take(written: dict[str, Any]) -> None:
    assert not codes(written)
    assert not refusals(written)


@pytest.mark.parametrize("written", WRONG, ids=json.dumps)
def test_reader_and_schema_refuse(written: dict[str, Any]) -> None:
    assert codes(written)
    assert refusals(written)


@pytest.mark.parametrize(
    "written",
    [
        document({"process": {"matchPatterns": [{"pattern": "/a["}]}}),
        document({"action": "Allow", "presets": [{"name": "exec"}]}),
    ],
)
def test_what_only_the_reader_can_tell(written: dict[str, Any]) -> None:
    assert codes(written)
    assert not refusals(written)


scalars = st.sampled_from(
    [
        *("", "/", "/x", "/x/", "x", "a=b", "Allow", "block", "In", "label", "tcp,udp", "net_raw", "a.b"),
        *("unlink", "exec", "security.kubearmor.com/v1", "KubeArmorPolicy", "KubeArmorHostPolicy"),
        *(True, False, None, 0, 5, 11, 1.5, [], {}, ["/x/"], ["a=b"], [{"path": "/x"}], {"path": "/x"}),
    ]
)
new_keys = st.sampled_from(["path", "execname", "dir", "recursive", "selector", "action", "severity", "x"])


@st.composite
def changed_documents(draw: st.DrawFn) -> dict[str, Any]:
    """A document with every field, in which one or two places are changed."""
    written = whole(draw(st.sampled_from(sorted(KINDS))))
    for _ in range(draw(st.integers(1, 2))):
        here: Any = written
        steps = draw(st.integers(1, 7))
        while True:
            at = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
            steps -= 1
            if steps == 0 or not isinstance(here[at], dict | list) or not here[at]:
                break
            here = here[at]
        change = draw(st.sampled_from(["replace", "remove", "add"]))
        if change == "replace":
            here[at] = deepcopy(draw(scalars))
        elif change == "remove":
            del here[at]
        elif isinstance(here, dict):
            here[draw(new_keys)] = deepcopy(draw(scalars))
        if not isinstance(written.get("spec"), dict):
            break
    return written


@settings(max_examples=250, deadline=None, derandomize=True)
@given(changed_documents())
def test_reader_and_schema_are_of_one_mind(written: dict[str, Any]) -> None:
    assert bool(codes(written)) == bool(refusals(written)), (codes(written), refusals(written))
