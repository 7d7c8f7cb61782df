"""Which documents select a workload: the kinds' selectors, as docs/semantics.md has them."""

import re
from collections.abc import Callable, Iterable
from typing import Literal

from policy.documents import Document
from policy.documents.fields import comma_list
from policy.documents.kinds import (
    HostSpec,
    KubeArmorClusterPolicy,
    KubeArmorHostPolicy,
    KubeArmorPolicy,
    PodSpec,
)
from policy.workload import Workload

CONTAINER_NAME = "kubearmor.io/container.name"
HOSTNAME_LABELS = frozenset({"kubearmor.io/hostname", "kubernetes.io/hostname"})
IGNORED_LABELS = frozenset({"pod-template-hash", "pod-template-generation", "controller-revision-hash"})
"""Labels that Kubernetes' controllers set and change: no workload has them as far as policies go."""

Selector = Callable[[Workload], bool]


def selector_of(document: Document) -> Selector:
    """A function that says whether `document` selects a workload."""
    policy = document.policy
    if isinstance(policy, KubeArmorHostPolicy):
        return _host_selector(policy.spec)
    if isinstance(policy, KubeArmorClusterPolicy):
        return _cluster_selector(policy)
    return _pod_selector(policy, document.namespace)


def containers_of(spec: PodSpec) -> frozenset[str]:
    """The containers that a policy is restricted to; empty means all of the pod's."""
    written = spec.selector.match_labels.get(CONTAINER_NAME, "")
    return frozenset(comma_list(written.strip().removeprefix("[").removesuffix("]")))


def _pod_selector(policy: KubeArmorPolicy, namespace: str) -> Selector:
    selector = policy.spec.selector
    labels = {key: value for key, value in selector.match_labels.items() if key != CONTAINER_NAME}
    containers = containers_of(policy.spec)
    has_label = _condition([(one.operator, one.values) for one in selector.match_expressions])

    def selects(workload: Workload) -> bool:
        return (
            workload.kind == "container"
            and workload.namespace == namespace
            and (not containers or workload.container in containers)
            and all(_label(workload, key) == value for key, value in labels.items())
            and has_label(_label_pairs(workload))
        )

    return selects


def _cluster_selector(policy: KubeArmorClusterPolicy) -> Selector:
    expressions = policy.spec.selector.match_expressions
    in_namespace = _condition([(one.operator, one.values) for one in expressions if one.key == "namespace"])
    has_label = _condition([(one.operator, one.values) for one in expressions if one.key == "label"])

    def selects(workload: Workload) -> bool:
        return (
            workload.kind == "container"
            and in_namespace((workload.namespace,))
            and has_label(_label_pairs(workload))
        )

    return selects


def _host_selector(spec: HostSpec) -> Selector:
    plain: dict[str, str] = {}
    hostnames: dict[str, re.Pattern[str]] = {}
    for key, value in spec.node_selector.match_labels.items():
        if key in HOSTNAME_LABELS:
            hostnames[key] = _hostname_pattern(value)
        else:
            plain[key] = value

    def selects(workload: Workload) -> bool:
        # A node's name is known before its labels are, and stands in for a hostname label that it lacks.
        return (
            workload.kind == "host"
            and all(_label(workload, key) == value for key, value in plain.items())
            and all(
                pattern.fullmatch(workload.labels.get(key, workload.node))
                for key, pattern in hostnames.items()
            )
        )

    return selects


def _hostname_pattern(value: str) -> re.Pattern[str]:
    names = (re.escape(name).replace(r"\*", ".*") for name in comma_list(value))
    return re.compile("|".join(names), re.DOTALL)


def _label(workload: Workload, key: str) -> str | None:
    return None if key in IGNORED_LABELS else workload.labels.get(key)


def _label_pairs(workload: Workload) -> Iterable[str]:
    return (f"{key}={value}" for key, value in workload.labels.items() if key not in IGNORED_LABELS)


def _condition(
    expressions: list[tuple[Literal["In", "NotIn"], tuple[str, ...]]],
) -> Callable[[Iterable[str]], bool]:
    """The expressions on one key: the operator that stands first decides, with the values of all its own.

    So an In makes a later NotIn count for nothing, and a NotIn a later In.
    """
    if not expressions:
        return lambda _: True
    operator = expressions[0][0]
    values = frozenset(value for one, listed in expressions for value in listed if one == operator)
    if operator == "In":
        return lambda held: not values.isdisjoint(held)
    return values.isdisjoint
