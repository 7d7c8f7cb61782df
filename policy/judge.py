"""The judge: an event and the rules of its workload in, a verdict out. Pure, and the same everywhere."""

from policy.events import Event
from policy.rules import Rules
from policy.verdict import Reason, Verdict

NOT_JUDGED = Verdict(
    decision="allow",
    reason=Reason.NO_POLICY,
    sentence="No policy is about events of this kind.",
)
"""The verdict on the end of a process, and on any other event that no section is about."""


def judge(event: Event, rules: Rules) -> Verdict:
    """Judge one event by the rules of its workload.

    Equal questions get the same object, so that callers may group by identity.
    """
    judge_event = rules.by_type[type(event)]
    return NOT_JUDGED if judge_event is None else judge_event(event)
