"""Whom policy sets are compared for: made-up workloads, what they are called, and when some are left out."""

from typing import Any

import pytest

from policy.changes import Change, NamespaceChanged
from policy.policy_set import PolicySet
from policy.rights import groups
from policy.rights.groups import Group, Grouped, grouped, title_of
from policy.workload import Workload
from tests.fixtures.policies import applied, host, pod, policy_set

ALLOW = {"action": "Allow", "process": {"matchPaths": [{"path": "/a"}]}}


def selecting(name: str, namespace: str = "ns", **labels: str) -> Change:
    return applied({"selector": {"matchLabels": labels}} | ALLOW, name, namespace)


def cluster(name: str, *expressions: tuple[str, str, list[str]]) -> Change:
    listed = [{"key": key, "operator": operator, "values": values} for key, operator, values in expressions]
    return applied(
        {"selector": {"matchExpressions": listed}} | ALLOW, name, "", kind="KubeArmorClusterPolicy"
    )


def node(name: str, **labels: str) -> Change:
    written = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return applied({"nodeSelector": {"matchLabels": written}} | ALLOW, name, "", kind="KubeArmorHostPolicy")


def made_up(*changes: Change, before: tuple[Change, ...] = ()) -> Grouped:
    return grouped((policy_set(*before), policy_set(*changes)))


def workloads(found: Grouped) -> list[Workload]:
    return [one.workload for one in found.groups]


def test_a_made_up_pod_is_complete_and_says_what_it_is() -> None:
    (_, web) = workloads(made_up(selecting("p", app="web", tier="front")))
    assert web == Workload(
        id="any-node/ns?app=web,tier=front#",
        node="any-node",
        kind="container",
        complete=True,
        namespace="ns",
        container=groups.ANY_CONTAINER,
        labels={"app": "web", "tier": "front"},
    )


def test_a_made_up_node_has_a_name_that_its_pattern_takes() -> None:
    found = workloads(made_up(node("p", kubernetes_io__hostname="db-*,web", disk="ssd")))
    assert [one for one in found if one.kind == "host"] == [
        Workload(id="any-node/host?", node="any-node", kind="host", complete=True, labels={}),
        Workload(
            id="db-any/host?disk=ssd,kubernetes.io/hostname=db-any",
            node="db-any",
            kind="host",
            complete=True,
            labels={"disk": "ssd", "kubernetes.io/hostname": "db-any"},
        ),
    ]


def test_a_hostname_that_names_no_host_is_no_name() -> None:
    found = workloads(made_up(node("p", kubernetes_io__hostname=",")))
    assert {one.labels.get("kubernetes.io/hostname", "") for one in found} == {""}


def test_without_a_host_policy_no_node_is_made_up() -> None:
    assert [one.kind for one in workloads(made_up(selecting("p", app="web")))] == ["container"] * 2


def test_a_host_policy_is_about_nodes_alone() -> None:
    found = made_up(node("h", disk="ssd"), selecting("p", app="web"))
    assert [title_of(one) for one in found.groups] == [
        "a pod of ns without labels",
        "a pod of ns with app=web",
        "a node",
        "a node with disk=ssd",
    ]


def test_namespaces_that_are_listed_are_met_and_one_that_nothing_names() -> None:
    found = made_up(cluster("c", ("namespace", "In", ["b", "a"])), selecting("p", "z", app="web"))
    by_namespace = {
        namespace: [one.alike for one in found.groups if one.workload.namespace == namespace]
        for namespace in ("a", "b", "z", groups.ELSEWHERE)
    }
    # Nothing selects a plain pod of `z`, or of a namespace that nothing names.
    assert by_namespace == {"a": [False], "b": [False], "z": [True, False], groups.ELSEWHERE: [True]}


def labels_in_ns(found: Grouped) -> list[tuple[list[dict[str, str]], bool]]:
    here = [one for one in found.groups if one.workload.namespace == "ns"]
    return [([member.labels for member in one.members], one.alike) for one in here]


def test_each_value_of_a_label_is_tried_and_a_pod_without() -> None:
    found = made_up(cluster("c", ("label", "In", ["app=web", "app=a=b"]), ("namespace", "In", ["ns"])))
    assert labels_in_ns(found) == [([{}], True), ([{"app": "a=b"}, {"app": "web"}], False)]


def test_labels_that_are_excluded_are_tried_and_so_is_a_pod_without_them() -> None:
    found = made_up(cluster("c", ("label", "NotIn", ["app=web"]), ("namespace", "In", ["ns"])))
    assert labels_in_ns(found) == [([{}], False), ([{"app": "web"}], True)]


