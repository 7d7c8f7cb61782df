"""Documents that are refused: which rule each breaks, and where."""

import json
from typing import Any

import pytest

from policy.documents import read_document, read_documents
from tests.fixtures.policies import document


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
        ({"path": "/x", "action": "Bloc\u212a"}, "bad-action", "action"),
        ({"path": "/x", "severity": 10**30}, "bad-severity", "severity"),
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
        ({"network": {"matchProtocols": [{"protocol": "pac\u212aet"}]}}, "bad-protocol", None),
        ({"network": {"matchDNSQueries": [{"domain": "a..b"}]}}, "bad-domain", None),
        ({"network": {"matchDNSQueries": [{"domain": "a." * 126 + "ab"}]}}, "bad-domain", None),
        ({"capabilities": {"matchCapabilities": [{"capability": "CAP_NET_RAW"}]}}, "bad-capability", None),
        ({"capabilities": {"matchCapabilities": [{"capability": "net_row"}]}}, "bad-capability", None),
        ({"syscalls": {"matchSyscalls": [{"syscall": []}]}}, "bad-syscall", None),
        ({"syscalls": {"matchSyscalls": [{"syscall": ["SYS_UNLINK"]}]}}, "bad-syscall", None),
        ({"syscalls": {"matchSyscalls": [{"syscall": ["a"], "fromSource": [{}]}]}}, "one-of", None),
        ({"syscalls": {"matchPaths": [{"path": "x", "syscall": ["a"]}]}}, "bad-path", None),
        ({"presets": [{"name": "protectenv"}]}, "bad-preset", "presets[0].name"),
        ({"presets": [{"name": "exec", "action": "Allow"}]}, "bad-action", "presets[0].action"),
        ({"action": "allow", "presets": [{"name": "exec"}]}, "bad-action", "presets"),
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
        ("a: .inf", "unsupported-yaml"),
        ("a: [.nan]", "unsupported-yaml"),
        ("a: " + "9" * 5000, "unsupported-yaml"),
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


def test_an_alias_bomb_is_defused() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{n}: &{n} [{','.join([f'*{p}'] * 9)}]" for p, n in zip("abcdefghi", "bcdefghij", strict=True)]
    (problem,) = read_documents("\n".join(lines), "f").problems
    assert problem.code == "too-large"


def test_the_number_of_problems_is_bounded() -> None:
    result = read_documents("kind: Pod\n---\n" * 3000, "f")
    assert len(result.problems) < 1100
    assert result.problems[-1].code == "too-large"


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"\\ud800"', b"[" * 100_000, b"\xff", b"null", b"NaN"])
def test_log_records_that_hold_no_document(raw: bytes) -> None:
    result = read_document(raw)
    assert not result.documents
    assert result.problems


def test_an_infinity_is_no_field_left_out() -> None:
    text = json.dumps(document({"message": "m", "tags": ["t"]}))
    for wrong in (text.replace('"m"', ".nan"), text.replace('"t"', "-.inf")):
        result = read_documents(wrong, "f")
        assert not result.documents
        assert [str(problem.code) for problem in result.problems] == ["unsupported-yaml"]


def test_the_preset_that_inherits_allow_is_named() -> None:
    spec = {"action": "Allow", "presets": [{"name": "exec", "action": "Audit"}, {"name": "protectEnv"}]}
    (problem,) = read_documents(json.dumps(document(spec)), "f").problems
    assert problem.sentence.startswith("presets[1] takes the action Allow from spec")


def test_what_an_author_wrote_is_shown_without_harm() -> None:
    (problem,) = read_documents(json.dumps(document({"action": "\x1b[2J\u202e"})), "f").problems
    assert "\\x1b[2J\\u202e" in problem.sentence
