"""The page, read aloud for one event."""

from tests.reference.questions import questions_of
from tests.reference.rules import rules_of
from tests.reference.ruling import rule_on
from tests.reference.selection import selects
from tests.reference.standing import mode
from tests.reference.world import Event, Said, World

BAD = ["allow", "audit", "unknown", "block"]


def says(world: World, event: Event) -> Said:
    """What the page says."""
    if world.workload["kind"] == "container" and not world.workload["complete"]:
        return Said("unknown", "Audit", "identity-incomplete", alert=True)
    if mode(world) == "disabled":
        return Said("allow", "", "disabled-workload")
    documents = [one for one in world.documents if selects(one, world.workload)]
    worst: Said | None = None
    for question in questions_of(event):
        rules = [rule for one in documents for rule in rules_of(one, question["section"])]
        said = rule_on(world, rules, question)
        if worst is None or _badness(said) > _badness(worst):
            worst = said
    assert worst is not None
    return worst


def _badness(said: Said) -> tuple[int, bool, bool]:
    return (BAD.index(said.decision), said.action == "Audit (Block)", said.alert)
