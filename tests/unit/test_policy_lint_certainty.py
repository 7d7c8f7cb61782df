"""What lint takes for certain, held against what policies are matched with."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.documents import read_documents
from policy.glob import Glob
from policy.lint import LintCode, Severity, lint
from policy.lint.inclusion import Inclusion, targets_include
from policy.lint.linted import Linted
from policy.lint.reach import covers
from policy.sections.file import FileRule
from policy.target import (
    SeenPath,
    Target,
    TargetIndex,
    directory_target,
    execname_target,
    path_target,
    pattern_target,
)
from policy.verdict import RuleReference
from policy.workload import Workload
from tests.fixtures.policies import document, host, pod

parts = st.sampled_from(["a", "b", "ab"])
paths = st.lists(parts, min_size=1, max_size=3).map(lambda some: "/" + "/".join(some))
directories = paths.map(lambda path: f"{path}/") | st.just("/")
patterns = st.lists(
    st.sampled_from(["a", "b", "/", "/", "*", "**", "?", "[ab]", "{a,b}", "{a/,}"]), min_size=1, max_size=6
).map("".join)
targets = (
    paths.map(path_target)
    | parts.map(execname_target)
    | patterns.map(pattern_target)
    | st.builds(
        lambda path, recursive: directory_target(path, recursive=recursive), directories, st.booleans()
    )
)


def matches(target: Target, path: SeenPath) -> bool:
    reference = RuleReference(kind="KubeArmorPolicy", policy="p", hash="", place="", action="Block")
    rule = FileRule(reference=reference, severity=None, tags=(), message="", sources=(), target=target)
    return bool(TargetIndex([rule]).matching(path))


@settings(max_examples=500, deadline=None)
@given(targets, targets, st.lists(paths | st.just("/"), min_size=5, max_size=20), st.integers(1, 4))
def test_what_is_included_matches_too(outer: Target, inner: Target, asked: list[str], cut: int) -> None:
    inclusion = targets_include(outer, inner)
    for path in asked if inclusion is not Inclusion.NO else ():
        assert not matches(inner, SeenPath(path)) or matches(outer, SeenPath(path))
        tail = SeenPath(path[cut:], truncated=True)
        if inclusion is Inclusion.ALWAYS and path[cut:]:
            assert not matches(inner, tail) or matches(outer, tail)


@settings(max_examples=300, deadline=None)
@given(patterns, st.lists(paths | st.just(""), min_size=10, max_size=30))
def test_what_is_unreachable_matches_nothing(pattern: str, asked: list[str]) -> None:
    written = document({"action": "Audit", "file": {"matchPatterns": [{"pattern": pattern}]}})
    result = read_documents(msgspec.json.encode(written).decode(), "p.json")
    errors = [
        one
        for one in lint([result])
        if one.code is LintCode.UNREACHABLE_PATH and one.severity is Severity.ERROR
    ]
    glob = Glob(pattern)
    for path in asked if errors else ():
        # `*/a` is /a alone, which is told.
        assert not glob.matches(path) or "stays within one component" in errors[0].sentence


labels = st.dictionaries(
    st.sampled_from(["app", "tier", "pod-template-hash"]), st.sampled_from(["x", "y"]), max_size=2
)
values = st.sampled_from(["app=x", "app=y", "tier=x", "pod-template-hash=x"])
expressions = st.fixed_dictionaries(
    {
        "key": st.just("label"),
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": st.lists(values, min_size=1, max_size=2),
    }
)
of_namespaces = st.fixed_dictionaries(
    {
        "key": st.just("namespace"),
        "operator": st.sampled_from(["In", "NotIn"]),
        "values": st.lists(st.sampled_from(["ns", "other"]), min_size=1, max_size=2),
    }
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(
        st.sampled_from(
            ["KubeArmorPolicy", "KubeArmorPolicy", "KubeArmorClusterPolicy", "KubeArmorHostPolicy"]
        )
    )
    if kind == "KubeArmorClusterPolicy":
        listed = draw(st.lists(of_namespaces | expressions, max_size=3))
        return document({"selector": {"matchExpressions": listed}}, kind=kind, metadata={"name": "p"})
    match = draw(labels)
    if kind == "KubeArmorHostPolicy":
        match |= draw(
            st.dictionaries(st.just("kubernetes.io/hostname"), st.sampled_from(["node-1", "*", "node-2", ""]))
        )
        return document({"nodeSelector": {"matchLabels": match}}, kind=kind, metadata={"name": "p"})
    match |= draw(
        st.dictionaries(st.just("kubearmor.io/container.name"), st.sampled_from(["[]", "web", "[web,db]"]))
    )
    selector = {"matchLabels": match, "matchExpressions": draw(st.lists(expressions, max_size=2))}
    return document({"selector": selector}, metadata={"name": "p", "namespace": "ns"})


workloads = st.builds(
    lambda namespace, container, held: pod(namespace=namespace, container=container, labels=held),
    st.sampled_from(["ns", "other", "third"]),
    st.sampled_from(["web", "db", "x"]),
    labels,
) | labels.map(lambda held: host(labels=held))


def linted(written: dict[str, Any]) -> Linted:
    result = read_documents(msgspec.json.encode(written).decode(), "p.json")
    assert not result.problems
    return Linted(result.documents[0], result.located[0])


@settings(max_examples=200, deadline=None)
@given(documents(), documents(), st.lists(workloads, min_size=5, max_size=15))
def test_a_selector_that_covers_another_selects_all_of_its_workloads(
    outer: dict[str, Any], inner: dict[str, Any], known: list[Workload]
) -> None:
    wide, narrow = linted(outer), linted(inner)
    if covers(wide.reach, narrow.reach):
        assert all(wide.selects(workload) for workload in known if narrow.selects(workload))
    for one in (wide, narrow):
        if one.reach.never():
            assert not any(map(one.selects, known))


def test_covering_is_found_where_it_is_plain() -> None:
    everything = linted(document({}, kind="KubeArmorClusterPolicy", metadata={"name": "p"}))
    web = linted(document({"selector": {"matchLabels": {"app": "web"}}}))
    exact = {"key": "label", "operator": "In", "values": ["app=web", "app=db"]}
    either = linted(document({"selector": {"matchExpressions": [exact]}}))
    other = linted(
        document({"selector": {"matchExpressions": [exact | {"operator": "NotIn", "values": ["app=db"]}]}})
    )
    whole = linted(document({}))
    for outer, inner in ((everything, web), (either, web), (other, web), (whole, web), (everything, whole)):
        assert covers(outer.reach, inner.reach)
        assert not covers(inner.reach, outer.reach)
