"""What is said of a description that cannot be used: to the word, with its place."""

from typing import Any

import pytest

from policy import described
from policy.described import DescriptionError
from policy.described.reading import alone
from policy.documents.tree import Mark
from policy.events import NetworkEvent

VERBS = (
    "exec, read, write, create, unlink, rename, rmdir, mkdir, chmod, chown, link, symlink, truncate, mount, "
    "socket, connect, bind, listen, accept, send, dns, capability, syscall, memory"
)


def sentences(description: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(DescriptionError) as caught:
        described.event(description)
    problems = caught.value.problems
    assert str(caught.value) == "\n".join(str(one) for one in problems)
    return [(one.field, one.code.value, one.sentence) for one in problems]


SAID: list[tuple[dict[str, Any], str, str, str]] = [
    ({"none": 1}, "", "missing-field", f"say what happened, with one of {VERBS}"),
    ({"raed": 1}, "", "missing-field", f"say what happened, with one of {VERBS}; did you mean read?"),
    (
        {"uid": 1, "exce": "/a"},
        "",
        "missing-field",
        f"say what happened, with one of {VERBS}; did you mean exec?",
    ),
    ({"exec": "/a", "read": "/b"}, "read", "one-of", "an event is one thing: exec or read"),
    (
        {"exec": "a"},
        "exec",
        "bad-path",
        "a path begins with /; truncated: true says that its front is missing",
    ),
    ({"exec": ""}, "exec", "bad-path", "a path has 1 to 4096 characters; this has 0"),
    (
        {"exec": "/" + "a" * 4096},
        "exec",
        "bad-path",
        "a path has 1 to 4096 characters; this has 4097",
    ),
    ({"exec": "/a/"}, "exec", "bad-path", "/a/: the kernel reports no path with / at its end"),
    (
        {"exec": "/./a"},
        "exec",
        "bad-path",
        "/./a: the kernel reports resolved paths, without //, . and ..",
    ),
    (
        {"exec": "/a\0"},
        "exec",
        "bad-path",
        "/a\\x00 holds a NUL, which no path or argument can",
    ),
    (
        {"exec": "/a", "from": "b"},
        "from",
        "bad-path",
        "b has to begin with /: paths are absolute",
    ),
    (
        {"read": "/a", "new": "/b"},
        "new",
        "unknown-field",
        "new goes with rename, link, symlink only",
    ),
    (
        {"link": "/a"},
        "new",
        "missing-field",
        "link gives a file another name: say which with new",
    ),
    (
        {"capability": "bpf,chown"},
        "capability",
        "bad-capability",
        "an event is about one capability: write a case for each",
    ),
    (
        {"socket": "tpc"},
        "socket",
        "bad-protocol",
        (
            "name a socket (tcp, udp, icmp, icmpv6, sctp, dccp, raw, stream, dgram, rdm, seqpacket, "
            "packet) or give its family, type and protocol; did you mean tcp?"
        ),
    ),
    (
        {"socket": 6},
        "socket",
        "bad-protocol",
        (
            "name a socket (tcp, udp, icmp, icmpv6, sctp, dccp, raw, stream, dgram, rdm, seqpacket, "
            "packet) or give its family, type and protocol"
        ),
    ),
    (
        {"socket": {"family": "init", "type": "stream"}},
        "socket.family",
        "bad-protocol",
        (
            "init is no family known by name: unix, inet, inet6, netlink, packet, tipc, vsock, "
            "or a number; did you mean inet?"
        ),
    ),
    (
        {"socket": {"family": 2, "type": "steam"}},
        "socket.type",
        "bad-protocol",
        (
            "steam is no type known by name: stream, dgram, raw, rdm, seqpacket, dccp, packet, "
            "or a number; did you mean stream?"
        ),
    ),
    (
        {"socket": {"family": 2, "type": 1, "protocol": "udpx"}},
        "socket.protocol",
        "bad-protocol",
        (
            "udpx is no protocol known by name: icmp, tcp, udp, dccp, icmpv6, sctp, raw, or a number; "
            "did you mean udp?"
        ),
    ),
]


@pytest.mark.parametrize("number", range(len(SAID)))
def test_what_is_said(number: int) -> None:
    description, field, code, sentence = SAID[number]
    assert sentences(description) == [(field, code, sentence)]


def test_the_longest_path_and_the_root_are_paths() -> None:
    assert described.event({"read": "/" + "a" * 4095})
    assert described.event({"read": "/"})
    assert described.event({"exec": "a", "truncated": True})


def test_a_workload_that_is_none_says_what_is_one() -> None:
    with pytest.raises(DescriptionError) as caught:
        described.workload("hots")
    (problem,) = caught.value.problems
    assert (problem.field, problem.code.value, problem.sentence) == (
        "",
        "wrong-type",
        "a workload is the word host, or a mapping such as {namespace: shop}; this is the text hots",
    )


@pytest.mark.parametrize(
    ("written", "numbers"),
    [
        ("TCP", (2, 1, 6)),
        ({"family": "INET6", "type": "Dgram", "protocol": "UDP"}, (10, 2, 17)),
        ({"family": 40, "type": "raw"}, (40, 3, 0)),
    ],
)
def test_sockets_by_names_in_any_case_and_by_numbers(written: Any, numbers: tuple[int, int, int]) -> None:
    event = described.event({"connect": written})
    assert isinstance(event, NetworkEvent)
    assert (event.family, event.type, event.protocol) == numbers


def test_what_stands_alone_is_at_the_beginning_of_nothing() -> None:
    part = alone({"a": 1})
    assert (part.value, part.located.file, part.located.within, part.problems) == ({"a": 1}, "", (), ())
    assert (part.located.tree.value, part.located.tree.start) == ({"a": 1}, Mark(0, 0))
