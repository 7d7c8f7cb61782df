"""Judges the cases of a suite, and compares."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from policy.changes import PolicyApplied
from policy.documents import Document
from policy.expectations.suite import Case, Suite
from policy.expectations.written import DEFAULT_POSTURE, Expected, ExpectedPosture, given
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import PostureReference, RuleReference, Verdict

Compared = str | int | bool | None
"""What is compared, in plain values; tags are one text."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not as it was expected."""

    field: str
    """As in `expect`, such as `decision` or `posture.mode`."""
    expected: Compared
    found: Compared
    """None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of a case."""

    suite: Suite
    case: Case
    verdict: Verdict
    differences: tuple[Difference, ...]
    """Empty where all is as expected."""
    selected: bool
    """Whether any rule of any policy selects the workload."""

    @property
    def passed(self) -> bool:
        """Whether the verdict is as expected."""
        return not self.differences


def run(suite: Suite, documents: Sequence[Document]) -> tuple[CaseResult, ...]:
    """Judge every case of `suite` with `documents` in force, applied in their order."""
    policy_set = PolicySet.empty()
    policies = [PolicyApplied(document=msgspec.Raw(one.canonical)) for one in documents]
    for offset, change in enumerate((*suite.world, *policies)):
        policy_set = policy_set.apply(change, offset)
    return tuple(_run(suite, case, policy_set) for case in suite.cases)


def _run(suite: Suite, case: Case, policy_set: PolicySet) -> CaseResult:
    verdict = judge(case.event, policy_set.for_workload(case.workload))
    return CaseResult(
        suite=suite,
        case=case,
        verdict=verdict,
        differences=differences(case.expected, verdict),
        selected=any(policy_set.rules_for(case.workload).values()),
    )


def differences(expected: Expected, verdict: Verdict) -> tuple[Difference, ...]:
    """What of `verdict` is not as expected, in the order of `expect`'s fields."""
    by = verdict.decided_by
    found: dict[str, Compared] = {
        "decision": verdict.decision,
        "alert": verdict.alert,
        "reason": verdict.reason.value,
        "policy": _policy(expected.policy, by),
        "rule": by.place if isinstance(by, RuleReference) else None,
        "action": verdict.action or None,
        "severity": verdict.severity,
        "tags": ", ".join(verdict.tags) or None,
        "message": verdict.message or None,
    }
    wanted: dict[str, Compared] = {
        name: _plain(getattr(expected, name)) for name in found if name in expected.model_fields_set
    }
    if expected.posture is not None:
        posture = by if isinstance(by, PostureReference) else None
        wanted |= _wanted_of(expected.posture)
        found |= _found_of(posture)
    return tuple(
        Difference(field=name, expected=value, found=found[name])
        for name, value in wanted.items()
        if value != found[name]
    )


def _plain(value: Compared | tuple[str, ...]) -> Compared:
    if isinstance(value, tuple):
        return ", ".join(value) or None
    return None if value == "" else value


def _policy(expected: str | None, by: RuleReference | PostureReference | None) -> str | None:
    """The policy that decided, named as the expectation names its own where both are the same."""
    if by is None:
        return None
    if isinstance(by, PostureReference):
        return DEFAULT_POSTURE
    whole = f"{by.namespace}/{by.policy}" if by.namespace else by.policy
    return by.policy if expected == by.policy else whole


def _wanted_of(posture: ExpectedPosture) -> dict[str, Compared]:
    fields = {f"posture.{name}": value for name, value in given(posture).items()}
    return fields or {"posture": "any"}


def _found_of(by: PostureReference | None) -> dict[str, Compared]:
    return {
        "posture": "any" if by else None,
        "posture.kind": by.posture if by else None,
        "posture.mode": by.mode if by else None,
        "posture.origin": by.origin if by else None,
    }
