"""What rules about sockets, names and capabilities match, a case at a time."""

import pytest

from policy.changes import NamespaceChanged
from policy.events import (
    CapabilityEvent,
    Executable,
    NetworkEvent,
)
from policy.judge import judge
from policy.sections.network import SOCKET_TYPES, protocols_of
from policy.verdict import Reason
from tests.fixtures.happenings import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_PACKET,
    AF_UNIX,
    AT,
    CAT,
    DATAGRAM,
    DCCP,
    ICMP,
    ICMPV6,
    RAW,
    SCTP,
    STREAM,
    TCP,
    UDP,
    lookup,
    place,
    socket,
    verdict_of,
)
from tests.fixtures.policies import applied, pod, policy_set

BLOCK_NETWORK = NamespaceChanged(namespace="ns", annotations={"kubearmor-network-posture": "block"})


@pytest.mark.parametrize(
    ("family", "kind", "protocol", "names"),
    [
        (AF_INET, STREAM, 0, ("stream", "tcp")),
        (AF_INET, STREAM, TCP, ("tcp",)),
        (AF_INET6, STREAM, SCTP, ("sctp",)),
        (AF_INET, DATAGRAM, UDP, ("udp",)),
        (AF_INET, DATAGRAM, ICMP, ("icmp",)),
        (AF_INET6, RAW, ICMPV6, ("icmpv6",)),
        (AF_INET, RAW, 255, ("raw",)),
        (AF_INET, RAW, 47, ("raw",)),
        (AF_INET, 6, DCCP, ("dccp",)),
        (AF_UNIX, STREAM, 0, ("stream", "tcp")),
        (AF_UNIX, DATAGRAM, 0, ("dgram", "udp")),
        (AF_UNIX, 5, 0, ("seqpacket",)),
        (AF_NETLINK, RAW, 6, ("raw",)),
        (AF_PACKET, RAW, 8, ("raw",)),
        (AF_PACKET, 10, 0, ("packet",)),
        (0, STREAM, TCP, ("tcp",)),
        (AF_INET, 4, 0, ("rdm",)),
        (AF_INET, 77, 0, ()),
    ],
)
def test_what_a_socket_is_called(family: int, kind: int, protocol: int, names: tuple[str, ...]) -> None:
    assert protocols_of(family, kind, protocol) == names
    rules = policy_set(applied({"network": {"matchProtocols": [{"protocol": ",".join(ALL_NAMES)}]}}))
    verdict = judge(socket(family, kind, protocol), rules.for_workload(pod()))
    assert verdict.decision == ("block" if names else "allow")
    for name in ALL_NAMES:
        change = applied({"network": {"matchProtocols": [{"protocol": name.upper()}]}})
        decision = verdict_of(socket(family, kind, protocol), change).decision
        assert decision == ("block" if name in names else "allow"), name
    everything = applied({"network": {"matchProtocols": [{"protocol": "all"}]}})
    assert verdict_of(socket(family, kind, protocol), everything).decision == "block"


ALL_NAMES = sorted({"icmp", "icmpv6", "sctp", *(name for names in SOCKET_TYPES.values() for name in names)})


def test_a_comma_list_stands_for_each_and_keeps_its_place() -> None:
    rules = [{"protocol": "icmp"}, {"protocol": " TCP , udp,, tcp", "fromSource": [{"path": "/bin/cat"}]}]
    current = policy_set(applied({"network": {"matchProtocols": rules}}))
    compiled = current.rules_for(pod())["network"]
    assert [rule.reference.place[-3:] for rule in compiled] == ["[0]", "[1]", "[1]"]
    assert place(judge(socket(), current.for_workload(pod()))) == "spec.network.matchProtocols[1]"
    assert judge(socket(actor=None), current.for_workload(pod())).decision == "allow"


def test_of_protocols_none_is_more_specific_but_a_source_is() -> None:
    allow = applied({"action": "Allow", "network": {"matchProtocols": [{"protocol": "tcp"}]}}, "a")
    block = applied({"network": {"matchProtocols": [{"protocol": "all"}]}}, "b")
    assert verdict_of(socket(), allow, block).decision == "block"
    sourced = {"protocol": "tcp", "fromSource": [{"path": "/bin/cat"}]}
    let_in = applied({"action": "Allow", "network": {"matchProtocols": [sourced]}}, "c")
    assert verdict_of(socket(), let_in, block).decision == "allow"
    assert verdict_of(socket(actor=Executable(path="/x")), let_in, block).decision == "block"


