"""All that is in force at one offset of the policy log. Immutable: a change gives a new set."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from policy.changes import (
    Change,
    Enforcement,
    NamespaceChanged,
    PolicyApplied,
    PolicyDeleted,
)
from policy.documents import Document, Problem, read_document
from policy.documents.kinds import DEFAULT_NAMESPACE
from policy.memo import Memo
from policy.posture import posture_of, standing_of
from policy.rule import Rule
from policy.rules import Rules
from policy.sections import SECTIONS, SectionName
from policy.selection import Selector, selector_of
from policy.settings import DEFAULT_ENFORCEMENT, NO_NAMESPACE, Namespace, PostureKind, Settings
from policy.verdict import PostureReference
from policy.workload import Workload

WORKLOADS_KEPT = 1024
"""Workloads whose rules a set keeps ready."""
SELECTIONS_KEPT = 256
"""Different selections of documents whose rules a set keeps indexed."""

Identity = tuple[str, str, str]


class PolicyRefusedError(Exception):
    """A policy document in the log breaks a rule; what was in force stays so."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """`problems` has all that is wrong with the document, at least one."""
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems


class _Compiled(msgspec.Struct, frozen=True):
    """A document with what is made of it once."""

    document: Document
    selects: Selector
    rules: tuple[tuple[Any, ...], ...]
    """For each of `SECTIONS` the document's rules."""


class PolicySet:
    """The documents, namespaces and settings in force. Get one from `empty` and `apply`."""

    __slots__ = ("_compiled", "_hash", "_indexed", "_namespaces", "_offset", "_settings", "_workloads")

    def __init__(
        self,
        offset: int,
        compiled: Mapping[Identity, _Compiled],
        namespaces: Mapping[str, Namespace],
        settings: Settings,
    ) -> None:
        """For `empty` and `apply`; others do not build sets."""
        self._offset = offset
        self._compiled = compiled
        self._namespaces = namespaces
        self._settings = settings
        self._hash = ""
        self._workloads: Memo[str, tuple[Workload, Rules]] = Memo(WORKLOADS_KEPT)
        self._indexed: Memo[tuple[Identity, ...], tuple[Any, ...]] = Memo(SELECTIONS_KEPT)

    @classmethod
    def empty(cls) -> "PolicySet":
        """What holds before the first change."""
        return cls(-1, {}, {}, Settings())

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
                [(*identity, one.document.hash) for identity, one in self._compiled.items()],
                sorted(self._namespaces.items()),
                self._settings,
            )
            encoded = msgspec.json.encode(content, order="sorted")
            self._hash = hashlib.sha256(encoded).hexdigest()[:16]
        return self._hash

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents in force, in the order in which they were applied."""
        return tuple(one.document for one in self._compiled.values())

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
        if isinstance(change, PolicyApplied):
            compiled = _compile(_valid(change.document))
            documents = {**self._compiled, compiled.document.identity: compiled}
            return PolicySet(offset, documents, self._namespaces, self._settings)
        if isinstance(change, PolicyDeleted):
            gone = _identity_of(change)
            documents = {key: one for key, one in self._compiled.items() if key != gone}
            return PolicySet(offset, documents, self._namespaces, self._settings)
        if isinstance(change, NamespaceChanged):
            namespaces = dict(self._namespaces)
            patched = namespaces.pop(change.namespace, NO_NAMESPACE).patched(change)
            if patched != NO_NAMESPACE:
                namespaces[change.namespace] = patched
            return PolicySet(offset, self._compiled, namespaces, self._settings)
        return PolicySet(offset, self._compiled, self._namespaces, self._settings.patched(change))

    def skip(self, offset: int) -> "PolicySet":
        """The same content at a later offset, for a change that could not be used."""
        later = PolicySet(offset, self._compiled, self._namespaces, self._settings)
        later._hash, later._workloads, later._indexed = self._hash, self._workloads, self._indexed
        return later

    def for_workload(self, workload: Workload) -> Rules:
        """The rules of a workload, made at its first event and kept as long as its identity is equal."""
        kept = self._workloads.get(workload.id)
        if kept is not None and (kept[0] is workload or kept[0] == workload):
            return kept[1]
        rules = self._rules_of(workload)
        self._workloads.put(workload.id, (workload, rules))
        return rules

    def rules_for(self, workload: Workload) -> dict[SectionName, tuple[Rule, ...]]:
        """The rules of each section that select a workload, in the order applied, whatever its mode."""
        selected = [one for one in self._compiled.values() if one.selects(workload)]
        return {
            section.name: tuple(rule for one in selected for rule in one.rules[number])
            for number, section in enumerate(SECTIONS)
        }

    def _rules_of(self, workload: Workload) -> Rules:
        standing = standing_of(workload, self._settings, self._namespaces)
        asked = standing.complete and standing.mode != "disabled"
        chosen = tuple(key for key, one in self._compiled.items() if one.selects(workload)) if asked else ()
        indexed = self._indexed.get(chosen)
        if indexed is None:
            documents = [self._compiled[key] for key in chosen]
            indexed = tuple(
                section.index_of([rule for one in documents for rule in one.rules[number]])
                for number, section in enumerate(SECTIONS)
            )
            self._indexed.put(chosen, indexed)
        judges = [
            (section, section.judge_of(rules, standing))
            for section, rules in zip(SECTIONS, indexed, strict=True)
        ]
        return Rules(judges, standing)


def _valid(raw: msgspec.Raw) -> Document:
    result = read_document(raw)
    if result.problems or not result.documents:
        raise PolicyRefusedError(result.problems)
    return result.documents[0]


def _compile(document: Document) -> _Compiled:
    rules = tuple(tuple(section.rules_of(document)) for section in SECTIONS)
    return _Compiled(document, selector_of(document), rules)


def _identity_of(change: PolicyDeleted) -> Identity:
    if change.kind != "KubeArmorPolicy":
        return (change.kind, "", change.name)
    return (change.kind, change.namespace or DEFAULT_NAMESPACE, change.name)
