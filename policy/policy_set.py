"""All that is in force at one offset of the policy log. Immutable: a change gives a new set."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from policy.changes import Change, Enforcement, NamespaceChanged, PolicyApplied, PolicyDeleted
from policy.compiled import Documents, Identity
from policy.documents import Document, Problem, read_document
from policy.documents.kinds import DEFAULT_NAMESPACE
from policy.memo import Memo
from policy.posture import posture_of, standing_of
from policy.rule import Rule
from policy.rules import Rules
from policy.sections import SECTIONS, SectionName
from policy.selected import WORKLOADS_KEPT, Selected
from policy.settings import DEFAULT_ENFORCEMENT, NO_NAMESPACE, Namespace, PostureKind, Settings
from policy.verdict import PostureReference
from policy.workload import Workload


class PolicyRefusedError(Exception):
    """A policy document in the log breaks a rule; what was in force stays so."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """`problems` has all that is wrong with the document, at least one."""
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class PolicySet:
    """The documents, namespaces and settings in force. Get one from `empty` and `apply`.

    Sets that came from each other share what they made of documents and workloads (`policy.selected`),
    so that a change costs what it concerns. `apply` and `skip` use nothing of it and may run in
    another thread than the one that judges by this set or an earlier one.
    """

    __slots__ = ("_documents", "_hash", "_namespaces", "_offset", "_selected", "_settings", "_workloads")

    def __init__(
        self,
        offset: int,
        documents: Documents,
        namespaces: Mapping[str, Namespace],
        settings: Settings,
        selected: Selected,
    ) -> None:
        """For `empty` and `apply`; others do not build sets."""
        self._offset = offset
        self._documents = documents
        self._namespaces = namespaces
        self._settings = settings
        self._selected = selected
        self._hash = ""
        self._workloads: Memo[str, tuple[Workload, Rules]] = Memo(WORKLOADS_KEPT)

    @classmethod
    def empty(cls) -> "PolicySet":
        """What holds before the first change."""
        return cls(-1, Documents(), {}, Settings(), Selected())

    @property
    def offset(self) -> int:
        """Offset of the last change that this set knows; -1 before the first."""
        return self._offset

    @property
    def hash(self) -> str:
        """SHA-256 of the content, hex, first 16 digits.

        Equal for equal documents in equal order, equal namespaces and equal settings, whatever changes
        led there.
        """
        if not self._hash:
            content = (
                [(*one.document.identity, one.document.hash) for one in self._documents],
                sorted(self._namespaces.items()),
                self._settings,
            )
            encoded = msgspec.json.encode(content, order="sorted")
            self._hash = hashlib.sha256(encoded).hexdigest()[:16]
        return self._hash

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents in force, in the order in which they were applied."""
        return tuple(one.document for one in self._documents)

    @property
    def namespaces(self) -> Mapping[str, Namespace]:
        """The namespaces for which something is set."""
        return MappingProxyType(dict(self._namespaces))

    @property
    def settings(self) -> Settings:
        """The global settings."""
        return self._settings

    def posture_of(self, namespace: str, kind: PostureKind) -> PostureReference:
        """A namespace's default posture, and where it was set."""
        return posture_of(self._settings, self._namespaces.get(namespace, NO_NAMESPACE), kind)

    def enforcement_of(self, namespace: str) -> Enforcement:
        """How denials are carried out in a namespace."""
        return self._namespaces.get(namespace, NO_NAMESPACE).enforcement or DEFAULT_ENFORCEMENT

    def apply(self, change: Change, offset: int) -> "PolicySet":
        """The set after `change`, which stands at `offset` of the log.

        A document that replaces another of the same kind, namespace and name takes its place in the
        order; one that was deleted in between comes last.

        Raises:
            PolicyRefusedError: the change holds a document that is not valid.
        """
        documents, namespaces, settings = self._documents, self._namespaces, self._settings
        if isinstance(change, PolicyApplied):
            documents = documents.having(_valid(change.document))
        elif isinstance(change, PolicyDeleted):
            documents = documents.without(_identity_of(change))
        elif isinstance(change, NamespaceChanged):
            changed = dict(namespaces)
            patched = changed.pop(change.namespace, NO_NAMESPACE).patched(change)
            if patched != NO_NAMESPACE:
                changed[change.namespace] = patched
            namespaces = changed
        else:
            settings = settings.patched(change)
        return PolicySet(offset, documents, namespaces, settings, self._selected)

    def skip(self, offset: int) -> "PolicySet":
        """The same content at a later offset, for a change that could not be used."""
        later = PolicySet(offset, self._documents, self._namespaces, self._settings, self._selected)
        later._hash, later._workloads = self._hash, self._workloads
        return later

    def for_workload(self, workload: Workload) -> Rules:
        """The rules of a workload, made at its first event and kept as long as its identity is equal."""
        kept = self._workloads.get(workload.id)
        if kept is not None and (kept[0] is workload or kept[0] == workload):
            return kept[1]
        standing = standing_of(workload, self._settings, self._namespaces)
        rules = self._selected.rules_of(workload, standing, self._documents)
        self._workloads.put(workload.id, (workload, rules))
        return rules

    def rules_for(self, workload: Workload) -> dict[SectionName, tuple[Rule, ...]]:
        """The rules of each section that select a workload, in the order applied, whatever its mode."""
        selected = self._documents.selecting(workload)
        return {
            section.name: tuple(rule for one in selected for rule in one.rules[number])
            for number, section in enumerate(SECTIONS)
        }


def _valid(raw: msgspec.Raw) -> Document:
    result = read_document(raw)
    if result.problems or not result.documents:
        raise PolicyRefusedError(result.problems)
    return result.documents[0]


def _identity_of(change: PolicyDeleted) -> Identity:
    if change.kind != "KubeArmorPolicy":
        return (change.kind, "", change.name)
    return (change.kind, change.namespace or DEFAULT_NAMESPACE, change.name)
