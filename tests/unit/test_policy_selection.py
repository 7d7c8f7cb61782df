"""Which workloads the selectors of the three kinds select."""

from typing import Any

import pytest

from policy.judge import judge
from tests.fixtures.policies import applied, execution, host, pod, policy_set

BLOCK = {"action": "Block", "process": {"matchPaths": [{"path": "/a"}]}}


def selects(spec: dict[str, Any], workload: Any, **document: Any) -> bool:
    current = policy_set(applied(BLOCK | spec, **document))
    return judge(execution("/a"), current.for_workload(workload)).decision == "block"


def labels(*expressions: tuple[str, list[str]]) -> dict[str, Any]:
    listed = [{"key": "label", "operator": op, "values": values} for op, values in expressions]
    return {"selector": {"matchExpressions": listed}}


def by_labels(**match: str) -> dict[str, Any]:
    return {"selector": {"matchLabels": match}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        ({"selector": {}}, True),
        ({"selector": {"matchLabels": {}}}, True),
        (by_labels(app="web"), True),
        (by_labels(app="web", tier="x"), False),
        (by_labels(app="other"), False),
        (labels(("In", ["app=web"])), True),
        (labels(("In", ["app=x", "app=web"])), True),
        (labels(("In", ["app=x"])), False),
        (labels(("In", ["app"])), None),
        (labels(("NotIn", ["app=web"])), False),
        (labels(("NotIn", ["app=x", "app=web"])), False),
        (labels(("NotIn", ["app=x"])), True),
        (labels(("In", ["app=web"]), ("NotIn", ["app=web"])), True),
        (labels(("In", ["app=x"]), ("In", ["app=web"])), True),
        (labels(("NotIn", ["app=web"]), ("In", ["app=web"])), False),
        (labels(("NotIn", ["app=x"]), ("In", ["app=x"])), True),
        (labels(("NotIn", ["app=x"]), ("NotIn", ["app=web"])), False),
        (labels(("NotIn", ["app=x"]), ("In", ["app=y"]), ("NotIn", ["app=web"])), False),
    ],
)
def test_pod_selectors(spec: dict[str, Any], expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(Exception, match="key=value"):
            selects(spec, pod())
    else:
        assert selects(spec, pod()) is expected


def test_match_labels_and_expressions_are_both_needed() -> None:
    both = {"selector": by_labels(app="web")["selector"] | labels(("In", ["tier=x"]))["selector"]}
    assert not selects(both, pod())
    assert selects(both, pod(labels={"app": "web", "tier": "x"}))


def test_a_pod_policy_stays_in_its_namespace_and_off_the_host() -> None:
    assert not selects({}, pod(namespace="other"))
    assert not selects({}, host())
    assert not selects({}, host(namespace="ns"))


def test_a_policy_that_names_no_namespace_belongs_to_default() -> None:
    assert selects({}, pod(namespace="default"), namespace="")
    assert not selects({}, pod(), namespace="")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", True),
        ("[]", True),
        ("[ , ]", True),
        ("[web]", True),
        ("web", True),
        ("[a,web]", True),
        ("[a, web ,,]", True),
        ("[a,b]", False),
        ("a", False),
        ("[we]", False),
    ],
)
def test_container_names(value: str, expected: bool) -> None:
    spec = {"selector": {"matchLabels": {"kubearmor.io/container.name": value}}}
    assert selects(spec, pod()) is expected
    assert selects(spec, pod(labels={"kubearmor.io/container.name": "other"})) is expected


CONTROLLERS_LABELS = ["pod-template-hash", "pod-template-generation", "controller-revision-hash"]


@pytest.mark.parametrize("label", CONTROLLERS_LABELS)
def test_labels_of_controllers_never_take_part(label: str) -> None:
    workload = pod(labels={label: "1"})
    assert not selects({"selector": {"matchLabels": {label: "1"}}}, workload)
    assert not selects(labels(("In", [f"{label}=1"])), workload)
    assert selects(labels(("NotIn", [f"{label}=1"])), workload)


def cluster(*expressions: tuple[str, str, list[str]]) -> dict[str, Any]:
    listed = [{"key": key, "operator": op, "values": values} for key, op, values in expressions]
    return {"selector": {"matchExpressions": listed}}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, True),
        (cluster(("namespace", "In", ["ns"])), True),
        (cluster(("namespace", "In", ["other"])), False),
        (cluster(("namespace", "NotIn", ["ns"])), False),
        (cluster(("namespace", "NotIn", ["other"])), True),
        (cluster(("namespace", "In", ["ns"]), ("namespace", "NotIn", ["ns"])), True),
        (cluster(("namespace", "NotIn", ["ns"]), ("namespace", "In", ["ns"])), False),
        (cluster(("namespace", "In", ["ns"]), ("label", "In", ["app=web"])), True),
        (cluster(("namespace", "In", ["ns"]), ("label", "In", ["app=x"])), False),
        (cluster(("namespace", "NotIn", ["other"]), ("label", "NotIn", ["app=web"])), False),
        (cluster(("label", "In", ["app=web"]), ("namespace", "NotIn", ["other"])), True),
        (cluster(("label", "In", ["app=web"]), ("namespace", "NotIn", ["ns"])), False),
    ],
)
def test_cluster_selectors(spec: dict[str, Any], expected: bool) -> None:
    kind = "KubeArmorClusterPolicy"
    assert selects(spec, pod(), kind=kind, namespace="") is expected
    assert not selects(spec, host(), kind=kind, namespace="")


def test_not_in_covers_namespaces_that_come_later() -> None:
    spec = cluster(("namespace", "NotIn", ["ns"]))
    assert selects(spec, pod(namespace="new"), kind="KubeArmorClusterPolicy", namespace="")


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"kubernetes.io/hostname": "node-1"}, True),
        ({"kubernetes.io/hostname": "node-2"}, False),
        ({"kubernetes.io/hostname": "node-2, node-1"}, True),
        ({"kubernetes.io/hostname": "*"}, True),
        ({"kubernetes.io/hostname": "node-*"}, True),
        ({"kubernetes.io/hostname": "nod.-1"}, False),
        ({"kubernetes.io/hostname": "node"}, False),
        ({"kubearmor.io/hostname": "*", "role": "db"}, True),
        ({"kubearmor.io/hostname": "*", "role": "web"}, False),
        ({"role": "*"}, False),
    ],
)
def test_node_selectors(match: dict[str, str], expected: bool) -> None:
    spec = {"nodeSelector": {"matchLabels": match}}
    kind = "KubeArmorHostPolicy"
    labelled = host(labels={"kubernetes.io/hostname": "node-1", "role": "db"})
    assert selects(spec, labelled, kind=kind, namespace="") is expected
    assert not selects(spec, pod(labels=labelled.labels), kind=kind, namespace="")


def test_a_hostname_label_is_believed_before_the_node_name() -> None:
    spec = {"nodeSelector": {"matchLabels": {"kubernetes.io/hostname": "node-1"}}}
    kind = "KubeArmorHostPolicy"
    assert selects(spec, host(), kind=kind, namespace="")
    assert not selects(spec, host(labels={"kubernetes.io/hostname": "other"}), kind=kind, namespace="")
