"""Random worlds are worth as much as what they reach: every reason, and every qualifier on every action."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from policy.verdict import Reason
from tests.property.documents import SECTIONS
from tests.property.worlds import Happening, happenings
from tests.reference.judge import says
from tests.reference.matching import is_about
from tests.reference.qualifiers import answer
from tests.reference.questions import questions_of
from tests.reference.rules import rules_of
from tests.reference.selection import selects
from tests.reference.world import Event, World

ACTIONS = ["Allow", "Audit", "Block"]
QUALIFIERS = {
    "process": ["ownerOnly", "pts", "allowedArgs"],
    "file": ["ownerOnly", "pts", "readOnly"],
}

Met = tuple[str, ...]


def met(world: World, event: Event) -> Iterator[Met]:
    """What meets at one event: the verdict's reason, and of each rule about it action and qualifiers."""
    yield ("reason", says(world, event).reason)
    documents = [one for one in world.documents if selects(one, world.workload)]
    for question in questions_of(event):
        section = question["section"]
        for rule in (rule for one in documents for rule in rules_of(one, section)):
            if not is_about(rule, question):
                continue
            yield (section, rule["action"])
            if rule.get("fromSource"):
                yield (section, rule["action"], "fromSource")
            for qualifier in QUALIFIERS.get(section, []):
                alone = {key: rule[key] for key in [qualifier] if key in rule}
                yield (section, rule["action"], qualifier, answer(alone, question, match_args=True))


BATCH, BATCHES = 100, 60
"""Worlds that are looked at together, and how often at most. A handful of batches is usual."""


def unreached(kind: str, wanted: list[Met]) -> list[Met]:
    """What of `wanted` never met."""
    seen: set[Met] = set()

    def note(happening: Happening) -> None:
        for event in happening.events:
            seen.update(met(happening.world, event))

    once = settings(
        max_examples=BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    for batch in range(BATCHES):
        run: Callable[[], None] = seed(batch)(once(given(happenings((kind,)))(note)))
        run()
        if seen.issuperset(wanted):
            break
    return [one for one in wanted if one not in seen]


@pytest.mark.parametrize("kind", ["process", "file"])
def test_every_qualifier_permits_and_forbids_on_every_action(kind: str) -> None:
    wanted: list[Met] = [
        (kind, action, qualifier, said)
        for action in ACTIONS
        for qualifier in QUALIFIERS[kind]
        for said in ("none", "permit", "forbid")
    ]
    wanted += [(kind, action, "fromSource") for action in ACTIONS]
    if kind == "process":
        wanted += [(kind, action, "ownerOnly", "owner-unknown") for action in ACTIONS]
        wanted += [(kind, action, "allowedArgs", "arguments-unknown") for action in ACTIONS]
        wanted += [("reason", reason.value) for reason in Reason]
    assert not unreached(kind, wanted)


@pytest.mark.parametrize("kind", ["network", "dns", "capability"])
def test_rules_about_words_meet_with_every_action_and_source(kind: str) -> None:
    section = kind if kind == "dns" else SECTIONS[kind]
    wanted: list[Met] = [(section, action, *more) for action in ACTIONS for more in ((), ("fromSource",))]
    wanted += [("reason", f"posture-{mode}") for mode in ("audit", "allow", "block")]
    assert not unreached(kind, wanted)


def test_system_calls_are_met() -> None:
    assert not unreached("syscall", [("syscalls", "Audit"), ("syscalls", "Audit", "fromSource")])


@pytest.mark.parametrize("kind", ["process", "file", "memory"])
def test_presets_are_met(kind: str) -> None:
    assert not unreached(kind, [("presets", "Audit"), ("presets", "Block")])
