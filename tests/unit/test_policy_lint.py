"""Findings about policies together, about what is known of workloads, and where they are told."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.documents import read_documents
from policy.lint import Circumstances, Layout, LintCode, Severity, lint
from tests.fixtures.linting import ALLOW_ALL_FILES, BASE, PROGRAMS, about, allowing, codes, executing, found
from tests.fixtures.policies import document, pod


def test_labels_that_nobody_wrote_are_told_once_a_policy() -> None:
    spec = {
        "process": {"matchPaths": [{"path": "/usr/bin/x"}, {"path": "/usr/bin/y"}, {"path": "/usr/bin/z"}]}
    }
    findings = [one for one in found(document(spec)) if one.severity is Severity.WARNING]
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
    assert finding.severity is Severity.ERROR
    assert (finding.file, finding.field) == ("2.json", "metadata.name")
    assert "1.json:1" in finding.sentence
    (same,) = [one for one in found(one, one) if one.code is LintCode.DUPLICATE_POLICY]
    assert same.severity is Severity.WARNING
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
    assert finding.severity is Severity.WARNING
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
    assert (finding.file, finding.field, finding.severity) == (
        "1.json",
        "metadata.namespace",
        Severity.WARNING,
    )
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
        ("unknown-kind", 2, Severity.ERROR),
        ("not-a-document", 4, Severity.ERROR),
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
