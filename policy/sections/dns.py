"""The network section's names: which domains may be asked for, and by whom."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from policy.documents import Document
from policy.events import DnsEvent
from policy.rule import source_paths
from policy.sections.judging import Question, SectionJudge, by_whom, seen_program, who
from policy.sections.section import Section, written_in
from policy.sections.terms import TermIndex, TermRule
from policy.settings import PostureKind, VisibleKind
from policy.target import Placed
from policy.text import shown

_SEARCH_SUFFIXES = tuple(
    re.compile(suffix + r"\Z")
    for suffix in (r"\.cluster\.local", r"\.svc\.cluster\.local", r"\.[^.]+\.svc\.cluster\.local")
)
"""What a resolver in a pod adds to a name that it tries: the search list of Kubernetes' resolv.conf."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRule(TermRule):
    """A compiled rule about a domain and its subdomains."""

    domain: str
    """In lower case, without the dot at its end."""

    @property
    def term(self) -> str:
        """The domain."""
        return self.domain


def rules_of(document: Document) -> tuple[DomainRule, ...]:
    """The DNS rules of a document, in its order."""
    section = document.policy.spec.network
    return tuple(
        DomainRule(**base, sources=source_paths(rule.from_source), domain=plain_name(rule.domain))
        for rule, base in written_in(document, section, "network", "match_dns_queries")
    )


def plain_name(name: str) -> str:
    """A name as it is compared: in lower case, without the dot at its end."""
    return name.lower().removesuffix(".")


def domains_of(name: str) -> Iterable[str]:
    """A plain name and every domain above it, each once; and the same without a search suffix."""
    names = [name, *(suffix.sub("", name) for suffix in _SEARCH_SUFFIXES)]
    return dict.fromkeys(domain for one in names for domain in _upwards(one))


def _upwards(name: str) -> Iterator[str]:
    start = 0
    while start >= 0:
        yield name[start:]
        dot = name.find(".", start)
        start = dot + 1 if dot >= 0 else -1


class Lookup(Question, frozen=True, kw_only=True):
    """One name that is asked for."""

    name: str


class DnsJudge(SectionJudge[DnsEvent, Lookup, DomainRule]):
    """Judges the names that one workload asks for."""

    index: TermIndex[DomainRule]
    posture: ClassVar[PostureKind] = "network"
    visible: ClassVar[VisibleKind | None] = "network"

    def key(self, event: DnsEvent) -> tuple[Any, ...]:
        """The name and, where a rule asks, who wants to know."""
        actor = event.actor if self.index.by_source else None
        return (event.name, who(actor))

    def questions(self, event: DnsEvent) -> tuple[Lookup, ...]:
        """The name."""
        source = seen_program(event.actor) if self.index.by_source else None
        subject = f"Asking for the name {shown(event.name)}{by_whom(source)}"
        return (Lookup(subject=subject, source=source, name=plain_name(event.name)),)

    def matching(self, question: Lookup) -> Iterable[Placed[DomainRule]]:
        """Rules on the name and on the domains that it belongs to."""
        return self.index.about(domains_of(question.name))

    def deciding(self, question: Lookup) -> Iterable[Placed[DomainRule]]:
        """Those of them that can decide."""
        return self.index.deciding(domains_of(question.name), question.source)


DNS = Section(
    name="dns",
    events=(DnsEvent,),
    rules_of=rules_of,
    index_of=TermIndex[DomainRule],
    judge_of=DnsJudge,
)
