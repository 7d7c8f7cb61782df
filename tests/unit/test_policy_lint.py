"""Every finding of lint: found where it is due, and not found on a near miss."""

from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.documents import read_documents
from policy.lint import Circumstances, Finding, Layout, LintCode, Severity, lint
from tests.fixtures.policies import document, pod

ALLOW_ALL_FILES = {"matchDirectories": [{"dir": "/", "recursive": True, "action": "Allow"}]}
BASE: dict[str, Any] = {"severity": 5, "action": "Block"}


def found(*documents: dict[str, Any], **circumstances: Any) -> list[Finding]:
    """Everything about `documents`, each in a file of its own, as JSON on one line."""
    texts = [
        read_documents(msgspec.json.encode(one).decode(), f"{number}.json")
        for number, one in enumerate(documents, 1)
    ]
    assert not [problem for text in texts for problem in text.problems]
    return list(lint(texts, Circumstances(**circumstances)))


def of_spec(spec: dict[str, Any], **circumstances: Any) -> list[Finding]:
    return found(document(BASE | spec), **circumstances)


def executing(**rule: Any) -> dict[str, Any]:
    """A spec with one process rule about a path."""
    return {"process": {"matchPaths": [{"path": "/usr/bin/x"} | rule]}}


def about(path: str, **rule: Any) -> dict[str, Any]:
    return {"process": {"matchPaths": [{"path": path} | rule]}}


def glob(pattern: str, section: str = "file") -> dict[str, Any]:
    return {section: {"matchPatterns": [{"pattern": pattern}]}}


def allowing(**sections: Any) -> dict[str, Any]:
    return {"action": "Allow"} | sections


def sockets(*protocols: str, **rule: Any) -> dict[str, Any]:
    return {"matchProtocols": [{"protocol": protocol} | rule for protocol in protocols]}


PROGRAMS = {"matchPaths": [{"path": "/usr/bin/x"}]}


class Case(NamedTuple):
    code: LintCode
    field: str
    severity: Severity
    bad: dict[str, Any]
    near: dict[str, Any]


