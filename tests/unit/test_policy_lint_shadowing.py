"""Shadowed and contradicting rules, each beside a pair that is neither."""

from typing import Any

import msgspec
import pytest

from policy.documents import read_documents
from policy.lint import Finding, LintCode, Severity, lint
from tests.fixtures.policies import document

E, W = Severity.ERROR, Severity.WARNING
SHADOWED, CONTRADICTING = LintCode.SHADOWED_RULE, LintCode.CONTRADICTING_RULES


def about(*documents: dict[str, Any]) -> list[Finding]:
    texts = [
        read_documents(msgspec.json.encode(one).decode(), f"{number}.json")
        for number, one in enumerate(documents, 1)
    ]
    assert not [problem for text in texts for problem in text.problems]
    return [one for one in lint(texts) if one.code in {SHADOWED, CONTRADICTING}]


def told(*documents: dict[str, Any]) -> list[tuple[str, str, Severity]]:
    return [(str(one.code), one.field, one.severity) for one in about(*documents)]


def process(**groups: list[dict[str, Any]]) -> dict[str, Any]:
    return document({"severity": 1, "process": groups})


def paths(*rules: dict[str, Any]) -> dict[str, Any]:
    return process(matchPaths=[{"path": "/usr/bin/x"} | rule for rule in rules])


ALLOW, BLOCK, AUDIT = {"action": "Allow"}, {"action": "Block"}, {"action": "Audit"}
FROM_Y = {"fromSource": [{"path": "/usr/bin/y"}]}
FROM_Z = {"fromSource": [{"path": "/usr/bin/z"}]}
FROM_BOTH = {"fromSource": [{"path": "/usr/bin/z"}, {"path": "/usr/bin/y"}]}


def at(number: int, group: str = "matchPaths") -> str:
    return f"spec.process.{group}[{number}]"


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([ALLOW, BLOCK], [(CONTRADICTING, at(0), E)]),
        ([BLOCK | FROM_BOTH, ALLOW | FROM_BOTH], [(CONTRADICTING, at(1), E)]),
        ([BLOCK | {"ownerOnly": True}, ALLOW], [(CONTRADICTING, at(1), E)]),
        ([BLOCK | {"ownerOnly": True}, ALLOW | {"ownerOnly": True}], [(CONTRADICTING, at(1), E)]),
        ([BLOCK | {"ownerOnly": True}, ALLOW | {"pts": False}], []),
        ([ALLOW | FROM_Y, BLOCK], []),
        ([ALLOW | FROM_Y, BLOCK | FROM_Z], []),
        ([BLOCK | FROM_BOTH, ALLOW | FROM_Y], [(SHADOWED, at(1), W)]),
        ([BLOCK | FROM_Y, ALLOW | FROM_BOTH], []),
        ([BLOCK, BLOCK], [(SHADOWED, at(1), W)]),
        ([BLOCK, BLOCK | {"ownerOnly": True}], [(SHADOWED, at(1), W)]),
        ([BLOCK | {"ownerOnly": True}, BLOCK], []),
        ([BLOCK | {"allowedArgs": ["a"]}, BLOCK | {"allowedArgs": ["a"]}], [(SHADOWED, at(1), W)]),
        ([BLOCK | {"allowedArgs": ["a"]}, BLOCK | {"allowedArgs": ["b"]}], []),
        ([BLOCK | FROM_Y, BLOCK | FROM_Z, BLOCK | FROM_BOTH], [(SHADOWED, at(2), W)]),
        ([BLOCK | FROM_Y, BLOCK | FROM_BOTH], []),
        ([AUDIT, AUDIT | FROM_Y], [(SHADOWED, at(1), W)]),
        ([AUDIT | FROM_Y, AUDIT], []),
        ([AUDIT | {"ownerOnly": True}, AUDIT], []),
        ([AUDIT, ALLOW], []),
        ([AUDIT, BLOCK], []),
    ],
)
def test_rules_about_one_path(rules: list[dict[str, Any]], expected: list[tuple[str, str, Severity]]) -> None:
    assert told(paths(*rules)) == expected


