"""Of rules that are equally specific, which outcome wins: every pair, in either order."""

import itertools
from typing import Any

import pytest

from policy.changes import SettingsChanged
from policy.judge import judge
from policy.ruling import Outcome
from policy.verdict import PostureReference, RuleReference
from tests.fixtures.policies import applied, execution, pod, policy_set

# Rules about /a, and what each makes of an exec by another user than the owner with arguments unknown.
RULES: dict[Outcome, dict[str, Any]] = {
    Outcome.ALLOW: {"action": "Allow"},
    Outcome.PASS: {"action": "Block", "pts": False},
    Outcome.ALLOW_OR_MISS: {"action": "Allow", "allowedArgs": ["x"]},
    Outcome.MISS: {"action": "Allow", "ownerOnly": True},
    Outcome.PASS_OR_DENY: {"action": "Block", "allowedArgs": ["x"]},
    Outcome.DENY: {"action": "Block"},
}
WORST_LAST = [
    Outcome.ALLOW,
    Outcome.PASS,
    Outcome.ALLOW_OR_MISS,
    Outcome.MISS,
    Outcome.PASS_OR_DENY,
    Outcome.DENY,
]
DECISIONS = {
    Outcome.ALLOW: "allow",
    Outcome.PASS: "allow",
    Outcome.ALLOW_OR_MISS: "unknown",
    Outcome.MISS: "block",
    Outcome.PASS_OR_DENY: "unknown",
    Outcome.DENY: "block",
}
EVENT = execution("/a", uid=1, owner_uid=2, args=("a", "x"), args_redacted=True)


def name_of(outcome: Outcome) -> str:
    return outcome.name.lower().replace("_", "-")


def decided(*outcomes: Outcome) -> tuple[str, str]:
    """The decision, and the policy or posture that is credited, by policies named after their outcomes."""
    changes = [
        applied(
            {"process": {"matchPaths": [{"path": "/a", **RULES[one]}]}}, one.name.lower().replace("_", "-")
        )
        for one in outcomes
    ]
    current = policy_set(SettingsChanged(file_posture="block"), *changes)
    verdict = judge(EVENT, current.for_workload(pod()))
    by = verdict.decided_by
    assert isinstance(by, RuleReference | PostureReference)
    return verdict.decision, by.policy if isinstance(by, RuleReference) else "posture"


def credited(outcome: Outcome) -> tuple[str, str]:
    return DECISIONS[outcome], "posture" if outcome is Outcome.MISS else name_of(outcome)


@pytest.mark.parametrize("outcome", WORST_LAST)
def test_each_alone(outcome: Outcome) -> None:
    assert decided(outcome) == credited(outcome)


@pytest.mark.parametrize(("lesser", "greater"), list(itertools.combinations(WORST_LAST, 2)))
def test_the_worse_of_two_decides(lesser: Outcome, greater: Outcome) -> None:
    assert decided(lesser, greater) == decided(greater, lesser) == credited(greater)


def test_of_equals_the_policy_applied_first_is_credited() -> None:
    block = {"process": {"matchPaths": [{"path": "/a"}]}}
    current = policy_set(applied(block, "first"), applied(block, "second"))
    by = judge(EVENT, current.for_workload(pod())).decided_by
    assert isinstance(by, RuleReference)
    assert by.policy == "first"