E, W, I = Severity.ERROR, Severity.WARNING, Severity.INFO  # noqa: E741
CASES = [
    Case(LintCode.EMPTY_POLICY, "spec", W, {}, executing()),
    Case(LintCode.EMPTY_POLICY, "spec", W, {"process": {}, "presets": []}, {"presets": [{"name": "exec"}]}),
    Case(LintCode.EMPTY_SECTION, "spec.file", W, executing() | {"file": {"matchPaths": []}}, executing()),
    Case(LintCode.EMPTY_SECTION, "spec.presets", W, executing() | {"presets": []}, {"process": {}}),
    Case(
        LintCode.EMPTY_LIST,
        "spec.process.matchPaths[0].fromSource",
        W,
        executing(fromSource=[]),
        executing(fromSource=[{"path": "/usr/bin/y"}]),
    ),
    Case(
        LintCode.EMPTY_LIST,
        "spec.process.matchPaths[0].allowedArgs",
        W,
        executing(allowedArgs=[]),
        executing(allowedArgs=["-l"]),
    ),
    Case(
        LintCode.SYSCALLS_ONLY_AUDIT,
        "spec.syscalls.action",
        W,
        {"syscalls": {"action": "Block", "matchSyscalls": [{"syscall": ["unlink"]}]}},
        {"syscalls": {"action": "Audit", "matchSyscalls": [{"syscall": ["unlink"]}]}},
    ),
    Case(
        LintCode.SYSCALLS_ONLY_AUDIT,
        "spec.syscalls.matchSyscalls[0].action",
        W,
        {"syscalls": {"matchSyscalls": [{"syscall": ["unlink"], "action": "Allow"}]}},
        {"syscalls": {"action": "Audit", "matchSyscalls": [{"syscall": ["unlink"], "action": "Audit"}]}},
    ),
    Case(
        LintCode.SYSCALLS_ONLY_AUDIT,
        "spec.syscalls",
        I,
        {"syscalls": {"matchSyscalls": [{"syscall": ["unlink"]}]}},
        {"action": "Audit", "syscalls": {"matchSyscalls": [{"syscall": ["unlink"]}]}},
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing() | {"selector": {"matchLabels": {"pod-template-hash": "1"}}},
        executing() | {"selector": {"matchLabels": {"pod-template": "1"}}},
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing()
        | {
            "selector": {
                "matchExpressions": [{"key": "label", "operator": "In", "values": ["pod-template-hash=1"]}]
            }
        },
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "In", "values": ["pod-template-hash=1", "app=web"]}
                ]
            }
        },
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "In", "values": ["app=db"]}],
            }
        },
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "In", "values": ["app=db", "tier=x"]}],
            }
        },
    ),
    Case(
        LintCode.SELECTOR_NEVER_MATCHES,
        "spec.selector",
        E,
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["app=web"]}],
            }
        },
        executing()
        | {
            "selector": {
                "matchLabels": {"app": "web"},
                "matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["app=db"]}],
            }
        },
    ),
    Case(
        LintCode.IGNORED_EXPRESSION,
        "spec.selector.matchExpressions[1]",
        W,
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "In", "values": ["app=web"]},
                    {"key": "label", "operator": "NotIn", "values": ["tier=x"]},
                ]
            }
        },
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "In", "values": ["app=web"]},
                    {"key": "label", "operator": "In", "values": ["tier=x"]},
                ]
            }
        },
    ),
    Case(
        LintCode.IGNORED_EXPRESSION,
        "spec.selector.matchExpressions[0]",
        W,
        executing()
        | {
            "selector": {
                "matchExpressions": [
                    {"key": "label", "operator": "NotIn", "values": ["controller-revision-hash=1"]}
                ]
            }
        },
        executing()
        | {"selector": {"matchExpressions": [{"key": "label", "operator": "NotIn", "values": ["a=1"]}]}},
    ),
    Case(
        LintCode.CONTAINER_NAME_PATTERN,
        'spec.selector.matchLabels["kubearmor.io/container.name"]',
        E,
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": ".*"}}},
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": "[]"}}},
    ),
    Case(
        LintCode.CONTAINER_NAME_PATTERN,
        'spec.selector.matchLabels["kubearmor.io/container.name"]',
        W,
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": "[web, db*]"}}},
        executing() | {"selector": {"matchLabels": {"kubearmor.io/container.name": "[web, db-1]"}}},
    ),
    *(
        Case(LintCode.UNREACHABLE_PATH, "spec.process.matchPaths[0].path", E, about(bad), about(near))
        for bad, near in (("/usr/./x", "/usr/.x"), ("/usr/../x", "/usr/..x"), ("/.", "/..."))
    ),
    Case(
        LintCode.UNREACHABLE_PATH,
        "spec.process.matchPaths[0].fromSource[0].path",
        E,
        executing(fromSource=[{"path": "/a/../b"}]),
        executing(fromSource=[{"path": "/a/b"}]),
    ),
    *(
        Case(LintCode.UNREACHABLE_PATH, "spec.file.matchPatterns[0].pattern", E, glob(bad), glob(near))
        for bad, near in (
            ("*.txt", "**.txt"),
            ("usr/**", "/usr/**"),
            ("/usr/", "/usr/*"),
            ("/usr//x*", "/usr/x*"),
            ("/**/../x", "/**/x"),
            ("{a,b}/**", "/{a,b}/**"),
            ("[/]a", "/[/./]"),
            ("*", "**"),
            ("*/passwd", "**/passwd"),
        )
    ),
    Case(
        LintCode.UNREACHABLE_PATH,
        "spec.file.matchPatterns[0].pattern",
        W,
        glob("{/a,b}/**"),
        glob("{/a,/b}/**"),
    ),
    Case(LintCode.GLOB_IN_PATH, "spec.process.matchPaths[0].path", W, about("/usr/*"), about("/usr/[")),
    Case(
        LintCode.GLOB_IN_PATH,
        "spec.process.matchPaths[0].execname",
        W,
        {"process": {"matchPaths": [{"execname": "apt*"}]}},
        {"process": {"matchPaths": [{"execname": "apt"}]}},
    ),
    Case(
        LintCode.GLOB_IN_PATH,
        "spec.file.matchDirectories[0].dir",
        W,
        {"file": {"matchDirectories": [{"dir": "/home/*/"}]}},
        glob("/home/*/*"),
    ),
    Case(LintCode.DOUBLED_SLASH, "spec.process.matchPaths[0].path", I, about("/usr//x"), about("/usr/x")),
    Case(
        LintCode.DIRECTORY_ALONE,
        "spec.syscalls.matchPaths[0].path",
        W,
        {"syscalls": {"matchPaths": [{"path": "/etc/", "syscall": ["unlink"]}]}},
        {"syscalls": {"matchPaths": [{"path": "/etc/", "recursive": True, "syscall": ["unlink"]}]}},
    ),
    *(
        Case(
            LintCode.NARROW_PROTOCOL,
            "spec.network.matchProtocols[0].protocol",
            severity,
            {"network": sockets(*bad)},
            {"network": sockets(*near)},
        )
        for severity, bad, near in (
            (W, ("STREAM",), ("stream", "tcp")),
            (W, ("dgram,icmp",), ("dgram,udp",)),
            (I, ("raw",), ("raw", "all")),
        )
    ),
    Case(
        LintCode.ALLOW_LIST_MODE,
        "spec.process.matchPaths[0]",
        I,
        allowing(process=PROGRAMS),
        {"action": "Audit", "process": PROGRAMS},
    ),
    Case(
        LintCode.ALLOW_LIST_MODE,
        "spec.process.matchPaths[1]",
        W,
        {"process": {"matchPaths": [{"path": "/usr/bin/x"}, {"path": "/usr/bin/y", "action": "Allow"}]}},
        {"process": {"matchPaths": [{"path": "/usr/bin/x"}, {"path": "/usr/bin/y", "action": "Audit"}]}},
    ),
    Case(
        LintCode.ALLOW_LIST_MODE,
        "spec.process.matchPaths[0]",
        W,
        executing(action="Allow", fromSource=[{"path": "/usr/bin/y"}]),
        executing(fromSource=[{"path": "/usr/bin/y"}]),
    ),
    Case(
        LintCode.PROCESS_WITHOUT_FILE,
        "spec.process.matchPaths[0]",
        W,
        allowing(process=PROGRAMS),
        allowing(process=PROGRAMS, file=ALLOW_ALL_FILES),
    ),
    Case(
        LintCode.FILE_WITHOUT_PROCESS,
        "spec.file.matchDirectories[0]",
        W,
        allowing(file=ALLOW_ALL_FILES),
        allowing(process=PROGRAMS, file=ALLOW_ALL_FILES),
    ),
    *(
        Case(
            LintCode.NETWORK_WITHOUT_UDP,
            "spec.network.matchProtocols[0]",
            W,
            allowing(network=sockets("tcp")),
            allowing(network=sockets(near)),
        )
        for near in ("tcp,udp", "all", "icmp")
    ),
    Case(
        LintCode.SOURCE_IS_ITSELF,
        "spec.process.matchPaths[0].fromSource[0].path",
        W,
        executing(fromSource=[{"path": "/usr/bin/x"}]),
        executing(fromSource=[{"path": "/usr/bin/x"}, {"path": "/usr/bin/y"}]),
    ),
    Case(
        LintCode.SOURCE_NOT_ALLOWED,
        "spec.process.matchPaths[0].fromSource[0].path",
        I,
        executing(action="Allow", fromSource=[{"path": "/usr/bin/y"}]),
        {
            "process": {
                "matchPaths": [
                    {"path": "/usr/bin/x", "action": "Allow", "fromSource": [{"path": "/usr/bin/y"}]}
                ],
                "matchPatterns": [{"pattern": "/usr/bin/y*", "action": "Allow"}],
            }
        },
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.field}")
def test_found_and_not_on_a_near_miss(case: Case) -> None:
    findings = [one for one in of_spec(case.bad) if one.code is case.code]
    assert [(one.field, one.severity) for one in findings] == [(case.field, case.severity)]
    near = [one for one in of_spec(case.near) if one.code is case.code]
    assert not [one for one in near if (one.field, one.severity) == (case.field, case.severity)]


