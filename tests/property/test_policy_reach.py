"""Random worlds are worth as much as what they reach: every reason, and every qualifier on every action."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings

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


def reached(kind: str, examples: int) -> Counter[Met]:
    """How often each thing is met in so many worlds, the same ones each time."""
    seen: Counter[Met] = Counter()

    def count(happening: Happening) -> None:
        for event in happening.events:
            seen.update(met(happening.world, event))

    once = settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    run: Callable[[], None] = once(given(happenings((kind,)))(count))
    run()
    return seen


@pytest.mark.parametrize("kind", ["process", "file"])
def test_every_qualifier_permits_and_forbids_on_every_action(kind: str) -> None:
    seen = reached(kind, 400)
    wanted: list[Met] = [
        (kind, action, qualifier, said)
        for action in ACTIONS
        for qualifier in QUALIFIERS[kind]
        for said in ("permit", "forbid")
    ]
    if kind == "process":
        wanted += [(kind, action, "ownerOnly", "owner-unknown") for action in ("Audit", "Block")]
        wanted += [
            (kind, action, "allowedArgs", "arguments-unknown") for action in ("Allow", "Audit", "Block")
        ]
        wanted += [("reason", reason.value) for reason in Reason]
    wanted += [(kind, action, "fromSource") for action in ACTIONS]
    assert not [one for one in wanted if not seen[one]]


@pytest.mark.parametrize("kind", ["network", "dns", "capability"])
def test_rules_about_words_meet_with_every_action_and_source(kind: str) -> None:
    seen = reached(kind, 200)
    section = kind if kind == "dns" else SECTIONS[kind]
    wanted: list[Met] = [(section, action, *more) for action in ACTIONS for more in ((), ("fromSource",))]
    wanted += [("reason", f"posture-{mode}") for mode in ("audit", "allow", "block")]
    assert not [one for one in wanted if not seen[one]]


def test_system_calls_and_presets_are_met() -> None:
    wanted: list[Met] = [("syscalls", "Audit"), ("syscalls", "Audit", "fromSource")]
    assert all(map(reached("syscall", 100).get, wanted))
    wanted = [("presets", "Audit"), ("presets", "Block")]
    assert all(map(reached("memory", 100).get, wanted))
