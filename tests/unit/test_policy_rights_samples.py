"""Paths that stand for what rules are about."""

import pytest

from policy.glob import Glob
from policy.rights import samples
from policy.rights.samples import UNLISTED, matches_of, paths_of, without_example
from policy.target import Target, directory_target, execname_target, path_target, pattern_target


def paths(*targets: Target) -> set[str]:
    found = paths_of(targets)
    assert found == sorted(set(found))
    return set(found) - {UNLISTED}


def test_of_nothing_there_is_a_path_that_nothing_is_about() -> None:
    assert paths_of([]) == ["/any-folder/any-file"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (path_target("/a"), {"/a"}),
        (directory_target("/d/", recursive=True), {"/d", "/d/any-file", "/d/any-folder/any-file"}),
        (directory_target("/", recursive=False), {"/", "/any-file", "/any-folder/any-file"} - {UNLISTED}),
        (pattern_target("/a/*.c"), {"/a/x.c"}),
    ],
)
def test_each_target_has_its_paths(target: Target, expected: set[str]) -> None:
    assert paths(target) == expected


def test_a_name_stands_in_every_folder_that_is_known() -> None:
    found = paths(
        execname_target("run"),
        path_target("/opt/a"),
        directory_target("/d/", recursive=False),
        path_target("/"),
    )
    named = {one for one in found if one.endswith("/run")}
    assert named == {"/run", "/any-folder/run", "/opt/run", "/d/run", "/d/any-folder/run"}


def test_an_open_glob_is_tried_in_every_directory() -> None:
    found = paths(
        pattern_target("/d/**/key"), directory_target("/d/e/", recursive=False), path_target("/f/p")
    )
    assert {"/d/e/x/key", "/d/x/key", "/d/any-folder/x/key"} <= found
    assert not any(one.startswith("/f/") and one.endswith("key") for one in found)


def test_names_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "MOST_NAMED", 3)
    found = paths(*(execname_target(f"n{number}") for number in range(9)))
    assert len(found) == 3


@pytest.mark.parametrize(
    ("pattern", "some"),
    [
        ("/a/?", "/a/x"),
        ("/a/[bc]", "/a/b"),
        ("/a/[!b]", "/a/!"),
        ("/a/[^x]", "/a/^"),
        ("/a/[]b]", "/a/]"),
        ("/a/[!]x]", "/a/!"),
        ("/a/[!!b]", "/a/x"),
        ("/a/[^^x]", "/a/a"),
        ("/a/[\\]x]y", "/a/]y"),
        ("/a/[0-9][A-F]", "/a/0A"),
        ("/a/\\*b", "/a/*b"),
        ("/a/\\\\b", "/a/\\\\b"),
        ("/a/*/b/*", "/a/x/b/x"),
        ("**", "/x"),
        ("**/a", "/x/a"),
        ("/a/**", "/a/x"),
        ("/a/**/b/**", "/a/x/b/x"),
        ("/{a,b}/c", "/b/c"),
        ("/a/***", "/a/x"),
    ],
)
def test_a_glob_has_an_example(pattern: str, some: str) -> None:
    glob = Glob(pattern)
    found = matches_of(glob)
    assert some in found
    assert all(glob.matches(one) and one.startswith("/") and "//" not in one for one in found)
    assert len(found) == len(set(found))


def test_only_the_first_open_part_of_a_glob_is_filled_with_directories() -> None:
    assert matches_of(Glob("/d/**/m/**"), ["/d/e"]) == [
        "/d/x/m/x",
        "/d/any-folder/x/m/x",
        "/d/e/x/m/x",
    ]


def test_examples_of_one_glob_are_bounded() -> None:
    many = [f"/d/{number}" for number in range(99)]
    assert len(matches_of(Glob("/d/**"), many)) == samples.MOST_PER_PATTERN
    assert len(matches_of(Glob("{/a/**,/b/**}"), ["/a/c", "/b/c"])) == 6


def test_globs_without_an_example_are_named_once() -> None:
    targets = [pattern_target("*.conf"), pattern_target("/a/*"), path_target("/x"), pattern_target("*.conf")]
    assert without_example(targets) == ["*.conf"]
    assert matches_of(Glob("*.conf")) == []