def test_operations_on_a_socket_are_told_apart() -> None:
    current = policy_set(applied({"network": {"matchProtocols": [{"protocol": "tcp"}]}}))
    rules = current.for_workload(pod())
    sentences = {
        judge(NetworkEvent(**AT, operation=operation, family=AF_INET, type=STREAM), rules).sentence
        for operation in ("socket", "connect", "bind", "listen", "accept", "send")
    }
    assert len(sentences) == 6


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("google.com", True),
        ("GOOGLE.com.", True),
        ("www.google.com", True),
        ("a.b.google.com", True),
        ("google.com.ns.svc.cluster.local", True),
        ("www.google.com.svc.cluster.local", True),
        ("google.com.cluster.local", True),
        ("notgoogle.com", False),
        ("google.com.evil.test", False),
        ("google.community", False),
        ("com", False),
        ("google.com.a.b.svc.cluster.local", False),
        ("google.com.cluster.local.evil.test", False),
        ("google.com.clusterxlocal", False),
        ("google.comxsvc.cluster.local", False),
        ("", False),
    ],
)
def test_domains(name: str, covered: bool) -> None:
    change = applied({"network": {"matchDNSQueries": [{"domain": "Google.com."}]}})
    assert verdict_of(lookup(name), change).decision == ("block" if covered else "allow")


def test_a_domain_of_two_readings_is_covered_by_either() -> None:
    for domain in ("google.com", "google"):
        change = applied({"network": {"matchDNSQueries": [{"domain": domain}]}})
        assert verdict_of(lookup("google.com.svc.cluster.local"), change).decision == "block"


def test_names_and_sockets_count_separately() -> None:
    names = applied({"action": "Allow", "network": {"matchDNSQueries": [{"domain": "a.test"}]}})
    assert verdict_of(lookup("a.test"), BLOCK_NETWORK, names).reason is Reason.RULE_ALLOW
    assert place(verdict_of(lookup("b.test"), BLOCK_NETWORK, names)) == "posture network block"
    assert verdict_of(socket(), BLOCK_NETWORK, names).reason is Reason.NO_POLICY
    sockets = applied({"action": "Allow", "network": {"matchProtocols": [{"protocol": "tcp"}]}})
    assert verdict_of(lookup("b.test"), BLOCK_NETWORK, sockets).reason is Reason.NO_POLICY
    assert place(verdict_of(socket(kind=DATAGRAM), BLOCK_NETWORK, sockets)) == "posture network block"


def test_names_by_source() -> None:
    rule = {"domain": "a.test", "fromSource": [{"path": "/bin/cat"}]}
    change = applied({"network": {"matchDNSQueries": [rule]}})
    assert verdict_of(lookup("a.test"), change).decision == "block"
    assert verdict_of(lookup("a.test", actor=None), change).decision == "allow"


def test_a_domain_that_begins_with_a_dot_ends() -> None:
    change = applied({"network": {"matchDNSQueries": [{"domain": "a.test"}]}})
    assert verdict_of(lookup(".a.test"), change).decision == "block"
    assert verdict_of(lookup("."), change).decision == "allow"


def test_capabilities() -> None:
    posture = NamespaceChanged(namespace="ns", annotations={"kubearmor-capabilities-posture": "block"})
    rule = {"capability": "net_raw, chown", "fromSource": [{"path": "/bin/cat"}]}
    change = applied({"action": "Allow", "capabilities": {"matchCapabilities": [rule]}})
    for name, actor, expected in [
        ("net_raw", CAT, "spec.capabilities.matchCapabilities[0]"),
        ("chown", CAT, "spec.capabilities.matchCapabilities[0]"),
        ("kill", CAT, "posture capabilities block"),
        ("chown", Executable(path="/x"), "posture capabilities block"),
    ]:
        event = CapabilityEvent(**AT, capability=name, actor=actor)
        assert place(verdict_of(event, posture, change)) == expected
