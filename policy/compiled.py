"""Policy documents with what is made of each of them once, and how a collection of them changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from policy.documents import Document
from policy.sections import SECTIONS
from policy.selection import Selector, selector_of
from policy.workload import Workload

Identity = tuple[str, str, str]
STEPS_KEPT = 64
"""Changes that a collection remembers, to say what happened since an earlier one."""


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A document, whom it selects and its rules. Compared by identity: it is made once a document."""

    document: Document
    selects: Selector
    rules: tuple[tuple[Any, ...], ...]
    """For each of `SECTIONS` the document's rules."""


def compiled(document: Document) -> Compiled:
    """What the judge needs of a document."""
    rules = tuple(tuple(section.rules_of(document)) for section in SECTIONS)
    return Compiled(document, selector_of(document), rules)


class _Step(NamedTuple):
    """One change of a collection."""

    before: object
    """The version that it changed."""
    concerned: tuple[Compiled, ...]
    """What came and what went."""


class Documents:
    """Compiled documents in the order in which they were applied. Immutable: a change gives another one."""

    __slots__ = ("_by_identity", "_by_place", "_steps", "version")

    def __init__(
        self, by_identity: Mapping[Identity, Compiled] = MappingProxyType({}), steps: tuple[_Step, ...] = ()
    ) -> None:
        """Without arguments: none. With them for `having` and `without`."""
        self._by_identity = by_identity
        self._steps = steps
        self._by_place: dict[tuple[str, str], list[tuple[int, Compiled]]] | None = None
        self.version = object()
        """Another one for every collection."""

    def __iter__(self) -> Iterator[Compiled]:
        return iter(self._by_identity.values())

    def having(self, document: Document) -> "Documents":
        """With `document`, in the place of the one that it replaces, if there is one; else at the end."""
        before = self._by_identity.get(document.identity)
        if before is not None and before.document.hash == document.hash:
            return self
        new = compiled(document)
        return self._changed({**self._by_identity, document.identity: new}, before, new)

    def without(self, identity: Identity) -> "Documents":
        """Without the document of that identity, if there is one."""
        before = self._by_identity.get(identity)
        if before is None:
            return self
        return self._changed({key: one for key, one in self._by_identity.items() if key != identity}, before)

    def _changed(self, by_identity: dict[Identity, Compiled], *concerned: Compiled | None) -> "Documents":
        step = _Step(self.version, tuple(one for one in concerned if one is not None))
        return Documents(by_identity, (*self._steps[1 - STEPS_KEPT :], step))

    def selecting(self, workload: Workload) -> tuple[Compiled, ...]:
        """The documents that select a workload, in the order applied."""
        if self._by_place is None:
            self._by_place = self._places()
        candidates = sorted(
            (one for place in _places_of(workload) for one in self._by_place.get(place, ())),
            key=lambda placed: placed[0],
        )
        return tuple(one for _, one in candidates if one.selects(workload))

    def may_select_otherwise_than(self, version: object, workload: Workload) -> bool:
        """Whether `workload` may be selected by other documents than in an earlier version."""
        if version is self.version:
            return False
        for step in reversed(self._steps):
            if any(one.selects(workload) for one in step.concerned):
                return True
            if step.before is version:
                return False
        return True

    def _places(self) -> dict[tuple[str, str], list[tuple[int, Compiled]]]:
        places: dict[tuple[str, str], list[tuple[int, Compiled]]] = {}
        for order, ((kind, namespace, _), one) in enumerate(self._by_identity.items()):
            places.setdefault((kind, namespace), []).append((order, one))
        return places


def _places_of(workload: Workload) -> tuple[tuple[str, str], ...]:
    """Kinds and namespaces of which a document can select a workload at all."""
    if workload.kind == "host":
        return (("KubeArmorHostPolicy", ""),)
    return (("KubeArmorPolicy", workload.namespace), ("KubeArmorClusterPolicy", ""))