@pytest.mark.parametrize(
    ("directory", "pattern", "expected"),
    [
        (BLOCK, ALLOW, [(SHADOWED, at(0, "matchDirectories"), E)]),
        (ALLOW, BLOCK, [(SHADOWED, at(0, "matchDirectories"), W)]),
        (ALLOW, AUDIT, []),
        (BLOCK | FROM_Y, ALLOW, []),
    ],
)
def test_a_pattern_beats_a_directory(
    directory: dict[str, Any], pattern: dict[str, Any], expected: list[tuple[str, str, Severity]]
) -> None:
    both = process(
        matchDirectories=[{"dir": "/usr/bin/", "recursive": True} | directory],
        matchPatterns=[{"pattern": "/usr/**"} | pattern],
    )
    assert told(both) == expected


def test_what_is_only_partly_covered_is_not_shadowed() -> None:
    for pattern in ("/usr/bin/**", "/usr/*", "/usr/bi**", "/{usr,x}/**"):
        both = process(
            matchDirectories=[{"dir": "/usr/bin/", "recursive": True} | BLOCK],
            matchPatterns=[{"pattern": pattern} | ALLOW],
        )
        assert not told(both), pattern


def test_a_folder_is_not_below_itself_nor_below_one_whose_name_it_begins_with() -> None:
    for folder in ("/usr/", "/usrx/", "/"):
        both = process(
            matchDirectories=[{"dir": folder, "recursive": True} | BLOCK],
            matchPatterns=[{"pattern": "/usr/**"} | ALLOW],
        )
        assert not told(both), folder


def test_deeper_directories_and_exact_paths_decide_for_themselves() -> None:
    nested = process(
        matchPaths=[{"path": "/usr/bin/x"} | ALLOW],
        matchDirectories=[{"dir": "/usr/", "recursive": True} | BLOCK, {"dir": "/usr/bin/"} | ALLOW],
    )
    assert not told(nested)


def test_what_is_said_of_them() -> None:
    (hole,) = about(
        process(
            matchDirectories=[{"dir": "/usr/bin/"} | BLOCK],
            matchPatterns=[{"pattern": "/usr/**"} | ALLOW],
        )
    )
    assert hole.sentence == (
        "this never decides (but for paths that are not seen whole): spec.process.matchPatterns[0] does, "
        "since a pattern beats a directory; write a pattern here too, or remove it"
    )
    (switch,) = about(
        process(
            matchDirectories=[{"dir": "/usr/bin/"} | ALLOW],
            matchPatterns=[{"pattern": "/usr/**"} | BLOCK],
        )
    )
    assert "(it only switches allow-list mode on)" in switch.sentence
    (contradiction,) = about(paths(ALLOW, BLOCK))
    assert contradiction.sentence == (
        "spec.process.matchPaths[1] blocks the same from the same sources and wins; remove one of the two"
    )


def sockets(*rules: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    listed = [{"protocol": protocol} | rule for protocol, rule in rules]
    return document({"severity": 1, "network": {"matchProtocols": listed}})


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([("tcp", ALLOW), ("all", BLOCK)], [(SHADOWED, 0)]),
        ([("all", ALLOW), ("tcp", BLOCK)], []),
        ([("tcp", ALLOW), ("TCP", BLOCK)], [(CONTRADICTING, 0)]),
        ([("tcp", BLOCK), ("stream", ALLOW)], [(SHADOWED, 1)]),
        ([("stream", BLOCK), ("tcp", ALLOW)], []),
        ([("tcp,udp", ALLOW), ("tcp", BLOCK)], []),
        ([("tcp,udp", ALLOW), ("tcp", BLOCK), ("udp", BLOCK)], [(CONTRADICTING, 0)]),
        ([("tcp,all", BLOCK)], []),
    ],
)
def test_protocols(rules: list[tuple[str, dict[str, Any]]], expected: list[tuple[str, int]]) -> None:
    found = [(one.code, one.field) for one in about(sockets(*rules))]
    assert found == [(code, f"spec.network.matchProtocols[{number}]") for code, number in expected]


