"""Scripts: which path they are judged by, and which arguments are theirs."""

import pytest

from policy.judge import judge
from tests.fixtures.policies import applied, execution, pod, policy_set


def decision(rule: dict[str, object], script: str, args: tuple[str, ...] = ("sh",)) -> str:
    rules = policy_set(applied({"process": {"matchPaths": [rule]}})).for_workload(pod())
    return judge(execution("/bin/sh", script=script, args=args), rules).decision


@pytest.mark.parametrize("asked", ["/a/b/c/../x.sh", "/a/./b//x.sh", "/a/b/c/d/../../x.sh", "/../a/b/x.sh"])
def test_dots_in_a_path_go_up_one_folder_each(asked: str) -> None:
    assert decision({"path": "/a/b/x.sh"}, asked) == "block"
    assert decision({"path": "/a/x.sh"}, asked) == "allow"


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("sh", "/s", "x"), "allow"),
        (("sh", "-e", "/s", "x"), "allow"),
        (("sh", "-e", "/s", "y"), "block"),
        (("sh", "-e", "-x", "/s", "x"), "unknown"),
    ],
)
def test_it_is_sought_among_the_first_two_arguments(args: tuple[str, ...], expected: str) -> None:
    assert decision({"path": "/s", "allowedArgs": ["x"]}, "/s", args) == expected
