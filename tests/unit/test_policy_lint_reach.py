"""What a document selects: compared with what another selects, and in words."""

from typing import Any

import msgspec
import pytest

from policy.documents import Document, read_documents
from policy.lint.reach import Reach, covers, described, reach_of
from tests.fixtures.policies import document

RULES = {"process": {"matchPaths": [{"path": "/a"}]}}
CLUSTER: dict[str, Any] = {"kind": "KubeArmorClusterPolicy", "metadata": {"name": "c"}}
HOST: dict[str, Any] = {"kind": "KubeArmorHostPolicy", "metadata": {"name": "h"}}


def read(spec: dict[str, Any], **more: Any) -> Document:
    (one,) = read_documents(msgspec.json.encode(document(RULES | spec, **more)).decode(), "p.json").documents
    return one


def pods(*expressions: dict[str, Any], namespace: str = "ns", **labels: str) -> Reach:
    selector: dict[str, Any] = {"matchLabels": labels} if labels else {}
    if expressions:
        selector["matchExpressions"] = list(expressions)
    spec = {"selector": selector} if selector else {}
    return reach_of(read(spec, metadata={"name": "p", "namespace": namespace}))


def container(names: str, **labels: str) -> Reach:
    return pods(**{"kubearmor.io/container.name": names} | labels)


def cluster(*expressions: dict[str, Any]) -> Reach:
    return reach_of(read({"selector": {"matchExpressions": list(expressions)}}, **CLUSTER))


def nodes(**labels: str) -> Reach:
    written = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return reach_of(read({"nodeSelector": {"matchLabels": written}}, **HOST))


def label(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "label", "operator": operator, "values": list(values)}


def namespace(operator: str, *values: str) -> dict[str, Any]:
    return {"key": "namespace", "operator": operator, "values": list(values)}


IN, OUT = "In", "NotIn"


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (pods(), pods()),
        (pods(), pods(app="web")),
        (pods(app="web"), pods(app="web", tier="x")),
        (pods(), container("[a]")),
        (container("[a, b]"), container("[a]")),
        (pods(), pods(label(IN, "a=1"))),
        (pods(label(IN, "a=1", "a=2")), pods(label(IN, "a=1"))),
        (pods(label(IN, "a=1")), pods(label(IN, "a=1"), tier="x")),
        (pods(label(IN, "a=1")), pods(a="1")),
        (pods(label(OUT, "a=1")), pods(label(OUT, "a=1", "a=2"))),
        (pods(label(OUT, "a=1")), pods(a="2")),
        (cluster(namespace(IN, "ns", "b")), pods()),
        (cluster(namespace(OUT, "b")), pods()),
        (cluster(label(OUT, "a=1")), pods(a="2")),
        (cluster(namespace(OUT, "b")), cluster(namespace(OUT, "b", "c"))),
        (cluster(namespace(OUT, "b")), cluster(namespace(IN, "c"))),
        (nodes(), nodes(disk="ssd")),
        (nodes(disk="ssd"), nodes(disk="ssd", kubernetes_io__hostname="a")),
        (nodes(kubernetes_io__hostname="a"), nodes(disk="ssd", kubernetes_io__hostname="a")),
    ],
)
def test_what_one_selects_another_selects_too(outer: Reach, inner: Reach) -> None:
    assert covers(outer, inner)
    assert outer == inner or not covers(inner, outer)


def test_labels_that_controllers_set_exclude_nothing() -> None:
    excluding = pods(label(OUT, "pod-template-hash=1"))
    assert covers(excluding, pods())
    assert covers(pods(), excluding)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (pods(), pods(namespace="other")),
        (pods(app="web"), pods(app="db")),
        (pods(app="web"), pods(tier="x")),
        (container("[a]"), container("[b]")),
        (container("[a]"), pods()),
        (pods(label(IN, "a=1")), pods(label(OUT, "a=1"))),
        (pods(label(IN, "a=1")), pods(label(IN, "a=1", "a=2"))),
        (pods(label(IN, "a=1")), pods(a="2")),
        (pods(label(OUT, "a=1")), pods(label(OUT, "a=2"))),
        (pods(label(OUT, "a=1")), pods(label(IN, "b=1"))),
        (pods(label(OUT, "a=1")), pods(a="1")),
        (pods(label(OUT, "a=1", "b=1")), pods(a="2")),
        (pods(label(OUT, "a=1=2")), pods(a="1")),
        (cluster(namespace(IN, "b")), pods()),
        (cluster(namespace(OUT, "ns")), pods()),
        (cluster(namespace(IN, "b")), cluster(namespace(OUT, "b"))),
        (cluster(namespace(OUT, "b")), cluster(namespace(OUT, "c"))),
        (cluster(namespace(OUT, "b")), cluster(label(IN, "a=1"))),
        (nodes(disk="ssd"), nodes()),
        (nodes(kubernetes_io__hostname="a"), nodes(kubernetes_io__hostname="b")),
        (nodes(), pods()),
        (pods(), nodes()),
    ],
)
def test_where_it_is_not_certain_nothing_is_said(outer: Reach, inner: Reach) -> None:
    assert not covers(outer, inner)


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        (pods(), "all pods of ns"),
        (pods(tier="x", app="web"), "pods of ns with app=web, tier=x"),
        (pods(label(IN, "b=1", "a=1")), "pods of ns with a=1 or b=1"),
        (pods(label(OUT, "b=1", "a=1"), app="web"), "pods of ns with app=web, none of a=1 or b=1"),
        (container("[side, main]"), "container main, side of pods of ns"),
        (container("[side]", app="web"), "container side of pods of ns with app=web"),
        (cluster(namespace(IN, "b", "a")), "all pods of a, b"),
        (cluster(namespace(OUT, "b", "a")), "all pods of every namespace but a, b"),
        (cluster(label(IN, "a=1")), "pods of every namespace with a=1"),
        (nodes(), "every node"),
        (nodes(disk="ssd"), "nodes with disk=ssd"),
        (nodes(disk="ssd", kubernetes_io__hostname="n-*"), "nodes with disk=ssd, kubernetes.io/hostname=n-*"),
    ],
)
def test_what_is_selected_in_words(reach: Reach, words: str) -> None:
    assert described(reach) == words


@pytest.mark.parametrize(
    ("reach", "why"),
    [
        (
            pods(app="web", **{"pod-template-hash": "1"}),
            "the label pod-template-hash is set by controllers and never takes part; leave it out",
        ),
        (
            pods(label(IN, "pod-template-hash=1=2")),
            "labels that controllers set never take part; select by labels of your own",
        ),
        (pods(label(IN, "pod-template-hash=1", "a=1")), ""),
        (
            pods(label(IN, "a=2", "a=3"), a="1"),
            "matchLabels and matchExpressions ask for different values of one label; keep one",
        ),
        (pods(label(IN, "a=2", "b=3"), a="1"), ""),
        (pods(label(IN, "a=2=3"), a="1"), ""),
        (
            pods(label(OUT, "a=1", "b=1"), a="1"),
            "matchExpressions exclude what matchLabels ask for; keep one",
        ),
        (pods(label(OUT, "a=2"), a="1"), ""),
        (
            nodes(kubernetes_io__hostname=","),
            "kubernetes.io/hostname names no host; write a name, or * for all",
        ),
        (nodes(kubernetes_io__hostname="a,"), ""),
        (pods(), ""),
    ],
)
def test_a_selector_that_nothing_can_meet_says_why(reach: Reach, why: str) -> None:
    assert reach.never() == why