def codes(findings: list[Finding]) -> set[str]:
    return {one.code for one in findings}


def test_labels_that_nobody_wrote_are_told_once_a_policy() -> None:
    spec = {
        "process": {"matchPaths": [{"path": "/usr/bin/x"}, {"path": "/usr/bin/y"}, {"path": "/usr/bin/z"}]}
    }
    findings = [one for one in found(document(spec)) if one.severity is W]
    assert [(one.code, one.field) for one in findings] == [
        (LintCode.IMPLICIT_BLOCK, "spec.process.matchPaths[0]"),
        (LintCode.BLOCK_WITHOUT_SEVERITY, "spec.process.matchPaths[0]"),
    ]
    assert all("in 2 more rules" in one.sentence for one in findings)


@pytest.mark.parametrize("level", ["spec", "section", "rule"])
def test_labels_count_at_any_level(level: str) -> None:
    said = {"action": "Block", "severity": 1}
    rule = {"path": "/usr/bin/x"} | (said if level == "rule" else {})
    section = {"matchPaths": [rule]} | (said if level == "section" else {})
    spec = {"process": section} | (said if level == "spec" else {})
    assert not codes(found(document(spec))) & {LintCode.IMPLICIT_BLOCK, LintCode.BLOCK_WITHOUT_SEVERITY}


