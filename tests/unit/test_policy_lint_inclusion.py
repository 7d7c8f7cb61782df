"""Whether what one target is about is part of what another is about."""

from typing import Any

import msgspec
import pytest

from policy.documents import read_document
from policy.lint.inclusion import Inclusion, includes, same_target, sources_include, targets_include
from policy.rule import Rule
from policy.sections.dns import DNS
from policy.sections.network import NETWORK
from policy.sections.syscalls import SYSCALLS
from policy.target import Target, directory_target, execname_target, path_target, pattern_target
from tests.fixtures.policies import document

NO, WHOLE, ALWAYS = Inclusion.NO, Inclusion.WHOLE, Inclusion.ALWAYS


def tree(path: str) -> Target:
    return directory_target(path, recursive=True)


def folder(path: str) -> Target:
    return directory_target(path, recursive=False)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        (path_target("/a"), path_target("/a"), ALWAYS),
        (path_target("/a"), path_target("/b"), NO),
        (path_target("/a"), execname_target("a"), NO),
        (execname_target("a"), path_target("/x/a"), ALWAYS),
        (execname_target("a"), path_target("/a/b"), NO),
        (execname_target("x/a"), path_target("/x/a"), NO),
        (execname_target("a"), execname_target("b"), NO),
        (execname_target("a"), pattern_target("/x/a"), WHOLE),
        (pattern_target("/a/*"), path_target("/a/b"), ALWAYS),
        (pattern_target("/a/*"), path_target("/a/b/c"), NO),
        (pattern_target("/a/*"), pattern_target("/a/{b,c}"), WHOLE),
        (pattern_target("/a/*"), pattern_target("/a/{b,c/d}"), NO),
        (pattern_target("/a/*"), pattern_target("/a/b*"), NO),
        (pattern_target("**"), pattern_target("/a/b*"), ALWAYS),
        (pattern_target("**"), execname_target("a"), ALWAYS),
        (pattern_target("**"), tree("/"), ALWAYS),
        (pattern_target("/a/**"), tree("/a/b/"), ALWAYS),
        (pattern_target("/a/**"), tree("/a/"), NO),
        (pattern_target("/a/**"), tree("/ab/"), NO),
        (pattern_target("/a/**"), folder("/a/b/"), ALWAYS),
        (pattern_target("/a/**"), pattern_target("/a/b*"), ALWAYS),
        (pattern_target("/a/**"), pattern_target("/{a,b}/c*"), NO),
        (pattern_target("/a/**"), execname_target("b"), NO),
        (pattern_target("/**"), pattern_target("/a*"), ALWAYS),
        (pattern_target("/a*/**"), tree("/ab/c/"), NO),
        (tree("/a/"), path_target("/a"), ALWAYS),
        (tree("/a/"), path_target("/a/b/c"), ALWAYS),
        (tree("/a/"), path_target("/ab"), NO),
        (tree("/"), path_target("/"), ALWAYS),
        (tree("/"), path_target("/x"), ALWAYS),
        (tree("/a/"), tree("/a/b/"), ALWAYS),
        (tree("/a/"), folder("/a/"), ALWAYS),
        (tree("/a/"), tree("/ab/"), NO),
        (tree("/a/b/"), tree("/a/"), NO),
        (tree("/a/"), pattern_target("/a/*.c"), ALWAYS),
        (tree("/a/"), pattern_target("/a*"), NO),
        (tree("/a/"), pattern_target("{/a/x*,/b/y}"), NO),
        (tree("/a/"), execname_target("b"), NO),
        (folder("/a/"), path_target("/a/b"), ALWAYS),
        (folder("/a/"), path_target("/a"), ALWAYS),
        (folder("/a/"), path_target("/a/b/c"), NO),
        (folder("/"), path_target("/b"), ALWAYS),
        (folder("/"), path_target("/"), ALWAYS),
        (folder("/"), path_target("/b/c"), NO),
        (folder("/a/"), tree("/a/"), NO),
        (folder("/a/"), folder("/a/"), ALWAYS),
        (folder("/a/"), pattern_target("/a/*"), NO),
        (folder("/a/"), pattern_target("/a/b"), NO),
    ],
)
def test_targets(outer: Target, inner: Target, expected: Inclusion) -> None:
    assert targets_include(outer, inner) is expected


def rules(section: Any, spec: dict[str, Any]) -> list[Rule]:
    (one,) = read_document(msgspec.json.encode(document(spec))).documents
    return list(section.rules_of(one))


def calls(*written: dict[str, Any]) -> list[Rule]:
    key = {True: "matchPaths", False: "matchSyscalls"}
    spec: dict[str, Any] = {"action": "Audit", "syscalls": {}}
    for one in written:
        spec["syscalls"].setdefault(key["path" in one], []).append(one)
    return rules(SYSCALLS, spec)


def test_system_calls() -> None:
    both, one = calls({"syscall": ["unlink", "rmdir"]}, {"syscall": ["unlink"]})
    (below,) = calls({"syscall": ["unlink"], "path": "/a/", "recursive": True})
    (exact,) = calls({"syscall": ["unlink"], "path": "/a/b"})
    assert includes(both, one) is ALWAYS
    assert includes(one, one) is ALWAYS
    assert includes(one, both) is NO
    assert includes(one, below) is ALWAYS
    assert includes(below, one) is NO
    assert includes(below, exact) is ALWAYS
    assert includes(exact, below) is NO


def test_sources() -> None:
    every, some, more = calls(
        {"syscall": ["unlink"]},
        {"syscall": ["unlink"], "fromSource": [{"path": "/a"}, {"dir": "/d/"}]},
        {"syscall": ["unlink"], "fromSource": [{"path": "/a"}, {"path": "/b"}, {"dir": "/d/"}]},
    )
    (elsewhere,) = calls({"syscall": ["unlink"], "fromSource": [{"path": "/a"}, {"dir": "/e/"}]})
    assert sources_include(every, some)
    assert not sources_include(some, every)
    assert sources_include(more, some)
    assert not sources_include(some, more)
    assert not sources_include(some, elsewhere)


def test_protocols() -> None:
    def of(*protocols: str) -> list[Rule]:
        return rules(NETWORK, {"network": {"matchProtocols": [{"protocol": one} for one in protocols]}})

    every, stream, tcp, udp, raw, icmp = of("all", "stream", "tcp", "udp", "raw", "icmp")
    assert [includes(every, one) for one in (stream, tcp, raw)] == [ALWAYS] * 3
    assert includes(tcp, every) is NO
    assert includes(tcp, stream) is ALWAYS
    assert includes(stream, tcp) is NO
    assert includes(tcp, udp) is NO
    assert includes(raw, icmp) is NO
    assert not same_target(tcp, stream)


def test_domains() -> None:
    def of(domain: str) -> Rule:
        (one,) = rules(DNS, {"network": {"matchDNSQueries": [{"domain": domain}]}})
        return one

    assert includes(of("example.com"), of("www.example.com")) is ALWAYS
    assert includes(of("example.com"), of("example.com")) is ALWAYS
    assert includes(of("example.com"), of("notexample.com")) is NO
    assert includes(of("www.example.com"), of("example.com")) is NO


def test_rules_of_different_sections_hold_nothing_of_each_other() -> None:
    (call,) = calls({"syscall": ["unlink"]})
    (protocol,) = rules(NETWORK, {"network": {"matchProtocols": [{"protocol": "tcp"}]}})
    assert includes(call, protocol) is NO
    assert not same_target(call, protocol)
