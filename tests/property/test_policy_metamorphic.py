"""What must not matter, and what may only matter one way: no second opinion is needed for these."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from policy.changes import NamespaceChanged, PolicyDeleted, SettingsChanged
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.rules import Rules
from policy.sections.judging import worst
from tests.property.documents import RULES, documents
from tests.property.events import EVENTS
from tests.property.profile import metamorphic
from tests.property.told import applied, event_of, policy_set_of, said, workload_of
from tests.property.worlds import Happening, happenings
from tests.reference.world import Event, Said, World

pytestmark = pytest.mark.timeout(7200)
"""The long profile takes its time."""

Document = dict[str, Any]


def rules_of(world: World) -> Rules:
    return policy_set_of(world).for_workload(workload_of(world))


def verdicts(world: World, events: list[Event]) -> list[Said]:
    rules = rules_of(world)
    return [said(judge(event_of(one), rules)) for one in events]


def apart_from_credit(one: Said) -> tuple[str, str, bool, bool]:
    return (one.decision, one.action, one.alert, one.by.startswith("posture"))


def would_deny(one: Said) -> bool:
    return one.decision == "block" or one.action == "Audit (Block)"


def with_action(document: Document, action: str) -> Document:
    """The same document, every rule of it with this action."""
    result = copy.deepcopy(document)
    spec = result["spec"]
    levels = [spec, *spec.get("presets", [])]
    for name in RULES:
        section = spec.get(name, {})
        levels += [section, *(rule for group in RULES[name] for rule in section.get(group, []))]
    for level in levels:
        level.pop("action", None)
    spec["action"] = action
    return result


def without_qualifiers(document: Document) -> Document:
    """The same document, no rule of it with conditions that permit anything."""
    result = copy.deepcopy(document)
    for name in ("process", "file"):
        for group in RULES[name]:
            for rule in result["spec"].get(name, {}).get(group, []):
                for qualifier in ("ownerOnly", "pts", "allowedArgs", "readOnly"):
                    rule.pop(qualifier, None)
    return result


@st.composite
def extended(draw: st.DrawFn) -> tuple[Happening, Document, World]:
    """A happening, one more document that is about the same things, and a place for it among the others."""
    happening = draw(happenings())
    host = happening.world.workload["kind"] == "host"
    more = draw(documents("more", happening.focus, for_host=host))
    return happening, more, happening.world


def inserted(world: World, document: Document, place: int) -> World:
    place %= len(world.documents) + 1
    return replace(world, documents=[*world.documents[:place], document, *world.documents[place:]])


@metamorphic
@given(happenings(), st.randoms(use_true_random=False))
def test_order_of_documents_matters_only_for_credit(happening: Happening, random: Any) -> None:
    shuffled = list(happening.world.documents)
    random.shuffle(shuffled)
    before = verdicts(happening.world, happening.events)
    after = verdicts(replace(happening.world, documents=shuffled), happening.events)
    assert list(map(apart_from_credit, after)) == list(map(apart_from_credit, before))


@metamorphic
@given(extended(), st.integers(0, 3))
def test_policy_that_selects_somebody_else_changes_nothing(
    given_: tuple[Happening, Document, World], place: int
) -> None:
    happening, more, world = given_
    elsewhere = {"kind": "KubeArmorPolicy", "metadata": {"name": "more", "namespace": "elsewhere"}}
    spec = {key: value for key, value in more["spec"].items() if key not in {"selector", "nodeSelector"}}
    assert verdicts(inserted(world, {**elsewhere, "spec": spec}, place), happening.events) == verdicts(
        world, happening.events
    )


@metamorphic
@given(extended(), st.integers(0, 3))
def test_policy_of_the_other_kind_of_workload_changes_nothing(
    given_: tuple[Happening, Document, World], place: int
) -> None:
    happening, more, world = given_
    spec = {key: value for key, value in more["spec"].items() if key not in {"selector", "nodeSelector"}}
    kind = "KubeArmorClusterPolicy" if world.workload["kind"] == "host" else "KubeArmorHostPolicy"
    unselected = {"kind": kind, "metadata": {"name": "more"}, "spec": spec}
    assert verdicts(inserted(world, unselected, place), happening.events) == verdicts(world, happening.events)


@metamorphic
@given(happenings())
def test_audit_posture_never_denies(happening: Happening) -> None:
    world = happening.world
    settings = {key: "audit" if key.endswith("_posture") else value for key, value in world.settings.items()}
    annotations = {
        name: {key: "audit" if key.endswith("-posture") else value for key, value in one.items()}
        for name, one in world.namespaces.items()
    }
    for one in verdicts(replace(world, settings=settings, namespaces=annotations), happening.events):
        assert not (one.by.startswith("posture") and would_deny(one))


@metamorphic
@given(extended(), st.integers(0, 3))
def test_audit_rules_never_change_what_is_allowed(
    given_: tuple[Happening, Document, World], place: int
) -> None:
    happening, more, world = given_
    before = verdicts(world, happening.events)
    after = verdicts(inserted(world, with_action(more, "Audit"), place), happening.events)
    for one, other in zip(before, after, strict=True):
        assert would_deny(other) == would_deny(one)
        if would_deny(one):
            assert other == one


@metamorphic
@given(extended(), st.integers(0, 3))
def test_block_rules_without_qualifiers_never_allow_more(
    given_: tuple[Happening, Document, World], place: int
) -> None:
    happening, more, world = given_
    before = verdicts(world, happening.events)
    blocking = without_qualifiers(with_action(more, "Block"))
    after = verdicts(inserted(world, blocking, place), happening.events)
    assert all(would_deny(other) >= would_deny(one) for one, other in zip(before, after, strict=True))


@metamorphic
@given(happenings())
def test_order_and_number_of_questions_do_not_matter(happening: Happening) -> None:
    events = [event_of(one) for one in happening.events]
    rules, others = rules_of(happening.world), rules_of(happening.world)
    forwards = [judge(one, rules) for one in events]
    backwards = [judge(one, others) for one in reversed(events)][::-1]
    assert forwards == backwards
    assert [judge(one, rules) for one in reversed(events)][::-1] == forwards


@metamorphic
@given(happenings())
def test_explanation_ends_in_the_verdict(happening: Happening) -> None:
    rules = rules_of(happening.world)
    for one in happening.events:
        event = event_of(one)
        inquiries = [each for asked in rules.judges_of(type(event)) for each in asked.inquire(event)]
        assert worst([each.verdict for each in inquiries]) == judge(event, rules)
        for each in inquiries:
            ranked = each.ranked
            told = [one.order for one in (*ranked.competing, *ranked.audits)]
            told += [one.order for one in each.unmet]
            assert sorted(told) == list(range(len(told)))


@metamorphic
@given(happenings(), st.integers(0, 2))
def test_applying_a_document_again_changes_nothing(happening: Happening, which: int) -> None:
    before = policy_set_of(happening.world)
    again = happening.world.documents[which % len(happening.world.documents)]
    after = before.apply(applied(again), before.offset + 1)
    assert after.hash == before.hash
    assert after.offset == before.offset + 1
    workload = workload_of(happening.world)
    for one in map(event_of, happening.events):
        assert judge(one, after.for_workload(workload)) == judge(one, before.for_workload(workload))


def by_a_detour(world: World, more: Document) -> PolicySet:
    """The same content, with documents and annotations that come and go, and keys in another order."""
    namespace = more["metadata"].get("namespace", "")
    gone = PolicyDeleted(kind=more["kind"], namespace=namespace, name="more")
    start = policy_set_of(replace(world, documents=[more, *world.documents[:1]], settings={}))
    start = start.apply(NamespaceChanged(namespace="later", annotations={"x": "y"}), 90).apply(gone, 91)
    policy_set = start.apply(NamespaceChanged(namespace="later", annotations={"x": None}), 92)
    wanted = policy_set_of(replace(world, documents=[])).settings
    patch: dict[str, Any] = {field: getattr(wanted, field) for field in wanted.__struct_fields__}
    policy_set = policy_set.apply(SettingsChanged(**patch), 93)
    for offset, document in enumerate(world.documents[1:], start=94):
        upside_down = dict(reversed(document.items()))
        policy_set = policy_set.apply(applied(upside_down), offset)
    return policy_set


@metamorphic
@given(extended())
def test_hash_depends_on_content_alone(given_: tuple[Happening, Document, World]) -> None:
    _, more, world = given_
    direct, detour = policy_set_of(world), by_a_detour(world, more)
    assert detour.hash == direct.hash
    assert detour.offset != direct.offset
    assert detour.apply(applied(more), 200).hash != direct.hash


@metamorphic
@given(happenings())
def test_hash_tells_every_document_apart(happening: Happening) -> None:
    world = happening.world
    changed = copy.deepcopy(world.documents)
    changed[0]["spec"]["message"] = "another"
    assert policy_set_of(replace(world, documents=changed)).hash != policy_set_of(world).hash
    assume(len(changed) > 1)
    swapped = [*world.documents[1:], world.documents[0]]
    assert policy_set_of(replace(world, documents=swapped)).hash != policy_set_of(world).hash


@metamorphic
@given(happenings(), st.data())
def test_incomplete_identity_is_never_enforced(happening: Happening, data: st.DataObject) -> None:
    assume(happening.world.workload["kind"] == "container")
    workload = happening.world.workload | {"complete": False}
    event = data.draw(EVENTS[happening.focus])
    (one,) = verdicts(replace(happening.world, workload=workload), [event])
    assert one == Said("unknown", "Audit", "identity-incomplete", alert=True)