def test_an_audit_needs_no_severity_and_a_system_call_no_action() -> None:
    spec = {"process": PROGRAMS | {"action": "Audit"}, "syscalls": {"matchSyscalls": [{"syscall": ["x"]}]}}
    assert not found(document(spec))


def test_duplicates() -> None:
    one = document(BASE | executing())
    other = document(BASE | executing(ownerOnly=True))
    named = {"metadata": {"name": "q", "namespace": "ns"}}
    elsewhere = {"metadata": {"name": "p", "namespace": "other"}}
    (finding,) = [one for one in found(one, other) if one.code is LintCode.DUPLICATE_POLICY]
    assert finding.severity is E
    assert (finding.file, finding.field) == ("2.json", "metadata.name")
    assert "1.json:1" in finding.sentence
    (same,) = [one for one in found(one, one) if one.code is LintCode.DUPLICATE_POLICY]
    assert same.severity is W
    assert LintCode.DUPLICATE_POLICY not in codes(found(one, other | named, other | elsewhere))


def test_a_replaced_document_takes_no_part() -> None:
    blocked, allowed = document(BASE | about("/usr/bin/x")), document(allowing(process=PROGRAMS))
    assert LintCode.CONTRADICTING_RULES not in codes(found(blocked, allowed))


KNOWN = (pod(namespace="shop", labels={"app": "cart"}), pod(namespace="shop", labels={"app": "card"}))


def selecting(labels: dict[str, str], namespace: str = "shop") -> dict[str, Any]:
    spec = BASE | executing() | {"selector": {"matchLabels": labels}}
    return document(spec, metadata={"name": "p", "namespace": namespace})


@pytest.mark.parametrize(
    ("written", "field", "says"),
    [
        (selecting({"app": "carts"}), "spec.selector.matchLabels.app", "did you mean cart?"),
        (selecting({"apps": "cart"}), "spec.selector.matchLabels.apps", "did you mean app?"),
        (selecting({}, "shops"), "metadata.namespace", "did you mean shop?"),
        (selecting({"kubearmor.io/container.name": "db"}), "spec.selector", "container db of pods"),
    ],
)
def test_selectors_of_what_is_not_known(written: dict[str, Any], field: str, says: str) -> None:
    (finding,) = [
        one for one in found(written, workloads=KNOWN) if one.code is LintCode.SELECTOR_MATCHES_NOTHING
    ]
    assert finding.severity is W
    assert finding.field == field
    assert says in finding.sentence


