"""The network section's sockets: which protocols may be used, and by whom."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from policy.documents import Document
from policy.documents.fields import comma_list
from policy.events import NetworkEvent
from policy.rule import source_paths
from policy.sections.judging import Question, SectionJudge, by_whom, seen_program, who
from policy.sections.section import Section, written_in
from policy.sections.terms import TermIndex, TermRule
from policy.settings import PostureKind, VisibleKind
from policy.target import Placed

ALL = "all"

AF_UNSPEC, AF_INET, AF_INET6 = 0, 2, 10
IP_FAMILIES = frozenset({AF_UNSPEC, AF_INET, AF_INET6})
"""Families whose protocol numbers are IP's; in others they are ethertypes or netlink's families."""

IP_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 58: "icmpv6", 132: "sctp", 255: "raw"}
"""`IPPROTO_*` of `linux/in.h` that policies can name."""
SOCKET_TYPES: dict[int, tuple[str, ...]] = {
    1: ("stream", "tcp"),
    2: ("dgram", "udp"),
    3: ("raw",),
    4: ("rdm",),
    5: ("seqpacket",),
    6: ("dccp",),
    10: ("packet",),
}
"""`SOCK_*` of `linux/net.h`, and what a socket of that type is called where no protocol says more."""

_DOING = {
    "socket": "Making",
    "connect": "Connecting",
    "bind": "Binding",
    "listen": "Listening on",
    "accept": "Accepting on",
    "send": "Sending on",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolRule(TermRule):
    """A compiled rule about one protocol."""

    protocol: str
    """In lower case."""

    @property
    def term(self) -> str:
        """The protocol."""
        return self.protocol


def rules_of(document: Document) -> tuple[ProtocolRule, ...]:
    """The protocol rules of a document; a comma list makes one of each."""
    section = document.policy.spec.network
    return tuple(
        ProtocolRule(**base, sources=source_paths(rule.from_source), protocol=name)
        for rule, base in written_in(document, section, "network", "match_protocols")
        for name in dict.fromkeys(comma_list(rule.protocol.lower()))
    )


def protocols_of(family: int, kind: int, protocol: int) -> tuple[str, ...]:
    """What policies call a socket: its protocol, else its type (and what such a type is by default)."""
    if family in IP_FAMILIES and protocol in IP_PROTOCOLS:
        return (IP_PROTOCOLS[protocol],)
    return SOCKET_TYPES.get(kind, ())


class SocketUse(Question, frozen=True, kw_only=True):
    """One use of one socket."""

    protocols: tuple[str, ...]


class NetworkJudge(SectionJudge[NetworkEvent, SocketUse, ProtocolRule]):
    """Judges the sockets of one workload."""

    index: TermIndex[ProtocolRule]
    posture: ClassVar[PostureKind] = "network"
    visible: ClassVar[VisibleKind | None] = "network"

    def key(self, event: NetworkEvent) -> tuple[Any, ...]:
        """The socket's numbers, what is done with it and, where a rule asks, by whom."""
        actor = event.actor if self.index.by_source else None
        return (
            event.operation,
            event.family,
            event.type,
            event.protocol,
            who(actor),
        )

    def questions(self, event: NetworkEvent) -> tuple[SocketUse, ...]:
        """The socket."""
        protocols = protocols_of(event.family, event.type, event.protocol)
        source = seen_program(event.actor) if self.index.by_source else None
        which = f"for {protocols[-1]}" if protocols else f"of type {event.type}"
        subject = f"{_DOING[event.operation]} a socket {which}{by_whom(source)}"
        return (SocketUse(subject=subject, source=source, protocols=protocols),)

    def matching(self, question: SocketUse) -> Iterable[Placed[ProtocolRule]]:
        """Rules on its protocol, and those on all."""
        return self.index.about((*question.protocols, ALL))

    def deciding(self, question: SocketUse) -> Iterable[Placed[ProtocolRule]]:
        """Those of them that can decide."""
        return self.index.deciding((*question.protocols, ALL), question.source)


NETWORK = Section(
    name="network",
    events=(NetworkEvent,),
    rules_of=rules_of,
    index_of=TermIndex[ProtocolRule],
    judge_of=NetworkJudge,
)
