"""What lint says of paths, globs and protocols that mean something else than they seem to: to the word."""

from typing import Any

import pytest

from policy.lint import LintCode, Severity
from tests.fixtures.linting import about, allowing, glob, of_spec, sockets

UNNAMED = "is a socket made without a protocol; programs that ask for"


def said(spec: dict[str, Any], code: LintCode) -> list[tuple[Severity, str]]:
    return [(one.severity, one.sentence) for one in of_spec(spec) if one.code == code]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("*", "this matches nothing but /, since * stays within one component; write **"),
        ("*/a", "this matches nothing but /a, since * stays within one component; write **/a"),
        ("*/", "this matches nothing but /, since * stays within one component; write **/"),
        ("a/b", "this matches nothing: paths begin with /; write /a/b or /**/a/b"),
        ("/a/", "this matches nothing: no path ends in /; write /a/** for what is below"),
        ("/a//b", "this matches nothing: a resolved path never has a doubled slash in it; write it without"),
        ("/a/./b", "this matches nothing: a resolved path never has . in it; write it without"),
        ("/a/../b", "this matches nothing: a resolved path never has .. in it; write it without"),
        ("{a,*/b}", "this matches nothing but /b, since * stays within one component; write **/b"),
        ("{a,b}", "this matches nothing: paths begin with /; write /a or /**/a"),
    ],
)
def test_a_pattern_that_matches_nothing_says_why(pattern: str, sentence: str) -> None:
    assert said(glob(pattern), LintCode.UNREACHABLE_PATH) == [(Severity.ERROR, sentence)]


def test_of_a_pattern_of_which_a_part_matches_the_other_part_is_told() -> None:
    assert said(glob("{/a,b,c/}"), LintCode.UNREACHABLE_PATH) == [
        (
            Severity.WARNING,
            "its alternative b matches nothing: paths begin with /; write /b or /**/b",
        )
    ]


@pytest.mark.parametrize("pattern", ["/a", "**", "**/a", "\\/a", "/a/[./]./b", "/[//]/a", "/a/**", "/a/b.c"])
def test_patterns_that_may_match(pattern: str) -> None:
    assert said(glob(pattern), LintCode.UNREACHABLE_PATH) == []


@pytest.mark.parametrize(
    ("spec", "pattern"),
    [
        (about("/opt/*"), "/opt/*"),
        ({"process": {"matchPaths": [{"execname": "a*"}]}}, "/**/a*"),
        ({"process": {"matchDirectories": [{"dir": "/opt/*/"}]}}, "/opt/*/**"),
    ],
)
def test_a_glob_where_none_is_read(spec: dict[str, Any], pattern: str) -> None:
    ((severity, sentence),) = said(spec, LintCode.GLOB_IN_PATH)
    assert severity is Severity.WARNING
    written = f"for a glob write matchPatterns: [{{pattern: {pattern}}}]"
    assert sentence.endswith(f" is compared as it is, *, ? and {{ included; {written}")


def test_a_glob_in_a_source() -> None:
    assert said(about("/a", fromSource=[{"path": "/opt/*"}]), LintCode.GLOB_IN_PATH) == [
        (
            Severity.WARNING,
            "a source is compared as it is, *, ? and { included; list each program",
        )
    ]


def test_dots_and_doubled_slashes_of_a_path() -> None:
    assert said(about("/a/../b"), LintCode.UNREACHABLE_PATH) == [
        (
            Severity.ERROR,
            "a resolved path never has .. in it, so this matches nothing; write the path without",
        )
    ]
    assert said(about("/a//b"), LintCode.DOUBLED_SLASH) == [
        (Severity.INFO, "a doubled slash counts once; write /a/b")
    ]


def test_a_directory_of_system_calls_that_is_not_recursive() -> None:
    def calls(**rule: Any) -> dict[str, Any]:
        return {"action": "Audit", "syscalls": {"matchPaths": [{"syscall": ["unlink"]} | rule]}}

    assert said(calls(path="/a/"), LintCode.DIRECTORY_ALONE) == [
        (
            Severity.WARNING,
            "without recursive this is the directory itself; for what is in it write recursive: true",
        )
    ]
    assert said(calls(path="/a/", recursive=True), LintCode.DIRECTORY_ALONE) == []
    assert said(calls(path="/a"), LintCode.DIRECTORY_ALONE) == []


@pytest.mark.parametrize(
    ("protocol", "severity", "sentence"),
    [
        (
            "stream",
            Severity.WARNING,
            f"stream {UNNAMED} TCP by name escape; write tcp if it is meant",
        ),
        (
            "DGRAM",
            Severity.WARNING,
            f"dgram {UNNAMED} UDP by name escape; write udp if it is meant",
        ),
        (
            "raw",
            Severity.INFO,
            "a raw socket for ICMP is icmp and not raw; write icmp as well if it is meant",
        ),
    ],
)
def test_a_protocol_that_means_less_than_it_seems(protocol: str, severity: Severity, sentence: str) -> None:
    assert said(allowing(network=sockets(protocol)), LintCode.NARROW_PROTOCOL) == [(severity, sentence)]


def test_the_wider_protocol_beside_it_says_that_it_is_meant() -> None:
    code = LintCode.NARROW_PROTOCOL
    assert said(allowing(network=sockets("raw,icmp")), code) == []
    assert said(allowing(network=sockets("raw", "ICMP")), code) == []
    assert said(allowing(network=sockets("stream", "all")), code) == []
    assert said(allowing(network=sockets("tcp")), code) == []
    other = {
        "matchProtocols": [{"protocol": "raw"}, {"protocol": "icmp", "action": "Block"}],
    }
    assert len(said(allowing(network=other), code)) == 1
