"""Kubernetes lists: their items are documents, and a problem in one says in which and where."""

import json
from typing import Any

import pytest
import yaml

from policy.documents import read_document, read_documents
from tests.fixtures.policies import document

LIST = """\
apiVersion: v1
kind: List
metadata: {resourceVersion: ""}
items:
- apiVersion: security.kubearmor.com/v1
  kind: KubeArmorPolicy
  metadata: {name: a}
  spec: {}
- apiVersion: security.kubearmor.com/v1
  kind: KubeArmorHostPolicy
  metadata: {name: b}
  spec:
    process:
      matchDirectories:
      - {dir: /usr/, recurive: true}
- apiVersion: security.kubearmor.com/v1
  kind: KubeArmorClusterPolicy
  metadata: {name: c}
  spec: {}
"""


def a_list(*items: Any, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)} | more


def of_kind(*items: Any, kind: str = "KubeArmorPolicy", **more: Any) -> dict[str, Any]:
    version = "security.kubearmor.com/v1"
    return {"apiVersion": version, "kind": f"{kind}List", "items": list(items)} | more


def problems_of(written: Any) -> list[tuple[str, str]]:
    return [(str(one.code), one.field) for one in read_documents(json.dumps(written), "f").problems]


def test_the_right_documents_of_a_list_are_read_and_the_wrong_one_is_pointed_at() -> None:
    result = read_documents(LIST + "---\n" + yaml.safe_dump(document({})), "f")
    assert [one.title for one in result.documents] == [
        "KubeArmorPolicy default/a",
        "KubeArmorClusterPolicy c",
        "KubeArmorPolicy ns/p",
    ]
    (problem,) = result.problems
    assert (problem.line, problem.column) == (15, 22)
    assert problem.field == "items[1].spec.process.matchDirectories[0].recurive"
    assert problem.sentence == "recurive is not a field here; did you mean recursive?"


def test_a_document_of_a_list_is_the_same_as_outside_of_it() -> None:
    (inside,) = read_documents(json.dumps(a_list(document({"action": "Audit"}))), "f").documents
    (outside,) = read_documents(json.dumps(document({"action": "Audit"})), "f").documents
    assert inside == outside


def test_what_is_read_of_a_list_knows_where_it_stood() -> None:
    first, last = read_documents(LIST, "f").located
    assert first.within == ("items", 0)
    assert last.within == ("items", 2)
    assert last.mark(("metadata", "name")) == (18, 20)


def test_json_has_lines_and_columns_too() -> None:
    text = json.dumps(a_list(document({}), document({"severity": 11})), indent=1)
    (problem,) = read_documents(text, "f").problems
    line = text.splitlines()[problem.line - 1]
    assert line[problem.column - 1 :] == "11"
    assert problem.field == "items[1].spec.severity"


@pytest.mark.parametrize("kind", ["KubeArmorPolicy", "KubeArmorClusterPolicy", "KubeArmorHostPolicy"])
def test_items_of_a_list_of_one_kind_need_not_say_what_they_are(kind: str) -> None:
    bare = {"metadata": {"name": "p"}, "spec": {}}
    whole = document({}, kind=kind)
    result = read_documents(json.dumps(of_kind(bare, whole, kind=kind)), "f")
    assert not result.problems
    assert [one.kind for one in result.documents] == [kind, kind]


def test_an_empty_list_has_no_documents_and_no_problems() -> None:
    for empty in (a_list(), of_kind()):
        result = read_documents(json.dumps(empty), "f")
        assert (result.documents, result.problems) == ((), ())


@pytest.mark.parametrize(
    ("written", "found"),
    [
        (a_list(items={}), [("wrong-type", "items")]),
        (a_list(items=None), [("missing-value", "items")]),
        ({"apiVersion": "v1", "kind": "List"}, [("missing-field", "items")]),
        ({"kind": "List", "items": []}, [("missing-field", "apiVersion")]),
        (a_list(apiVersion="security.kubearmor.com/v1"), [("api-version", "apiVersion")]),
        (of_kind(apiVersion="v1"), [("api-version", "apiVersion")]),
        (a_list(item=[]), [("unknown-field", "item")]),
        (a_list(metadata="x"), [("wrong-type", "metadata")]),
        (a_list(None), [("missing-value", "items[0]")]),
        (a_list(5, "x", []), [("not-a-document", f"items[{index}]") for index in range(3)]),
        (a_list(document({}, kind=["x"])), [("unknown-kind", "items[0].kind")]),
        (a_list(document({}, kind="Pod")), [("unknown-kind", "items[0].kind")]),
        (a_list({"kind": "KubeArmorPolicy", "metadata": {"name": "p"}, "spec": {}}),
         [("missing-field", "items[0]")]),
        (a_list(a_list()), [("unknown-kind", "items[0].kind")]),
        (a_list(of_kind()), [("unknown-kind", "items[0].kind")]),
        (of_kind(document({}, kind="KubeArmorHostPolicy")), [("unknown-kind", "items[0].kind")]),
        (of_kind(document({}, apiVersion="v1")), [("api-version", "items[0].apiVersion")]),
        (a_list(document({"tags": None})), [("missing-value", "items[0].spec.tags")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_list(written: dict[str, Any], found: list[tuple[str, str]]) -> None:
    assert problems_of(written) == found
    assert not read_documents(json.dumps(written), "f").documents


def test_what_is_no_json_within_an_item_costs_that_item_only() -> None:
    text = LIST.replace("{name: a}", "{name: a, name: b}").replace(", recurive: true", "")
    result = read_documents(text, "f")
    assert [one.name for one in result.documents] == ["b", "c"]
    assert [(str(one.code), one.field, one.line) for one in result.problems] == [
        ("duplicate-key", "items[0].metadata.name", 7)
    ]


def test_problems_around_the_items_cost_no_item() -> None:
    result = read_documents(LIST.replace("metadata: {resourceVersion", "kind: List\nmetadata: {x: 1, y"), "f")
    assert [one.name for one in result.documents] == ["a", "c"]
    assert [str(one.code) for one in result.problems] == ["duplicate-key", "unknown-field"]


def test_the_number_of_problems_in_a_list_is_bounded() -> None:
    result = read_documents(json.dumps(a_list(*[{}] * 3000)), "f")
    assert len(result.problems) < 1100
    assert "too-large" in [str(one.code) for one in result.problems]


def test_the_policy_log_holds_single_documents() -> None:
    result = read_document(json.dumps(a_list(document({}))).encode())
    assert not result.documents
    assert [str(one.code) for one in result.problems] == ["unknown-kind"]
