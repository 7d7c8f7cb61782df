"""Whom to look at where policy sets are compared: workloads that are selected alike stand for each other.

Without a list of workloads they are made up from the selectors: for each one a workload that has what
it asks for and nothing else, and for several together one that has what all of them ask for.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from policy.documents import Document
from policy.documents.fields import comma_list
from policy.documents.kinds import KubeArmorClusterPolicy, KubeArmorHostPolicy, KubeArmorPolicy
from policy.policy_set import PolicySet
from policy.posture import Standing, standing_of
from policy.selection import CONTAINER_NAME, HOSTNAME_LABELS, Selector, containers_of, selector_of
from policy.text import shown
from policy.workload import HOST, Workload

MOST_TOGETHER = 3
"""Selectors that one made-up workload is made for; and one for as many of a namespace as go together."""
MOST_TRIED = 2048
"""Combinations of selectors that are tried for one namespace, those of one selector included."""
ELSEWHERE = "any-other-namespace"
"""The namespace of made-up workloads that stand for all namespaces that no document names."""

ANY_CONTAINER = "any-container"
"""The container of made-up workloads where no selector asks for one."""


class Group(NamedTuple):
    """Workloads that the same documents select in every set, and that stand alike."""

    workload: Workload
    """The first of them; it stands for all."""
    members: tuple[Workload, ...]
    made_up: bool
    alike: bool
    """Whether all sets have the same documents, in the same order, and settings for them."""


class Grouped(NamedTuple):
    """All groups, and whether some were left out."""

    groups: tuple[Group, ...]
    complete: bool
    """False: there are more combinations of selectors than are looked at."""


class _Asked(NamedTuple):
    """What a workload has to have for one document to select it."""

    kind: str
    namespace: str
    """Empty: any."""
    labels: frozenset[tuple[str, str]]
    container: str
    """Empty: any."""

    def fits(self, labels: Mapping[str, str], container: str) -> bool:
        """Whether a workload that has these already can have what is asked for too."""
        return not (self.container and container and container != self.container) and all(
            labels.get(key, value) == value for key, value in self.labels
        )

    def sortable(self) -> tuple[object, ...]:
        """Labels and container in an order of their own."""
        return (sorted(self.labels), self.container)


def grouped(sets: Sequence[PolicySet], workloads: Sequence[Workload] | None = None) -> Grouped:
    """Groups of `workloads`, or of what is made up from the selectors of all documents in `sets`."""
    if workloads is not None:
        return Grouped(tuple(_groups(sets, workloads, made_up=False)), complete=True)
    found, complete = _made_up(sets)
    return Grouped(tuple(_groups(sets, found, made_up=True)), complete)


def title_of(group: Group) -> str:
    """How people name a group: its first workload, or what made-up ones have."""
    workload = group.workload
    if not group.made_up:
        return workload.title
    labels = ", ".join(f"{key}={value}" for key, value in sorted(workload.labels.items()))
    having = f" with {labels}" if labels else " without labels" if workload.kind != HOST else ""
    if workload.kind == HOST:
        return f"a node{having}"
    where = "a namespace that nothing names" if workload.namespace == ELSEWHERE else workload.namespace
    what = "a pod" if workload.container == ANY_CONTAINER else f"container {workload.container} of a pod"
    return shown(f"{what} of {where}{having}")


def standing_in(policies: PolicySet, workload: Workload) -> Standing:
    """How a workload stands in a set."""
    return standing_of(workload, policies.settings, policies.namespaces)


def _groups(sets: Sequence[PolicySet], workloads: Iterable[Workload], *, made_up: bool) -> Iterator[Group]:
    selections = [_Selections(one) for one in sets]
    by_selection: dict[tuple[tuple[tuple[str, ...], ...], tuple[str, ...]], list[Workload]] = {}
    for workload in workloads:
        selected: tuple[tuple[str, ...], ...] = tuple(one.of(workload) for one in selections)
        standings = tuple(repr(standing_in(one, workload)) for one in sets)
        by_selection.setdefault((selected, standings), []).append(workload)
    for (selected, standings), members in by_selection.items():
        alike = len(set(selected)) == len(set(standings)) == 1
        yield Group(members[0], tuple(members), made_up, alike)


class _Selections:
    """Which documents of a set select a workload, found by what their selectors ask for first."""

    def __init__(self, policies: PolicySet) -> None:
        self._by_label: dict[tuple[str, str, str], list[_Selecting]] = {}
        self._others: dict[str, list[_Selecting]] = {}
        for order, document in enumerate(policies.documents):
            one = _Selecting(order, f"{document.title} {document.hash}", selector_of(document))
            policy = document.policy
            labels = policy.spec.selector.match_labels if isinstance(policy, KubeArmorPolicy) else {}
            asked = next((pair for pair in labels.items() if pair[0] != CONTAINER_NAME), None)
            if asked is None:
                self._others.setdefault(document.namespace, []).append(one)
            else:
                self._by_label.setdefault((document.namespace, *asked), []).append(one)

    def of(self, workload: Workload) -> tuple[str, ...]:
        """Every one by title and content, in the order applied."""
        near = [*self._others.get("", ())]
        if workload.namespace:
            near += self._others.get(workload.namespace, ())
            for pair in workload.labels.items():
                near += self._by_label.get((workload.namespace, *pair), ())
        return tuple(one.name for one in sorted(near) if one.selects(workload))


class _Selecting(NamedTuple):
    order: int
    name: str
    selects: Selector


def _made_up(sets: Sequence[PolicySet]) -> tuple[list[Workload], bool]:
    namespaces = _namespaces(sets)
    changed = _changed(sets)
    asked: dict[_Asked, bool] = {}
    for policies in sets:
        for document in policies.documents:
            for one in _asked_by(document):
                asked[one] = asked.get(one, False) or document.title in changed
    # What changed comes first: where there are too many combinations, those are tried. Sorted, so that
    # it is the same whichever set comes first.
    listed = sorted(asked, key=lambda one: (not asked[one], one.kind, one.namespace, *one.sortable()))
    found: dict[str, Workload] = {}
    complete = True
    for kind, namespace in [*(("container", one) for one in namespaces), (HOST, "")]:
        here = [one for one in listed if one.kind == kind and one.namespace in {"", namespace}]
        if kind == HOST and not here:
            continue
        tried = _together(here)
        for some in islice(tried, MOST_TRIED):
            workload = _workload_of(kind, namespace, some)
            found.setdefault(workload.id, workload)
            # Where not even three go together, no four do.
            complete = complete and not (len(some.asked) == MOST_TOGETHER < len(here))
        complete = complete and next(tried, None) is None
    return list(found.values()), complete


class _Had(NamedTuple):
    """What a made-up workload has, and the places of the selectors that it is made for."""

    asked: tuple[int, ...] = ()
    labels: Mapping[str, str] = {}
    container: str = ""

    def with_more(self, number: int, one: _Asked) -> "_Had | None":
        """The same with what one more selector asks for, or None where that contradicts."""
        if not one.fits(self.labels, self.container):
            return None
        return _Had(
            (*self.asked, number), {**self.labels, **dict(one.labels)}, self.container or one.container
        )


def _together(asked: Sequence[_Asked]) -> Iterator[_Had]:
    """Combinations of selectors that a workload can meet: none, as many as possible, then the small ones."""
    yield _Had()
    if len(asked) > MOST_TOGETHER:
        most = _Had()
        for number, one in enumerate(asked):
            most = most.with_more(number, one) or most
        yield most
    level = [_Had()]
    for _ in range(MOST_TOGETHER):
        level = list(islice(_extended(level, asked), MOST_TRIED + 1))
        yield from level


def _extended(level: Sequence[_Had], asked: Sequence[_Asked]) -> Iterator[_Had]:
    for had in level:
        for number in range(had.asked[-1] + 1 if had.asked else 0, len(asked)):
            more = had.with_more(number, asked[number])
            if more is not None:
                yield more


def _workload_of(kind: str, namespace: str, had: _Had) -> Workload:
    labels = dict(had.labels)
    said = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    if kind == HOST:
        node = next((value for key, value in sorted(labels.items()) if key in HOSTNAME_LABELS), "any-node")
        return Workload(id=f"{node}/{HOST}?{said}", node=node, kind="host", complete=True, labels=labels)
    return Workload(
        id=f"any-node/{namespace}?{said}#{had.container}",
        node="any-node",
        kind="container",
        complete=True,
        namespace=namespace,
        container=had.container or ANY_CONTAINER,
        labels=labels,
    )


def _namespaces(sets: Sequence[PolicySet]) -> list[str]:
    """Every namespace that is named somewhere; and one that is not, where a policy may reach it."""
    named: set[str] = set()
    everywhere = False
    for policies in sets:
        named.update(policies.namespaces)
        for document in policies.documents:
            if document.namespace:
                named.add(document.namespace)
            if isinstance(document.policy, KubeArmorClusterPolicy):
                everywhere = True
                for expression in document.policy.spec.selector.match_expressions:
                    if expression.key == "namespace":
                        named.update(expression.values)
    return [*sorted(named), *([ELSEWHERE] if everywhere else [])]


def _changed(sets: Sequence[PolicySet]) -> set[str]:
    """Titles of documents that are not the same in all sets."""
    seen: dict[str, list[str]] = {}
    for policies in sets:
        for document in policies.documents:
            seen.setdefault(document.title, []).append(document.hash)
    return {title for title, hashes in seen.items() if len(hashes) < len(sets) or len(set(hashes)) > 1}


def _asked_by(document: Document) -> Iterator[_Asked]:
    """What may make a document select a workload: of an In each value on its own."""
    policy = document.policy
    if isinstance(policy, KubeArmorHostPolicy):
        labels = frozenset(
            (key, _host_name(value) if key in HOSTNAME_LABELS else value)
            for key, value in policy.spec.node_selector.match_labels.items()
        )
        yield _Asked("host", "", labels, "")
        return
    listed = [(one.key, one.operator, one.values) for one in policy.spec.selector.match_expressions]
    plain: frozenset[tuple[str, str]] = frozenset()
    containers: Sequence[str] = ("",)
    if isinstance(policy, KubeArmorPolicy):
        written = policy.spec.selector.match_labels.items()
        plain = frozenset(one for one in written if one[0] != CONTAINER_NAME)
        containers = sorted(containers_of(policy.spec)) or ("",)
        places: Sequence[str] = (document.namespace,)
    else:
        named = [values for key, operator, values in listed if (key, operator) == ("namespace", "In")]
        places = sorted({name for values in named for name in values}) if named else ("",)
    # What a NotIn names is a way to be selected too: by this document once the NotIn is gone.
    pairs = sorted({one for key, _, values in listed if key == "label" for one in values})
    needed = any((key, operator) == ("label", "In") for key, operator, _ in listed)
    chosen = [plain | {_pair(one)} for one in pairs] + ([] if needed else [plain])
    for place in places:
        for container in containers:
            for labels in chosen:
                yield _Asked("container", place, labels, container)


def _pair(written: str) -> tuple[str, str]:
    key, _, value = written.partition("=")
    return key, value


def _host_name(pattern: str) -> str:
    """A name that a hostname label's pattern takes."""
    return next((one.replace("*", "any") for one in comma_list(pattern)), "")