def test_selectors_of_what_is_known_or_cannot_be() -> None:
    host = document(
        BASE | executing() | {"nodeSelector": {"matchLabels": {"a": "b"}}},
        kind="KubeArmorHostPolicy",
        metadata={"name": "h"},
    )
    for one in (selecting({"app": "cart"}), selecting({}), host):
        assert LintCode.SELECTOR_MATCHES_NOTHING not in codes(found(one, workloads=KNOWN))
    assert LintCode.SELECTOR_MATCHES_NOTHING not in codes(found(selecting({"app": "x"})))
    assert LintCode.SELECTOR_MATCHES_NOTHING not in codes(found(selecting({"app": "x"}), workloads=()))


def cluster(namespaces: list[str], spec: dict[str, Any], operator: str = "In") -> dict[str, Any]:
    selector = {"matchExpressions": [{"key": "namespace", "operator": operator, "values": namespaces}]}
    return document(
        BASE | spec | {"selector": selector}, kind="KubeArmorClusterPolicy", metadata={"name": "everywhere"}
    )


def test_a_cluster_policy_is_held_against_known_workloads() -> None:
    code = LintCode.SELECTOR_MATCHES_NOTHING
    assert code in codes(found(cluster(["shops"], executing()), workloads=KNOWN))
    assert code not in codes(found(cluster(["shop"], executing()), workloads=KNOWN))


def test_block_posture_where_nothing_is_allowed() -> None:
    code = LintCode.POSTURE_WITHOUT_ALLOW
    block = {"ns": {"file": "block"}}
    blocks, allows = document(BASE | executing()), document(allowing(process=PROGRAMS))
    (finding,) = [one for one in found(blocks, postures=block) if one.code is code]
    assert (finding.file, finding.field, finding.severity) == ("1.json", "metadata.namespace", W)
    (nowhere,) = found(postures=block)
    assert (nowhere.code, nowhere.file, nowhere.line) == (code, "", 0)
    assert code not in codes(found(allows, postures=block))
    assert code not in codes(found(blocks, postures={"ns": {"file": "audit"}}))
    assert code in codes(found(allows, postures={"ns": {"network": "block"}}))
    assert code in codes(found(allows, postures={"other": {"file": "block"}}))


def test_block_posture_with_an_allow_of_the_cluster() -> None:
    code, block = LintCode.POSTURE_WITHOUT_ALLOW, {"ns": {"file": "block"}}
    allows = allowing(process=PROGRAMS)
    assert code not in codes(found(cluster(["ns"], allows), postures=block))
    assert code in codes(found(cluster(["ns"], allows, "NotIn"), postures=block))
    assert code not in codes(found(cluster(["other"], allows, "NotIn"), postures=block))


def test_another_policy_may_hold_the_file_rule() -> None:
    files = document(allowing(file=ALLOW_ALL_FILES), metadata={"name": "files", "namespace": "ns"})
    narrower = document(
        allowing(file=ALLOW_ALL_FILES, selector={"matchLabels": {"app": "web"}}),
        metadata={"name": "files", "namespace": "ns"},
    )
    programs = document(allowing(process=PROGRAMS))
    assert LintCode.PROCESS_WITHOUT_FILE not in codes(found(programs, files))
    assert LintCode.PROCESS_WITHOUT_FILE in codes(found(programs, narrower))


def test_an_allow_says_what_it_switches_on() -> None:
    spec = allowing(
        capabilities={"matchCapabilities": [{"capability": "net_raw"}]},
        selector={"matchLabels": {"app": "web"}},
    )
    (finding,) = found(document(spec))
    assert finding.sentence == (
        "an Allow puts pods of ns with app=web in allow-list mode: any capability that no capabilities rule "
        "allows is left to capabilities posture"
    )


