"""Selectors that select nothing, or something else than they seem to."""

from collections.abc import Iterator, Sequence

from policy.documents.fields import nearest
from policy.documents.kinds import (
    ClusterExpression,
    KubeArmorClusterPolicy,
    KubeArmorHostPolicy,
    KubeArmorPolicy,
    LabelExpression,
)
from policy.lint.finding import Finding, LintCode, Severity
from policy.lint.linted import Linted
from policy.lint.reach import described
from policy.selection import CONTAINER_NAME, IGNORED_LABELS, containers_of
from policy.text import shown
from policy.workload import Workload

_NOT_IN_NAMES = frozenset("*?[]{}()|^$+\\")
"""Characters that no container's name has, and globs and regular expressions do."""


def selectors(one: Linted, workloads: Sequence[Workload] | None) -> Iterator[Finding]:
    """`workloads` are all that are known, or None where none are."""
    policy = one.document.policy
    place = ("spec", "nodeSelector" if isinstance(policy, KubeArmorHostPolicy) else "selector")
    never = one.reach.never()
    if never:
        yield one.finding(
            LintCode.SELECTOR_NEVER_MATCHES, Severity.ERROR, place, f"this selects nothing: {never}", key=True
        )
    yield from _expressions(one)
    patterns_only = False
    if isinstance(policy, KubeArmorPolicy):
        names = containers_of(policy.spec)
        patterns = sorted(name for name in names if not _NOT_IN_NAMES.isdisjoint(name))
        patterns_only = bool(patterns) and len(patterns) == len(names)
        if patterns:
            sentence = (
                f"{shown(patterns[0])} is compared as it is and no container is called so; write names, "
                'such as "[web,db]", or leave the label out for all containers'
            )
            yield one.finding(
                LintCode.CONTAINER_NAME_PATTERN,
                Severity.ERROR if patterns_only else Severity.WARNING,
                (*place, "matchLabels", CONTAINER_NAME),
                sentence,
            )
    if workloads is not None and not never and not patterns_only:
        yield from _unknown(one, workloads, place)


def _expressions(one: Linted) -> Iterator[Finding]:
    policy = one.document.policy
    if isinstance(policy, KubeArmorHostPolicy):
        return
    expressions: tuple[LabelExpression | ClusterExpression, ...] = policy.spec.selector.match_expressions
    first: dict[str, str] = {}
    for number, expression in enumerate(expressions):
        place = ("spec", "selector", "matchExpressions", number)
        operator = first.setdefault(expression.key, expression.operator)
        if operator != expression.operator:
            sentence = (
                f"on one key the first operator decides: after {operator} this {expression.operator} counts "
                "for nothing; write one of the two"
            )
            yield one.finding(LintCode.IGNORED_EXPRESSION, Severity.WARNING, place, sentence)
            continue
        ignored = [value for value in expression.values if value.partition("=")[0] in IGNORED_LABELS]
        if expression.key == "label" and ignored and operator == "NotIn":
            sentence = f"{shown(ignored[0])}: labels that controllers set never take part; leave it out"
            yield one.finding(LintCode.IGNORED_EXPRESSION, Severity.WARNING, place, sentence)


def _unknown(one: Linted, workloads: Sequence[Workload], place: tuple[str, ...]) -> Iterator[Finding]:
    known = [workload for workload in workloads if workload.kind == one.reach.kind]
    if not known or any(map(one.selects, known)):
        return
    severity = Severity.WARNING
    policy = one.document.policy
    if isinstance(policy, KubeArmorPolicy):
        namespace = one.document.namespace
        there = [workload for workload in known if workload.namespace == namespace]
        if not there:
            near = nearest(namespace, {workload.namespace for workload in known})
            sentence = f"no known workload is in namespace {shown(namespace)}{near}"
            place = ("metadata", "namespace")
            yield one.finding(LintCode.SELECTOR_MATCHES_NOTHING, severity, place, sentence)
            return
        for key, value in policy.spec.selector.match_labels.items():
            held = {workload.labels[key] for workload in there if key in workload.labels}
            if key != CONTAINER_NAME and value not in held:
                keys = {known_key for workload in there for known_key in workload.labels}
                near = nearest(value, held) if held else nearest(key, keys)
                sentence = f"no known workload of {shown(namespace)} has {shown(f'{key}={value}')}{near}"
                yield one.finding(
                    LintCode.SELECTOR_MATCHES_NOTHING, severity, (*place, "matchLabels", key), sentence
                )
                return
    of_cluster = isinstance(policy, KubeArmorClusterPolicy)
    sentence = f"no known workload is selected: {described(one.reach)}"
    sentence += "; look at the names and values" if of_cluster else "; look at labels and container names"
    yield one.finding(LintCode.SELECTOR_MATCHES_NOTHING, severity, place, sentence, key=True)
