"""What all compiled rules have, whatever their section."""

from collections.abc import Hashable
from dataclasses import dataclass, fields
from typing import NamedTuple

from policy.documents import Document
from policy.documents.fields import ActionName
from policy.documents.sections import Labelled, Source
from policy.target import SeenPath, Specificity, written_path
from policy.verdict import RuleReference

DEFAULT_ACTION: ActionName = "Block"
"""No action anywhere means Block."""


class Labels(NamedTuple):
    """What a rule says besides what it matches, each from the level nearest to it."""

    action: ActionName
    severity: int | None
    tags: tuple[str, ...]
    message: str


def labels_of(rule: Labelled, section: Labelled, spec: Labelled) -> Labels:
    """Rule level wins over section level, that over spec level. Tags are taken whole, never merged."""
    levels = (rule, section, spec)
    return Labels(
        action=next((one.action for one in levels if one.action is not None), DEFAULT_ACTION),
        severity=next((one.severity for one in levels if one.severity is not None), None),
        tags=next((one.tags for one in levels if one.tags is not None), ()),
        message=next((one.message for one in levels if one.message is not None), ""),
    )


_APART = frozenset({"reference", "severity", "tags", "message", "sources", "target"})
"""Fields that are not a rule's meaning: whom and what to credit, and what it is found by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A compiled rule. Sections add what theirs match."""

    reference: RuleReference
    severity: int | None
    tags: tuple[str, ...]
    message: str
    sources: tuple[str, ...]
    """Paths of the programs that it is about, in the form in which events carry them; empty means any."""

    @property
    def action(self) -> ActionName:
        """Allow, Audit or Block."""
        return self.reference.action

    @property
    def by_source(self) -> bool:
        """Whether it is about what certain programs do, and so beats a rule about all of them."""
        return bool(self.sources)

    @property
    def specificity(self) -> Specificity:
        """How narrow its target is: of rules that match, the greater one wins."""
        return (0, 0, 0)

    @property
    def title(self) -> str:
        """How sentences name it: `spec.process.matchPaths[1] of KubeArmorPolicy dvwa/allow-apache`."""
        reference = self.reference
        name = f"{reference.namespace}/{reference.policy}" if reference.namespace else reference.policy
        return f"{reference.place} of {reference.kind} {name}"

    @property
    def found_by(self) -> tuple[str, ...]:
        """Where it is about certain programs only, these: what it is found by. Empty: it is always tried."""
        return self.sources

    @property
    def meaning(self) -> Hashable:
        """All of it but whom to credit and what it is found by (target and sources).

        Where two rules match and mean the same, the one applied first stands for both.
        """
        return (self.action, *(getattr(self, one.name) for one in fields(self) if one.name not in _APART))

    def accepts_source(self, source: SeenPath | None) -> bool:
        """Whether it is about what `source` does. A program that is not known is none of the listed."""
        if not self.sources:
            return True
        if source is None:
            return False
        if source.truncated:
            return self.action != "Allow" and any(one.endswith(source.text) for one in self.sources)
        return source.text in self.sources


def reference_to(document: Document, place: str, action: ActionName) -> RuleReference:
    """A reference to the rule at `place` of `document`."""
    return RuleReference(
        kind=document.kind,
        namespace=document.namespace,
        policy=document.name,
        hash=document.hash,
        place=place,
        action=action,
    )


def source_paths(sources: tuple[Source, ...]) -> tuple[str, ...]:
    """The paths of `fromSource`, in the form in which events carry them."""
    return tuple(written_path(source.path) for source in sources)
