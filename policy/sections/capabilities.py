"""The capabilities section: which may be used, and by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from policy.documents import Document
from policy.documents.fields import comma_list
from policy.events import CapabilityEvent
from policy.rule import source_paths
from policy.sections.judging import Question, SectionJudge, by_whom, seen_program, who
from policy.sections.section import Section, written_in
from policy.sections.terms import TermIndex, TermRule
from policy.settings import PostureKind, VisibleKind
from policy.target import Placed
from policy.text import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityRule(TermRule):
    """A compiled rule about one capability."""

    capability: str

    @property
    def term(self) -> str:
        """The capability."""
        return self.capability


def rules_of(document: Document) -> tuple[CapabilityRule, ...]:
    """The capability rules of a document; a comma list makes one of each."""
    section = document.policy.spec.capabilities
    return tuple(
        CapabilityRule(**base, sources=source_paths(rule.from_source), capability=name)
        for rule, base in written_in(document, section, "capabilities", "match_capabilities")
        for name in dict.fromkeys(comma_list(rule.capability))
    )


class CapabilityUse(Question, frozen=True, kw_only=True):
    """One use of one capability."""

    capability: str


class CapabilityJudge(SectionJudge[CapabilityEvent, CapabilityUse, CapabilityRule]):
    """Judges the capabilities that one workload uses."""

    index: TermIndex[CapabilityRule]
    posture: ClassVar[PostureKind] = "capabilities"
    visible: ClassVar[VisibleKind | None] = "capabilities"

    def key(self, event: CapabilityEvent) -> tuple[Any, ...]:
        """The capability and, where a rule asks, who uses it."""
        actor = event.actor if self.index.by_source else None
        return (
            event.capability,
            who(actor),
        )

    def questions(self, event: CapabilityEvent) -> tuple[CapabilityUse, ...]:
        """The capability."""
        source = seen_program(event.actor) if self.index.by_source else None
        subject = f"Using the capability {shown(event.capability)}{by_whom(source)}"
        return (CapabilityUse(subject=subject, source=source, capability=event.capability),)

    def matching(self, question: CapabilityUse) -> Iterable[Placed[CapabilityRule]]:
        """Rules on the capability."""
        return self.index.about((question.capability,))

    def deciding(self, question: CapabilityUse) -> Iterable[Placed[CapabilityRule]]:
        """Those of them that can decide."""
        return self.index.deciding((question.capability,), question.source)


CAPABILITIES = Section(
    name="capabilities",
    events=(CapabilityEvent,),
    rules_of=rules_of,
    index_of=TermIndex[CapabilityRule],
    judge_of=CapabilityJudge,
)
