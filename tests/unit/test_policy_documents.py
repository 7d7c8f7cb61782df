"""Documents: what is accepted, and what of a wrong one is told, where and how."""

import json
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.documents import Document, Problem, ProblemCode, ReadResult, read_document, read_documents

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
SOURCE = {"fromSource": [{"path": "/s"}]}
EVERYTHING: dict[str, Any] = {
    "severity": 10,
    "tags": ["a"],
    "message": "m",
    "action": "aUDIT",
    "process": {
        "severity": 1,
        "matchPaths": [
            {
                "path": "//usr/bin/x",
                "ownerOnly": True,
                "pts": False,
                "fromSource": [{"path": "/s"}],
                "allowedArgs": ["-x"] * 20,
                "action": "Allow",
            },
            {"execname": "apt", "fromSource": []},
        ],
        "matchDirectories": [
            {"dir": "/usr/", "recursive": True, "ownerOnly": True, "pts": True} | SOURCE,
        ],
        "matchPatterns": [{"pattern": "/a/**", "ownerOnly": True, "tags": []}],
    },
    "file": {
        "matchPaths": [
            {"path": "/x", "readOnly": True, "ownerOnly": True, "pts": False} | SOURCE,
        ],
        "matchDirectories": [
            {"dir": "/", "recursive": True, "readOnly": True, "ownerOnly": True} | SOURCE,
        ],
        "matchPatterns": [{"pattern": "/x*", "readOnly": True, "ownerOnly": True}],
    },
    "network": {
        "matchProtocols": [{"protocol": "TCP, icmpv6,all"} | SOURCE],
        "matchDNSQueries": [{"domain": "example.com"} | SOURCE],
    },
    "capabilities": {"matchCapabilities": [{"capability": "net_raw, bpf"} | SOURCE]},
    "syscalls": {
        "matchSyscalls": [
            {"syscall": ["unlink"], "fromSource": [{"path": "/s"}, {"dir": "/d/", "recursive": True}]}
        ],
        "matchPaths": [
            {"path": "/d/", "recursive": True, "syscall": ["unlink"], "fromSource": [{"dir": "/s/"}]},
            {"path": "/f", "syscall": ["openat2"]},
        ],
    },
    "presets": [
        {"name": name, "action": action}
        for name, action in zip(
            ["protectEnv", "filelessExec", "exec", "protectProc", "anonymousMapExec"],
            ["Audit", "Block", "block", "audit", "Block"],
            strict=True,
        )
    ],
}


def document(spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "security.kubearmor.com/v1",
        "kind": "KubeArmorPolicy",
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": spec,
    } | more


def only(result: ReadResult) -> Document:
    assert not result.problems
    (one,) = result.documents
    return one


