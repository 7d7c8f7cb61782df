"""Globs: against trying everything, on crafted paths, and what cannot be read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.glob import LONGEST, MOST_ALTERNATIVES, Glob, GlobError
from tests.reference.globs import glob_matches

pieces = st.sampled_from(["a", "b", "/", "*", "**", "?", "[ab]", "[!a]", "{a,b}", "{a/,b*}", "{,ab}"])
paths = st.text(alphabet="ab/", max_size=12)


@settings(max_examples=500, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6).map("".join), paths)
def test_matches_what_trying_everything_matches(pattern: str, path: str) -> None:
    assert Glob(pattern).matches(path) == glob_matches(pattern, path)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6).map("".join), paths, st.integers(0, 12))
def test_a_tail_may_match_wherever_the_whole_does(pattern: str, path: str, cut: int) -> None:
    if glob_matches(pattern, path):
        assert Glob(pattern).may_match(path[cut:])


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/etc/*hado?", "/etc/shadow", True),
        ("/etc/*hado?", "/etc/sub/shadow", False),
        ("/usr/**/ls", "/usr/local/bin/ls", True),
        ("/usr/**/ls", "/usr/ls", False),
        ("/usr/**", "/usr/", True),
        ("/bin/{ba,da,}sh", "/bin/sh", True),
        ("/bin/{ba,{d,c}a}sh", "/bin/cash", True),
        ("/bin/[a-c]sh", "/bin/bsh", True),
        ("/bin/[a-c]sh", "/bin/dsh", False),
        ("/bin/[^a-c]sh", "/bin/dsh", True),
        ("/bin/[!/]sh", "/bin//sh", False),
        ("/bin/[]x]", "/bin/]", True),
        ("/bin/[a-]", "/bin/-", True),
        (r"/bin/\*", "/bin/*", True),
        (r"/bin/\*", "/bin/x", False),
        (r"/bin/\{a,b\}", "/bin/{a,b}", True),
        ("/bin/a.b+", "/bin/a.b+", True),
        ("/bin/a.b", "/bin/axb", False),
        ("/bin/x", "/bin/x\n", False),
        ("/tmp/?", r"/tmp/\\", True),
        ("/tmp/?", r"/tmp/\xff", True),
        ("/tmp/?", "/tmp/é", True),
        (r"/tmp/\\", r"/tmp/\\", True),
    ],
)
def test_constructs(pattern: str, path: str, expected: bool) -> None:
    assert Glob(pattern).matches(path) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "/a[b",
        "/a{b,c",
        "/a[c-a]",
        "/a\\",
        "x" * (LONGEST + 1),
        "{a,b}" * 7,
        "{" + ",".join("a" * (MOST_ALTERNATIVES + 2)) + "}",
        "[!]",
    ],
)
def test_refuses_what_it_cannot_read(pattern: str) -> None:
    with pytest.raises(GlobError):
        Glob(pattern)


SLOW = ["/" + "*a" * 100 + "*b", "/**" + "a*" * 60 + "c", "/" + "**a" * 40 + "**c"]


@pytest.mark.parametrize("pattern", SLOW)
def test_a_path_cannot_make_matching_slow(pattern: str) -> None:
    # With backtracking each of these would outlive the test's own limit many times over.
    assert not Glob(pattern).matches("/" + "a" * 4000)


@settings(max_examples=300, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=6).map("".join), paths)
def test_what_matches_begins_and_ends_as_an_anchor_says(pattern: str, path: str) -> None:
    if glob_matches(pattern, path):
        assert any(
            path.startswith(anchor.start)
            and path.endswith(anchor.end)
            and (anchor.directory is None or path.startswith(f"{anchor.directory}/"))
            for anchor in Glob(pattern).anchors()
        )


@pytest.mark.parametrize(
    ("pattern", "directory", "start", "end"),
    [
        ("/etc/*.conf", "/etc", "/etc/", ".conf"),
        ("/opt/app-*/run", "/opt", "/opt/app-", "/run"),
        ("/bin/ls", "/bin", "/bin/ls", "/bin/ls"),
        ("/**", "", "/", ""),
        ("**/x", None, "", "/x"),
        (r"/a\*b\/c?", r"/a*b", "/a*b/c", ""),
        (r"/x[a]/\\*", "", "/x", ""),
        (r"/a\\/?", r"/a\\", r"/a\\/", ""),
    ],
)
def test_anchors(pattern: str, directory: str | None, start: str, end: str) -> None:
    (anchor,) = Glob(pattern).anchors()
    assert (anchor.directory, anchor.start, anchor.end) == (directory, start, end)
