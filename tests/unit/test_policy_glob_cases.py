"""Globs, a case at a time: what each construct matches and does not, and what is refused how."""

import pytest

from policy.glob import LONGEST, MOST_ALTERNATIVES, Glob, GlobError


@pytest.mark.parametrize(
    ("pattern", "matched", "unmatched"),
    [
        ("/a/*", ["/a/b", "/a/"], ["/a/b/c", "/a"]),
        ("/a/*/c", ["/a/b/c"], ["/a/b/b/c", "/a/c"]),
        ("/a/*b*d", ["/a/bd", "/a/xbxd", "/a/bbdd"], ["/a/b/d", "/a/d"]),
        ("/a/*b*c*d", ["/a/bcd", "/a/1b2c3d"], ["/a/cbd"]),
        ("/a/**", ["/a/b", "/a/b/c"], ["/a", "/ab"]),
        ("/**/c", ["/b/c", "/a/b/c"], ["/c", "/c/d"]),
        ("/a**c", ["/ac", "/a/b/c"], ["/a/b"]),
        ("/**b**c", ["/b/c", "/x/b/y/c", "/bc"], ["/c/b"]),
        ("/**x*y**z", ["/x1y/2/z", "/a/xyz"], ["/x/y/z"]),
        ("/a***", ["/a/b/c"], ["/b"]),
        ("/a?", ["/ab", "/a\\xff", "/a\\\\"], ["/a", "/a/", "/abc"]),
        ("/[abc]", ["/a", "/c"], ["/d", "/ab"]),
        ("/[!abc]", ["/d"], ["/a", "//"]),
        ("/[^abc]", ["/d"], ["/a", "/c"]),
        ("/[a^]", ["/a", "/^"], ["/b"]),
        ("/[a!]", ["/!"], ["/b"]),
        ("/[a-c]x", ["/ax", "/bx", "/cx"], ["/dx", "/-x"]),
        ("/[a-a]", ["/a"], ["/b"]),
        ("/[a-cx-z]", ["/b", "/y"], ["/d", "/-"]),
        ("/[a-]", ["/a", "/-"], ["/b"]),
        ("/[-a]", ["/a", "/-"], ["/b"]),
        ("/[a-c-e]", ["/b", "/-", "/e"], ["/d"]),
        ("/[]]", ["/]"], ["/a"]),
        ("/[]a]", ["/]", "/a"], ["/b"]),
        ("/[!]a]", ["/b"], ["/]", "/a"]),
        (r"/[\]]", ["/]"], ["/\\\\"]),
        (r"/[a\-c]", ["/a", "/-", "/c"], ["/b"]),
        (r"/[\\]x", ["/\\\\x"], ["/x"]),
        ("/[/]a", [], ["//a", "/a"]),
        ("/[!a]b", ["/cb"], ["//b"]),
        ("/{a,b}", ["/a", "/b"], ["/c", "/{a,b}"]),
        ("/{a,b{c,d}}e", ["/ae", "/bce", "/bde"], ["/be", "/ce"]),
        ("/{a{b,c},d}e", ["/abe", "/ace", "/de"], ["/ae"]),
        ("/{a,b}/{c,d}", ["/a/c", "/a/d", "/b/c", "/b/d"], ["/a/b"]),
        ("/x{,y}", ["/x", "/xy"], ["/y"]),
        ("/{a}", ["/a"], ["/{a}"]),
        ("/a}", ["/a}"], ["/a"]),
        ("/a,b", ["/a,b"], ["/a"]),
        ("/{[,],x}", ["/,", "/x"], ["/["]),
        ("/[{]a", ["/{a"], ["/a"]),
        (r"/\{a,b}", ["/{a,b}"], ["/a"]),
        (r"/{a\,b,c}", ["/a,b", "/c"], ["/a"]),
        (r"/\*", ["/*"], ["/a"]),
        (r"/\?\[a", ["/?[a"], ["/b[a"]),
        (r"/a\/b", ["/a/b"], ["/ab"]),
        (r"/\\", ["/\\\\"], ["/\\"]),
        ("/a.b+", ["/a.b+"], ["/axb", "/a.bb"]),
        ("/a*", ["/a\nb", "/a b"], []),
        ("/a**z", ["/a\n/z"], []),
        ("/*/z", ["/\n/z"], []),
        ("/etc/*hado?", ["/etc/shadow", "/etc/hadow"], ["/etc/hostname", "/etc/sub/shadow"]),
    ],
)
def test_what_it_matches(pattern: str, matched: list[str], unmatched: list[str]) -> None:
    glob = Glob(pattern)
    assert glob.pattern == pattern
    assert [path for path in matched if not glob.matches(path)] == []
    assert [path for path in unmatched if glob.matches(path)] == []


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "it is empty"),
        ("/" * (LONGEST + 1), f"it is longer than {LONGEST} characters"),
        ("/{a,b", "a { is never closed"),
        ("/{a,{b}", "a { is never closed"),
        ("/[a", "a [ is never closed"),
        ("/[]", "a [ is never closed"),
        ("/[!]", "a [ is never closed"),
        ("/[^]", "a [ is never closed"),
        (r"/[a\]", "a [ is never closed"),
        ("/a\\", "it ends in a backslash"),
        ("/[c-a]", "the range c-a runs backwards"),
        ("/" + "{a,b}" * 7, f"its braces stand for more than {MOST_ALTERNATIVES} patterns"),
    ],
)
def test_what_is_refused(pattern: str, sentence: str) -> None:
    with pytest.raises(GlobError) as refusal:
        Glob(pattern)
    assert str(refusal.value) == sentence


def test_limits_are_what_is_still_allowed() -> None:
    assert Glob("/" + "a" * (LONGEST - 1)).matches("/" + "a" * (LONGEST - 1))
    assert Glob("/" + "{a,b}" * 6).matches("/ababab")


@pytest.mark.parametrize(
    ("pattern", "may", "may_not"),
    [
        ("/a/b/c", ["b/c", "/b/c", "/a/b/c", "x/c", "c"], ["/x/c", "/b/d", "x/d", "/z/a/b/c"]),
        ("/a/*/c", ["/x/c", "y/c"], ["/x/d"]),
        ("/a/**", ["/x/y", "y"], []),
        ("/**/b/c", ["/b/c", "/z/z/b/c"], ["/x/c"]),
        ("/{a,b}/c", ["/b/c", "/a/c"], ["/c/c"]),
        ("/a/*\n", ["/x\n"], ["/x"]),
    ],
)
def test_what_may_match_where_the_front_is_missing(pattern: str, may: list[str], may_not: list[str]) -> None:
    glob = Glob(pattern)
    assert [tail for tail in may if not glob.may_match(tail)] == []
    assert [tail for tail in may_not if glob.may_match(tail)] == []
