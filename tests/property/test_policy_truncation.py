"""A path whose front was cut off escapes no Block, satisfies no Allow, and is what the rest of it can be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.events import Executable
from policy.glob import Glob
from policy.judge import judge
from policy.rules import Rules
from tests.fixtures.policies import applied, execution, pod, policy_set
from tests.property.documents import DIRECTORIES, PATHS, PATTERNS
from tests.property.profile import metamorphic
from tests.reference.globs import glob_could_match, glob_matches

pytestmark = pytest.mark.timeout(7200)
"""The long profile takes its time."""

GROUPS = {
    "path": "matchPaths",
    "execname": "matchPaths",
    "dir": "matchDirectories",
    "pattern": "matchPatterns",
}
TARGETS: list[dict[str, Any]] = [
    *({"path": path} for path in PATHS),
    *({"execname": name} for name in ("c", "bc")),
    *({"dir": directory, "recursive": deep} for directory in DIRECTORIES for deep in (False, True)),
    *({"pattern": pattern} for pattern in PATTERNS),
]
PIECES = ["a", "b", "/", "/", "*", "**", "?", "[ab]", "[!a]", "{a,b}", "{a/b,}"]
# Six braces of two stand for as many patterns as one may stand for.
patterns = (
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=8)
    .map(lambda pieces: "/" + "".join(pieces))
    .filter(lambda pattern: pattern.count("{") <= 6)
)
paths = st.text("ab/", max_size=8).map(lambda text: "/" + text)


def rules_of(action: str, target: dict[str, Any]) -> Rules:
    rules = {GROUPS[next(iter(target))]: [target]}
    return policy_set(applied({"action": action, "process": rules})).for_workload(pod())


def cut(path: str) -> Any:
    return execution("", executable=Executable(path=path, truncated=True))


@metamorphic
@given(st.sampled_from(TARGETS), paths.map(lambda path: path.replace("//", "/c")))
def test_cutting_a_path_escapes_no_block_and_satisfies_no_allow(target: dict[str, Any], path: str) -> None:
    blocking, allowing = rules_of("Block", target), rules_of("Allow", target)
    denied = judge(execution(path), blocking).decision == "block"
    for start in range(len(path)):
        if denied:
            assert judge(cut(path[start:]), blocking).decision == "block"
        assert judge(cut(path[start:]), allowing).decision != "allow"


@metamorphic
@given(patterns, paths)
def test_globs_match_as_trying_everything_does(pattern: str, path: str) -> None:
    assert Glob(pattern).matches(path) == glob_matches(pattern, path)


@metamorphic
@given(patterns, paths)
def test_globs_may_match_every_end_of_what_they_match(pattern: str, path: str) -> None:
    glob = Glob(pattern)
    for start in range(len(path)):
        tail = path[start:]
        assert glob.may_match(tail) == glob_could_match(pattern, tail)
        assert glob.may_match(tail) >= glob_matches(pattern, path)