def test_names() -> None:
    def of(*rules: dict[str, Any]) -> list[str]:
        written = document({"severity": 1, "network": {"matchDNSQueries": list(rules)}})
        return [one.field for one in about(written)]

    wide, narrow = {"domain": "Example.com."}, {"domain": "a.example.com"}
    assert of(narrow | ALLOW, wide | BLOCK) == ["spec.network.matchDNSQueries[0]"]
    assert not of(narrow | BLOCK, wide | ALLOW)
    assert not of({"domain": "an-example.com"} | ALLOW, wide | BLOCK)


def test_capabilities_presets_and_system_calls() -> None:
    spec = {
        "severity": 1,
        "action": "Block",
        "capabilities": {"matchCapabilities": [{"capability": "chown"}, {"capability": "chown,kill"}]},
        "presets": [{"name": "exec"}, {"name": "exec"}, {"name": "exec", "action": "Audit"}],
        "syscalls": {
            "action": "Audit",
            "matchSyscalls": [
                {"syscall": ["unlink", "rmdir"]},
                {"syscall": ["rmdir"]},
                {"syscall": ["chown"]},
            ],
            "matchPaths": [{"path": "/etc/", "syscall": ["unlink"]}, {"path": "/etc/", "syscall": ["chmod"]}],
        },
    }
    assert [one.field for one in about(document(spec))] == [
        "spec.presets[1]",
        "spec.syscalls.matchSyscalls[1]",
        "spec.syscalls.matchPaths[0]",
    ]


def named(name: str, rule: dict[str, Any], labels: dict[str, str], namespace: str = "ns") -> dict[str, Any]:
    spec = {
        "severity": 1,
        "process": {"matchPaths": [{"path": "/usr/bin/x"} | rule]},
        "selector": {"matchLabels": labels},
    }
    return document(spec, metadata={"name": name, "namespace": namespace})


def cluster(rule: dict[str, Any], namespaces: list[str]) -> dict[str, Any]:
    spec = {
        "severity": 1,
        "process": {"matchPaths": [{"path": "/usr/bin/x"} | rule]},
        "selector": {"matchExpressions": [{"key": "namespace", "operator": "In", "values": namespaces}]},
    }
    return document(spec, kind="KubeArmorClusterPolicy", metadata={"name": "baseline"})


def test_rules_of_several_documents() -> None:
    web, front = {"app": "web"}, {"app": "web", "tier": "front"}
    allow, block = named("allow", ALLOW, front), named("block", BLOCK, web)
    assert told(allow, block) == [(CONTRADICTING, at(0), W)]
    assert (
        "spec.process.matchPaths[0] of KubeArmorPolicy ns/block (2.json:1)" in about(allow, block)[0].sentence
    )
    assert not told(named("allow", ALLOW, web), named("block", BLOCK, front))
    assert not told(named("allow", ALLOW, web), named("block", BLOCK, {"tier": "front"}))
    assert not told(named("allow", ALLOW, web), named("block", BLOCK, web, "other"))
    assert told(named("allow", ALLOW, web), cluster(BLOCK, ["ns"])) == [(CONTRADICTING, at(0), W)]
    assert not told(named("allow", ALLOW, web), cluster(BLOCK, ["other"]))
    assert not told(cluster(ALLOW, ["ns"]), named("block", BLOCK, {}))


def test_thousands_of_rules_about_one_path_are_compared_in_bounds() -> None:
    rules = [BLOCK | {"fromSource": [{"path": f"/usr/bin/{number}"}]} for number in range(1000)]
    assert not told(paths(*rules))
    assert told(paths(rules[0], *rules)) == [(SHADOWED, at(1), W)]
