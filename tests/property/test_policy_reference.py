"""The judge against a slow, plain reading of the same page."""

import pytest
from hypothesis import event as note
from hypothesis import given

from policy.judge import judge
from tests.property.events import EVENTS
from tests.property.profile import comparisons
from tests.property.told import event_of, policy_set_of, said, workload_of
from tests.property.worlds import Happening, happenings
from tests.reference.judge import says

pytestmark = pytest.mark.timeout(7200)
"""The long profile takes its time."""

SHARES = {kind: 0.25 if kind in {"process", "file"} else 0.1 for kind in EVENTS}
"""More for what has more to it."""


@pytest.mark.parametrize("kind", EVENTS)
def test_judge_says_what_the_page_says(kind: str) -> None:
    @comparisons(SHARES[kind])
    @given(happenings((kind,)))
    def compare(happening: Happening) -> None:
        rules = policy_set_of(happening.world).for_workload(workload_of(happening.world))
        for one in happening.events:
            event = event_of(one)
            verdict = judge(event, rules)
            note(f"{one['kind']} {verdict.reason.value}")
            assert said(verdict) == says(happening.world, one)
            assert judge(event, rules) is verdict

    compare()