def test_what_the_reader_refused_is_among_the_findings() -> None:
    text = "apiVersion: security.kubearmor.com/v1\nkind: KubeArmorPolicies\n---\n[]\n"
    findings = lint([read_documents(text, "a.yaml")])
    assert [(str(one.code), one.line, one.severity) for one in findings] == [
        ("unknown-kind", 2, E),
        ("not-a-document", 4, E),
    ]


def test_findings_have_a_place_and_come_in_the_order_of_the_text() -> None:
    text = (
        "apiVersion: security.kubearmor.com/v1\n"
        "kind: KubeArmorPolicy\n"
        "metadata: {name: p}\n"
        "spec:\n"
        "  severity: 1\n"
        "  action: Block\n"
        "  file:\n"
        "    matchPatterns:\n"
        "    - pattern: /a/../b\n"
        "  process:\n"
        "    matchPaths:\n"
        "    - path: /bin/x\n"
    )
    findings = lint([read_documents(text, "a.yaml")])
    assert [(one.line, one.column, one.code) for one in findings] == [
        (9, 16, LintCode.UNREACHABLE_PATH),
        (12, 13, LintCode.SYMLINK_TRAP),
    ]
    assert str(findings[0]) == (
        "a.yaml:9:16: error: spec.file.matchPatterns[0].pattern: this matches nothing: a resolved path never "
        "has .. in it; write it without [unreachable-path]"
    )


def test_a_document_of_a_list_is_found_where_it_stands() -> None:
    text = (
        "apiVersion: v1\nkind: List\nitems:\n"
        "- apiVersion: security.kubearmor.com/v1\n"
        "  kind: KubeArmorPolicy\n"
        "  metadata: {name: p}\n"
        "  spec: {}\n"
    )
    (finding,) = lint([read_documents(text, "a.yaml")])
    assert (finding.code, finding.line, finding.column) == (LintCode.EMPTY_POLICY, 7, 3)


paths = st.text(alphabet="/ab.*?[]{},\\-\x1b", max_size=8).flatmap(
    lambda text: st.sampled_from(["/", "/bin/", "/bin/sh", "/proc/self/"]).map(lambda front: front + text)
)
values = st.sampled_from(["app=web", "pod-template-hash=1", "a=b=c", "x="])


@st.composite
def anything(draw: st.DrawFn) -> dict[str, Any]:
    expressions = st.fixed_dictionaries(
        {
            "key": st.just("label"),
            "operator": st.sampled_from(["In", "NotIn"]),
            "values": st.lists(values, min_size=1, max_size=2),
        }
    )
    section = st.fixed_dictionaries(
        {},
        optional={
            "action": st.sampled_from(["Allow", "Audit", "Block"]),
            "matchPaths": st.lists(st.fixed_dictionaries({"path": paths}), max_size=3),
            "matchDirectories": st.lists(
                st.fixed_dictionaries(
                    {"dir": paths.map(lambda path: f"{path}/"), "recursive": st.booleans()}
                ),
                max_size=3,
            ),
            "matchPatterns": st.lists(st.fixed_dictionaries({"pattern": paths}), max_size=3),
        },
    )
    spec = draw(st.fixed_dictionaries({}, optional={"process": section, "file": section}))
    spec["selector"] = {
        "matchLabels": draw(st.dictionaries(st.sampled_from(["app", "kubearmor.io/container.name"]), paths)),
        "matchExpressions": draw(st.lists(expressions, max_size=3)),
    }
    return document(spec, metadata={"name": draw(st.sampled_from(["p", "q"])), "namespace": "ns"})


@settings(max_examples=150, deadline=None)
@given(st.lists(anything(), max_size=3), st.sampled_from(Layout))
def test_lint_never_raises_and_is_safe_to_show(documents: list[dict[str, Any]], layout: Layout) -> None:
    texts = [read_documents(msgspec.json.encode(one).decode(), "a.json") for one in documents]
    circumstances = Circumstances(layout=layout, workloads=KNOWN, postures={"ns": {"file": "block"}})
    for finding in lint(texts, circumstances):
        assert str(finding).isprintable()
        assert finding.line or finding.code is LintCode.POSTURE_WITHOUT_ALLOW