def problems_of(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Codes and fields."""
    return problems_in(document(spec))


def problems_in(written: dict[str, Any]) -> list[tuple[str, str]]:
    """Codes and fields."""
    result = read_documents(json.dumps(written), "f")
    assert not result.documents
    assert all(problem.sentence.isprintable() for problem in result.problems)
    return [(str(problem.code), problem.field) for problem in result.problems]


def process(rule: dict[str, Any]) -> dict[str, Any]:
    return {"process": {"matchPaths": [rule]}}


def directory(rule: dict[str, Any]) -> dict[str, Any]:
    return {"process": {"matchDirectories": [rule]}}


def test_the_sample_is_accepted() -> None:
    one = only(read_documents(SAMPLE, "sample.yaml"))
    assert one.identity == ("KubeArmorPolicy", "dvwa", "allow-specific-process")
    assert one.title == "KubeArmorPolicy dvwa/allow-specific-process"


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("KubeArmorPolicy", {"selector": {"matchLabels": {"a": "b"}}}),
        (
            "KubeArmorClusterPolicy",
            {"selector": {"matchExpressions": [{"key": "namespace", "operator": "In", "values": ["a"]}]}},
        ),
        ("KubeArmorHostPolicy", {"nodeSelector": {"matchLabels": {"kubernetes.io/hostname": "*"}}}),
    ],
)
def test_every_field_of_every_section_is_accepted_in_every_kind(kind: str, extra: dict[str, Any]) -> None:
    written = document(EVERYTHING | extra, kind=kind)
    one = only(read_documents(yaml.safe_dump(written), "f"))
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


@pytest.mark.parametrize(
    ("rule", "code", "field"),
    [
        ({"path": "/bin/x", "execname": "x"}, "one-of", "execname"),
        ({}, "one-of", "execname"),
        ({"path": "bin/x"}, "bad-path", "path"),
        ({"path": "/bin/"}, "bad-path", "path"),
        ({"path": "/"}, "bad-path", "path"),
        ({"path": ""}, "bad-path", "path"),
        ({"path": "/a\nb"}, "bad-path", "path"),
        ({"path": "/" + "x" * 200}, "bad-path", "path"),
        ({"path": 5}, "wrong-type", "path"),
        ({"path": None, "execname": "x"}, "missing-value", "path"),
        ({"execname": "a/b"}, "bad-execname", "execname"),
        ({"execname": ""}, "bad-execname", "execname"),
        ({"path": "/x", "ownerOnly": "yes"}, "wrong-type", "ownerOnly"),
        ({"path": "/x", "owner_only": True}, "unknown-field", "owner_only"),
        ({"path": "/x", "readOnly": True}, "unknown-field", "readOnly"),
        ({"path": "/x", "recursive": True}, "unknown-field", "recursive"),
        ({"path": "/x", "allowedArgs": ["a"] * 21}, "bad-arguments", "allowedArgs"),
        ({"path": "/x", "allowedArgs": [8080]}, "wrong-type", "allowedArgs[0]"),
        ({"path": "/x", "allowedArgs": "a"}, "wrong-type", "allowedArgs"),
        ({"path": "/x", "fromSource": [{"path": "s"}]}, "bad-path", "fromSource[0].path"),
        ({"path": "/x", "fromSource": [{"dir": "/s/"}]}, "unknown-field", "fromSource[0].dir"),
        ({"path": "/x", "fromSource": None}, "missing-value", "fromSource"),
        ({"path": "/x", "severity": 0}, "bad-severity", "severity"),
        ({"path": "/x", "severity": True}, "wrong-type", "severity"),
        ({"path": "/x", "severity": 1.5}, "wrong-type", "severity"),
        ({"path": "/x", "action": "Deny"}, "bad-action", "action"),
        ({"path": "/x", "action": True}, "bad-action", "action"),
        ({"path": "/x", "tags": "t"}, "wrong-type", "tags"),
    ],
)
def test_what_is_wrong_with_a_process_rule(rule: dict[str, Any], code: str, field: str) -> None:
    assert (code, f"spec.process.matchPaths[0].{field}") in problems_of(process(rule))


@pytest.mark.parametrize(
    ("spec", "code", "field"),
    [
        (directory({"dir": "/usr"}), "bad-directory", "process.matchDirectories[0].dir"),
        (directory({"dir": "usr/"}), "bad-directory", "process.matchDirectories[0].dir"),
        (directory({}), "missing-field", "process.matchDirectories[0].dir"),
        (
            {"process": {"matchDirectories": [{"dir": "/", "allowedArgs": ["a"]}]}},
            "unknown-field",
            "process.matchDirectories[0].allowedArgs",
        ),
        (
            {"process": {"matchPatterns": [{"pattern": "/a[", "pts": False}]}},
            "bad-pattern",
            "process.matchPatterns[0].pattern",
        ),
        (
            {"process": {"matchPatterns": [{"pattern": "/a", "pts": False}]}},
            "unknown-field",
            "process.matchPatterns[0].pts",
        ),
        ({"process": {"matchPaths": {}}}, "wrong-type", "process.matchPaths"),
        ({"process": ["x"]}, "wrong-type", "process"),
        ({"file": {"matchPaths": [{"path": "/x", "allowedArgs": []}]}}, "unknown-field", None),
        ({"file": {"matchPaths": [{"execname": "x"}]}}, "unknown-field", "file.matchPaths[0].execname"),
        ({"network": {"matchProtocols": [{"protocol": "tcp,upd"}]}}, "bad-protocol", None),
        ({"network": {"matchProtocols": [{"protocol": ""}]}}, "bad-protocol", None),
        ({"network": {"matchDNSQueries": [{"domain": "a..b"}]}}, "bad-domain", None),
        ({"capabilities": {"matchCapabilities": [{"capability": "CAP_NET_RAW"}]}}, "bad-capability", None),
        ({"capabilities": {"matchCapabilities": [{"capability": "net_row"}]}}, "bad-capability", None),
        ({"syscalls": {"matchSyscalls": [{"syscall": []}]}}, "bad-syscall", None),
        ({"syscalls": {"matchSyscalls": [{"syscall": ["SYS_UNLINK"]}]}}, "bad-syscall", None),
        ({"syscalls": {"matchSyscalls": [{"syscall": ["a"], "fromSource": [{}]}]}}, "one-of", None),
        ({"syscalls": {"matchPaths": [{"path": "x", "syscall": ["a"]}]}}, "bad-path", None),
        ({"presets": [{"name": "protectenv"}]}, "bad-preset", "presets[0].name"),
        ({"presets": [{"name": "exec", "action": "Allow"}]}, "bad-action", "presets[0].action"),
        ({"selector": {"matchLabels": {"app": True}}}, "wrong-type", "selector.matchLabels.app"),
        ({"selector": {"matchLabels": {"a.b/c": 1}}}, "wrong-type", 'selector.matchLabels["a.b/c"]'),
        (
            {"selector": {"matchExpressions": [{"key": "namespace", "operator": "In", "values": ["a=b"]}]}},
            "bad-selector",
            "selector.matchExpressions[0].key",
        ),
        (
            {"selector": {"matchExpressions": [{"key": "label", "operator": "Exists", "values": ["a=b"]}]}},
            "bad-selector",
            "selector.matchExpressions[0].operator",
        ),
        (
            {"selector": {"matchExpressions": [{"key": "label", "operator": "In", "values": []}]}},
            "bad-selector",
            "selector.matchExpressions[0].values",
        ),
        ({"nodeSelector": {}}, "unknown-field", "nodeSelector"),
        ({"apparmor": "x"}, "unknown-field", "apparmor"),
    ],
)
def test_what_is_wrong_elsewhere(spec: dict[str, Any], code: str, field: str | None) -> None:
    found = problems_of(spec)
    assert code in [one for one, _ in found]
    if field is not None:
        assert (code, f"spec.{field}") in found


@pytest.mark.parametrize(
    ("more", "code", "field"),
    [
        ({"apiVersion": "v1"}, "api-version", "apiVersion"),
        ({"kind": "KubearmorPolicy"}, "unknown-kind", "kind"),
        ({"kind": 5}, "unknown-kind", "kind"),
        ({"metadata": {}}, "missing-field", "metadata.name"),
        ({"metadata": {"name": "a/b"}}, "bad-name", "metadata.name"),
        ({"metadata": {"name": "p", "nmespace": "x"}}, "unknown-field", "metadata.nmespace"),
        ({"spec": None}, "missing-value", "spec"),
        ({"extra": 1}, "unknown-field", "extra"),
    ],
)
def test_what_is_wrong_around_the_spec(more: dict[str, Any], code: str, field: str) -> None:
    assert problems_in(document({}) | more) == [(code, field)]


def test_other_things_wrong_with_a_rule_do_not_hide_a_missing_target() -> None:
    found = problems_of(process({"ownerOnly": "yes", "colour": "red"}))
    assert sorted(code for code, _ in found) == ["one-of", "unknown-field", "wrong-type"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: [", "syntax"),
        ("\ta: b", "syntax"),
        ("a: \x07", "syntax"),
        ("a: *x", "syntax"),
        ("a: 1\na: 2", "duplicate-key"),
        ("1: 2", "key-not-text"),
        ("? [a]\n: b", "key-not-text"),
        ("a: !!python/object:os.system x", "unsupported-yaml"),
        ("a: !x [1]", "unsupported-yaml"),
        ("a: !!binary aGk=", "unsupported-yaml"),
        ("b: &b {c: d}\na:\n  <<: *b", "unsupported-yaml"),
        ('a: "\\ud800"', "unsupported-yaml"),
        ("[" * 50 + "]" * 50, "too-deep"),
        ("[" * 5000, "too-deep"),
        ("&a [*a]", "too-deep"),
        ("x" * (1024 * 1024 + 1), "too-large"),
        ("- 1\n", "not-a-document"),
        ("text", "not-a-document"),
    ],
)
def test_texts_that_are_no_policies(text: str, code: str) -> None:
    result = read_documents(text, "f")
    assert not result.documents
    assert code in [problem.code for problem in result.problems]
    assert all(problem.line >= 1 and problem.column >= 1 for problem in result.problems)


def test_aliases_stand_for_what_they_name() -> None:
    text = (
        HEAD
        + "spec:\n  process:\n    matchPaths:\n"
        + "    - {path: /a, fromSource: &s [{path: /s}]}\n    - {path: /b, fromSource: *s}\n"
    )
    assert b'{"fromSource":[{"path":"/s"}],"path":"/b"}' in only(read_documents(text, "f")).canonical


def test_an_alias_bomb_is_defused() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]" for p, n in zip("abcdefghi", "bcdefghij", strict=True)]
    (problem,) = read_documents("\n".join(lines), "f").problems
    assert problem.code == "too-large"


def test_the_number_of_problems_is_bounded() -> None:
    result = read_documents("kind: Pod\n---\n" * 3000, "f")
    assert len(result.problems) < 1100
    assert result.problems[-1].code == "too-large"


def test_json_escapes_and_empty_documents() -> None:
    text = '---\n# nothing\n---\n{"apiVersion":"security.kubearmor.com\\/v1","kind":"KubeArmorPolicy",'
    text += '"metadata":{"name":"p"},"spec":{"message":"\\ud83d\\ude00"}}\n---\n'
    assert only(read_documents(text, "f")).policy.spec.message == "😀"


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"\\ud800"', b"[" * 100_000, b"\xff", b"null", b"NaN"])
def test_log_records_that_hold_no_document(raw: bytes) -> None:
    result = read_document(raw)
    assert not result.documents
    assert result.problems


def test_what_an_author_wrote_is_shown_without_harm() -> None:
    (problem,) = read_documents(json.dumps(document({"action": "\x1b[2J\u202e"})), "f").problems
    assert "\\x1b[2J\\u202e" in problem.sentence


scraps = st.sampled_from(
    [
        *(
            "apiVersion",
            "kind: ",
            "KubeArmorPolicy",
            "spec:",
            "\n",
            "  ",
            "- ",
            "{",
            "}",
            "[",
            "]",
            ": ",
            "&a ",
        ),
        *("*a", "---\n", "...\n", "'", '"', "|\n", ">\n", "!!str ", "!x ", "%YAML 1.1\n", "# ", "? ", "<<: "),
        *("null", "1e9", "0b_", "2020-99-99", "\x85", "\ufeff", "\t"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(scraps, max_size=40).map("".join)))
def test_any_text_gives_problems_and_never_an_exception(text: str) -> None:
    result = read_documents(text, "f")
    assert not result.documents
    assert all(problem.sentence.isprintable() for problem in result.problems)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["process", "matchPaths", "path", "tags", "selector", "x"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(json_values)
def test_any_spec_is_a_document_or_has_problems(spec: Any) -> None:
    result = read_document(json.dumps(document(spec)).encode())
    assert bool(result.documents) != bool(result.problems)
