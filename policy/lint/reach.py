"""Which workloads a document selects, in a form in which two documents can be compared."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from policy.documents import Document
from policy.documents.fields import comma_list
from policy.documents.kinds import KubeArmorClusterPolicy, KubeArmorHostPolicy, KubeArmorPolicy
from policy.selection import CONTAINER_NAME, HOSTNAME_LABELS, IGNORED_LABELS, containers_of
from policy.text import shown


class Condition(NamedTuple):
    """What the expressions on one key come to. `operator` None accepts everything."""

    operator: Literal["In", "NotIn"] | None = None
    values: frozenset[str] = frozenset()


class Reach(NamedTuple):
    """What a document's selector asks for."""

    kind: Literal["container", "host"]
    namespace: Condition
    labels: frozenset[tuple[str, str]]
    """Exact labels, each of which a workload has to have."""
    containers: frozenset[str]
    """Empty means all."""
    label: Condition
    """On the workload's labels as `key=value`."""
    hostnames: frozenset[tuple[str, str]] = frozenset()
    """Of host policies: patterns by label."""

    def never(self) -> str:
        """Why no workload at all can be selected; empty where one can be."""
        ignored = sorted(key for key, _ in self.labels if key in IGNORED_LABELS)
        if ignored:
            return f"the label {shown(ignored[0])} is set by controllers and never takes part; leave it out"
        if self.label.operator == "In" and all(map(_is_ignored, self.label.values)):
            return "labels that controllers set never take part; select by labels of your own"
        if self.label.operator == "In" and all(self._rules_out(value) for value in self.label.values):
            return "matchLabels and matchExpressions ask for different values of one label; keep one"
        if self.label.operator == "NotIn" and any(_pair(one) in self.label.values for one in self.labels):
            return "matchExpressions exclude what matchLabels ask for; keep one"
        for key, value in sorted(self.hostnames):
            if not comma_list(value):
                return f"{shown(key)} names no host; write a name, or * for all"
        return ""

    def _rules_out(self, value: str) -> bool:
        """Whether the exact labels say that no selected workload has `value`, a `key=value`."""
        key, _, rest = value.partition("=")
        return "=" not in rest and any(own == key and held != rest for own, held in self.labels)


def _is_ignored(value: str) -> bool:
    return value.partition("=")[0] in IGNORED_LABELS


def _pair(label: tuple[str, str]) -> str:
    return f"{label[0]}={label[1]}"


def reach_of(document: Document) -> Reach:
    """What `document` selects."""
    policy = document.policy
    if isinstance(policy, KubeArmorHostPolicy):
        written = policy.spec.node_selector.match_labels
        return Reach(
            kind="host",
            namespace=Condition(),
            labels=frozenset((key, value) for key, value in written.items() if key not in HOSTNAME_LABELS),
            containers=frozenset(),
            label=Condition(),
            hostnames=frozenset((key, value) for key, value in written.items() if key in HOSTNAME_LABELS),
        )
    if isinstance(policy, KubeArmorClusterPolicy):
        listed = policy.spec.selector.match_expressions
        return Reach(
            kind="container",
            namespace=_condition((one.operator, one.values) for one in listed if one.key == "namespace"),
            labels=frozenset(),
            containers=frozenset(),
            label=_condition((one.operator, one.values) for one in listed if one.key == "label"),
        )
    return _pod_reach(policy, document.namespace)


def _pod_reach(policy: KubeArmorPolicy, namespace: str) -> Reach:
    selector = policy.spec.selector
    return Reach(
        kind="container",
        namespace=Condition("In", frozenset({namespace})),
        labels=frozenset(one for one in selector.match_labels.items() if one[0] != CONTAINER_NAME),
        containers=containers_of(policy.spec),
        label=_condition((one.operator, one.values) for one in selector.match_expressions),
    )


def _condition(expressions: Iterable[tuple[Literal["In", "NotIn"], tuple[str, ...]]]) -> Condition:
    """As `policy.selection` has it: the operator that stands first, with the values of all its own."""
    listed = list(expressions)
    if not listed:
        return Condition()
    operator = listed[0][0]
    return Condition(
        operator, frozenset(value for one, values in listed for value in values if one == operator)
    )


def covers(outer: Reach, inner: Reach) -> bool:
    """Whether every workload that `inner` selects is selected by `outer` as well, as far as can be known.

    False where it cannot be known: two selectors may happen to select the same pods.
    """
    return outer == inner or (
        outer.kind == inner.kind
        and _accepts(outer.namespace, inner.namespace)
        and outer.labels <= inner.labels
        and outer.hostnames <= inner.hostnames
        and (not outer.containers or bool(inner.containers and inner.containers <= outer.containers))
        and _accepts_labels(outer.label, inner)
    )


def _accepts(outer: Condition, inner: Condition) -> bool:
    """For a key that has exactly one value."""
    if outer.operator is None:
        return True
    if outer.operator == "In":
        return inner.operator == "In" and inner.values <= outer.values
    if inner.operator == "In":
        return inner.values.isdisjoint(outer.values)
    return inner.operator == "NotIn" and outer.values <= inner.values


def _accepts_labels(outer: Condition, inner: Reach) -> bool:
    """For `label`, of which a workload has many."""
    wanted = frozenset(value for value in outer.values if not _is_ignored(value))
    if outer.operator is None:
        return True
    if outer.operator == "In":
        listed = inner.label.operator == "In" and inner.label.values <= wanted
        return listed or any(_pair(one) in wanted for one in inner.labels)
    excluded = inner.label.values if inner.label.operator == "NotIn" else frozenset()
    return all(value in excluded or inner._rules_out(value) for value in wanted)  # noqa: SLF001


def described(reach: Reach) -> str:
    """What is selected, in words: `pods of dvwa with app=web`."""
    if reach.kind == "host":
        asked = [_pair(one) for one in sorted(reach.labels | reach.hostnames)]
        return f"nodes with {shown(', '.join(asked))}" if asked else "every node"
    parts = ["pods"]
    if reach.containers:
        parts = [f"container {shown(', '.join(sorted(reach.containers)))} of pods"]
    parts.append(_named(reach.namespace))
    asked = [_pair(one) for one in sorted(reach.labels)]
    if reach.label.operator:
        joined = " or ".join(sorted(reach.label.values))
        asked.append(joined if reach.label.operator == "In" else f"none of {joined}")
    if asked:
        parts.append(f"with {shown(', '.join(asked))}")
    elif not reach.containers:
        parts[0] = "all pods"
    return " ".join(parts)


def _named(namespace: Condition) -> str:
    if namespace.operator is None:
        return "of every namespace"
    names = shown(", ".join(sorted(namespace.values)))
    return f"of {names}" if namespace.operator == "In" else f"of every namespace but {names}"