def test_containers_are_tried_one_by_one_and_never_two_in_one() -> None:
    names = ("one", "two")
    some = [
        applied({"selector": {"matchLabels": {"kubearmor.io/container.name": f"[{name}]"}}} | ALLOW, name)
        for name in names
    ]
    found = workloads(made_up(*some))
    assert [one.container for one in found] == [groups.ANY_CONTAINER, "one", "two"]
    labelled = made_up(*some, selecting("p", app="web"))
    assert [title_of(one) for one in labelled.groups if one.workload.labels] == [
        "a pod of ns with app=web",
        "container one of a pod of ns with app=web",
        "container two of a pod of ns with app=web",
    ]


def test_what_changed_is_combined_first() -> None:
    kept = tuple(selecting(f"kept-{key}", **{key: "v"}) for key in "abcd")
    found = made_up(*kept, selecting("new", z="v"), before=kept)
    singles = [next(iter(one.labels)) for one in workloads(found) if len(one.labels) == 1]
    assert singles == ["z", "a", "b", "c", "d"]


def test_a_document_with_another_content_is_changed() -> None:
    kept = tuple(selecting(f"kept-{key}", **{key: "v"}) for key in "abc")
    found = made_up(*kept, selecting("p", app="two"), before=(*kept, selecting("p", app="one")))
    singles = [one.labels for one in workloads(found) if len(one.labels) == 1]
    assert singles[:2] == [{"app": "one"}, {"app": "two"}]


def test_a_document_that_is_gone_is_changed() -> None:
    kept = [selecting(f"kept-{key}", **{key: "v"}) for key in "abc"]
    found = made_up(*kept, before=(*kept, selecting("gone", z="v")))
    singles = [next(iter(one.labels)) for one in workloads(found) if len(one.labels) == 1]
    assert singles[0] == "z"


def test_three_selectors_are_looked_at_wholly_and_four_are_not() -> None:
    some = [selecting(key, **{key: "v"}) for key in "abcd"]
    three = made_up(*some[:3])
    assert three.complete
    assert len(three.groups) == 8
    four = made_up(*some)
    assert not four.complete
    # All four together, and what at most three of them make.
    assert len(four.groups) == 16


def test_as_many_are_tried_as_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    some = [selecting(key, **{key: "v"}) for key in "abc"]
    monkeypatch.setattr(groups, "MOST_TRIED", 8)
    assert made_up(*some).complete
    monkeypatch.setattr(groups, "MOST_TRIED", 7)
    cut = made_up(*some)
    assert not cut.complete
    assert len(cut.groups) == 7


def test_a_combination_that_contradicts_itself_is_passed_over_for_the_next() -> None:
    some = [selecting("a1", a="1"), selecting("a2", a="2"), selecting("b", b="v"), selecting("c", c="v")]
    largest = max((one.labels for one in workloads(made_up(*some))), key=len)
    assert largest in ({"a": "1", "b": "v", "c": "v"}, {"a": "2", "b": "v", "c": "v"})


@pytest.mark.parametrize(
    ("workload", "made", "title"),
    [
        (pod(), False, pod().title),
        (host(node="n1"), True, "a node"),
        (host(node="n1", labels={"b": "2", "a": "1"}), True, "a node with a=1, b=2"),
        (pod(container=groups.ANY_CONTAINER, labels={}), True, "a pod of ns without labels"),
        (pod(container="db", labels={"app": "web"}), True, "container db of a pod of ns with app=web"),
        (
            pod(namespace=groups.ELSEWHERE, container=groups.ANY_CONTAINER, labels={}),
            True,
            "a pod of a namespace that nothing names without labels",
        ),
        (
            pod(container=groups.ANY_CONTAINER, labels={"a": "\x1b[31m"}),
            True,
            "a pod of ns with a=\\x1b[31m",
        ),
    ],
)
def test_how_people_name_a_group(workload: Workload, made: bool, title: str) -> None:
    assert title_of(Group(workload, (workload,), made_up=made, alike=True)) == title


def test_workloads_that_are_given_are_looked_at_and_no_others() -> None:
    policies: PolicySet = policy_set(selecting("p", app="web"))
    some = (pod(id="node-1/a"), pod(id="node-1/b"), pod(id="node-1/c", labels={}))
    found = grouped((policies, policy_set()), some)
    assert found.complete
    assert [(one.members, one.made_up, one.alike) for one in found.groups] == [
        ((some[0], some[1]), False, False),
        ((some[2],), False, True),
    ]


def test_a_setting_of_the_namespace_sets_workloads_apart() -> None:
    annotations: dict[str, Any] = {"kubearmor-file-posture": "block"}
    changed = NamespaceChanged(namespace="other", annotations=annotations)
    found = grouped((policy_set(), policy_set(changed)), (pod(), pod(id="node-1/o", namespace="other")))
    assert [one.alike for one in found.groups] == [True, False]
