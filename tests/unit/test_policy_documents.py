"""Documents: what is accepted, and what of a wrong one is told, where and how."""

import json

import msgspec
import pytest
import yaml

from policy.documents import Document, Problem, ProblemCode, ReadResult, read_document, read_documents
from policy.documents.kinds import KINDS
from tests.fixtures.policies import document
from tests.fixtures.policy_documents import whole

HEAD = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: p, namespace: ns}
"""
SAMPLE = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: allow-specific-process, namespace: dvwa}
spec:
  action: Allow
  severity: 1
  selector: {matchLabels: {app: dvwa-web, tier: frontend}}
  file:
    matchDirectories: [{dir: /, recursive: true}]
  process:
    matchPaths:
    - {path: /bin/bash}
    - {path: /bin/ping, fromSource: [{path: /bin/dash}]}
    - {path: /bin/sh, fromSource: [{path: /usr/sbin/apache2}]}
    - {path: /usr/sbin/apache2}
"""


def only(result: ReadResult) -> Document:
    assert not result.problems
    (one,) = result.documents
    return one


def test_the_sample_is_accepted() -> None:
    one = only(read_documents(SAMPLE, "sample.yaml"))
    assert one.identity == ("KubeArmorPolicy", "dvwa", "allow-specific-process")
    assert one.title == "KubeArmorPolicy dvwa/allow-specific-process"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_every_section_is_accepted_in_every_kind(kind: str) -> None:
    one = only(read_documents(yaml.safe_dump(whole(kind)), "f"))
    assert one.namespace == ("ns" if kind == "KubeArmorPolicy" else "")
    assert only(read_document(one.canonical)) == one


def test_equal_documents_have_equal_hashes_however_they_are_written() -> None:
    as_yaml = only(read_documents(SAMPLE, "f"))
    tree = yaml.safe_load(SAMPLE)
    shuffled = {key: tree[key] for key in reversed(tree)}
    shuffled["spec"] |= {"action": "ALLOW"}
    assert only(read_documents(json.dumps(shuffled, indent=1), "f")) == as_yaml
    from_log = {key: value for key, value in tree.items() if key != "apiVersion"}
    assert only(read_document(msgspec.json.encode(from_log))).hash == as_yaml.hash
    assert len(as_yaml.hash) == 16
    tree["spec"]["process"]["matchPaths"][0]["path"] = "/bin/zsh"
    assert only(read_documents(json.dumps(tree), "f")).hash != as_yaml.hash


def test_what_an_api_server_adds_does_not_change_a_document() -> None:
    plain = only(read_documents(json.dumps(document({})), "f"))
    dumped = document({}, status={"status": "Active"})
    dumped["metadata"] |= {
        "uid": "x",
        "resourceVersion": "1",
        "generation": 2,
        "creationTimestamp": None,
        "managedFields": [{"fieldsV1": {"f:spec": {"f:action": {}}}, "time": None}],
    }
    assert only(read_documents(yaml.safe_dump(dumped), "f")).canonical == plain.canonical


def test_what_kubectl_adds_does_not_change_a_document() -> None:
    written = document({}, metadata={"name": "p", "annotations": {"a": "b"}})
    applied = document({}, metadata={"name": "p", "annotations": {"a": "b"}})
    applied["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    as_applied = only(read_documents(json.dumps(applied), "f"))
    assert as_applied.canonical == only(read_documents(json.dumps(written), "f")).canonical
    assert b'"annotations":{"a":"b"}' in as_applied.canonical


@pytest.mark.parametrize(
    ("written_out", "left_out"),
    [
        ({"process": {"matchPaths": []}, "selector": {"matchLabels": {}}}, {}),
        (
            {"file": {"matchDirectories": [{"dir": "/", "recursive": False, "pts": True, "fromSource": []}]}},
            {"file": {"matchDirectories": [{"dir": "/"}]}},
        ),
    ],
)
def test_a_default_that_is_written_out_does_not_change_a_document(
    written_out: dict[str, object], left_out: dict[str, object]
) -> None:
    one, other = (only(read_documents(json.dumps(document(spec)), "f")) for spec in (written_out, left_out))
    assert one.hash == other.hash


def test_no_tags_are_something_else_than_tags_left_out() -> None:
    one, other = (only(read_documents(json.dumps(document(s)), "f")) for s in ({"tags": []}, {}))
    assert one.hash != other.hash


def test_api_version_may_be_absent_in_the_log_only() -> None:
    written = document({})
    del written["apiVersion"]
    assert only(read_document(msgspec.json.encode(written)))
    (problem,) = read_documents(json.dumps(written), "f").problems
    assert problem.code == "missing-field"
    assert "apiVersion: security.kubearmor.com/v1" in problem.sentence


def test_a_problem_says_where_it_stands_and_what_would_be_right() -> None:
    text = HEAD + "spec:\n  process:\n    matchDirectories:\n    - dir: /usr/\n      recurive: true\n"
    (problem,) = read_documents(text, "policies/p.yaml").problems
    assert problem == Problem(
        code=ProblemCode.UNKNOWN_FIELD,
        file="policies/p.yaml",
        line=8,
        column=7,
        field="spec.process.matchDirectories[0].recurive",
        sentence="recurive is not a field here; did you mean recursive?",
    )
    assert str(problem) == (
        "policies/p.yaml:8:7: spec.process.matchDirectories[0].recurive: "
        "recurive is not a field here; did you mean recursive? [unknown-field]"
    )


def test_values_and_missing_fields_are_pointed_at() -> None:
    text = HEAD + 'spec:\n  severity: "5"\n  process:\n    matchPaths:\n    - {}\n    - path:   bin/x\n'
    found = [(p.line, p.column, p.code) for p in read_documents(text, "f").problems]
    assert found == [(5, 13, "wrong-type"), (8, 7, "one-of"), (9, 15, "bad-path")]


def test_every_problem_of_every_document_is_reported() -> None:
    text = (
        HEAD
        + "spec: {action: alow, severity: 11, proces: {}}\n---\na: [\n---\n"
        + SAMPLE
        + "---\nkind: Pod\n---\n- 1\n"
    )
    result = read_documents(text, "f")
    assert [one.name for one in result.documents] == ["allow-specific-process"]
    assert [(problem.line, str(problem.code)) for problem in result.problems] == [
        (4, "bad-action"),
        (4, "bad-severity"),
        (4, "unknown-field"),
        (7, "syntax"),
        (24, "missing-field"),
        (24, "unknown-kind"),
        (26, "not-a-document"),
    ]


def test_aliases_stand_for_what_they_name() -> None:
    text = (
        HEAD
        + "spec:\n  process:\n    matchPaths:\n"
        + "    - {path: /a, fromSource: &s [{path: /s}]}\n    - {path: /b, fromSource: *s}\n"
    )
    assert b'{"fromSource":[{"path":"/s"}],"path":"/b"}' in only(read_documents(text, "f")).canonical


def test_json_escapes_and_empty_documents() -> None:
    text = '---\n# nothing\n---\n{"apiVersion":"security.kubearmor.com\\/v1","kind":"KubeArmorPolicy",'
    text += '"metadata":{"name":"p"},"spec":{"message":"\\ud83d\\ude00"}}\n---\n'
    assert only(read_documents(text, "f")).policy.spec.message == "😀"
