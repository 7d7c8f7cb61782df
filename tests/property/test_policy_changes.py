"""A set that was changed step by step, and asked in between, says what one says that never knew more."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.changes import Change, NamespaceChanged, PolicyDeleted, SettingsChanged
from policy.judge import judge
from policy.policy_set import PolicySet
from tests.property.documents import documents
from tests.property.events import EVENTS
from tests.property.profile import metamorphic
from tests.property.told import applied, event_of, policy_set_of, said, workload_of
from tests.property.worlds import ANNOTATIONS, settings, workloads
from tests.reference.judge import says
from tests.reference.world import Event, World

pytestmark = pytest.mark.timeout(7200)
"""The long profile takes its time."""

Step = dict[str, Any]


@dataclass
class History:
    """What is done, to whom, and what happens after every step."""

    steps: list[Step]
    workloads: list[dict[str, Any]]
    events: list[Event]


@st.composite
def steps(draw: st.DrawFn, focus: str) -> Step:
    """One change, as keys of what it names."""
    what = draw(st.sampled_from(["apply"] * 5 + ["delete", "annotate", "settle"]))
    if what == "apply":
        name = draw(st.sampled_from(["p", "q", "r"]))
        return {"apply": draw(documents(name, focus, for_host=draw(st.booleans())))}
    if what == "delete":
        return {"delete": draw(st.integers(0, 5))}
    if what == "annotate":
        return {"annotate": draw(ANNOTATIONS)}
    return {"settle": draw(settings())}


@st.composite
def histories(draw: st.DrawFn) -> History:
    focus = draw(st.sampled_from(list(EVENTS)))
    return History(
        steps=draw(st.lists(steps(focus), min_size=2, max_size=8)),
        workloads=draw(st.lists(workloads(), min_size=2, max_size=2)),
        events=draw(st.lists(EVENTS[focus], min_size=1, max_size=4)),
    )


def identity_of(document: dict[str, Any]) -> tuple[str, str, str]:
    kind, metadata = document["kind"], document["metadata"]
    namespace = metadata.get("namespace", "default") if kind == "KubeArmorPolicy" else ""
    return (kind, namespace, metadata["name"])


class Log:
    """The changes of a history as the policy log has them, and the world that they amount to."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str, str], dict[str, Any]] = {}
        self.world = World(documents=[], workload={})

    def take(self, step: Step) -> Change:
        """The change that a step is; `world` knows it from now on."""
        if "settle" in step:
            self.world = replace(self.world, settings={**self.world.settings, **step["settle"]})
            patch: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value
                for key, value in step["settle"].items()
            }
            return SettingsChanged(**patch)
        if "annotate" in step:
            before = self.world.namespaces.get("ns", {})
            self.world = replace(self.world, namespaces={"ns": step["annotate"]})
            return NamespaceChanged(namespace="ns", annotations={**dict.fromkeys(before), **step["annotate"]})
        if "apply" in step:
            self.documents[identity_of(step["apply"])] = step["apply"]
            change: Change = applied(step["apply"])
        else:
            known = list(self.documents) or [("KubeArmorPolicy", "ns", "p")]
            kind, namespace, name = known[step["delete"] % len(known)]
            self.documents.pop((kind, namespace, name), None)
            change = PolicyDeleted(kind=kind, namespace=namespace, name=name)
        self.world = replace(self.world, documents=list(self.documents.values()))
        return change


def expect(policy_set: PolicySet, world: World, history: History) -> None:
    """Ask a set about everything and compare with the page."""
    for number, workload in enumerate(history.workloads):
        inhabited = replace(world, workload=workload)
        known = workload_of(inhabited, str(number))
        for one in history.events:
            assert said(judge(event_of(one), policy_set.for_workload(known))) == says(inhabited, one)


@metamorphic
@given(histories(), st.lists(st.booleans(), min_size=8, max_size=8))
def test_set_that_grew_says_what_the_page_says(history: History, asked: list[bool]) -> None:
    log, policy_set = Log(), PolicySet.empty()
    earlier: list[tuple[PolicySet, World]] = []
    for offset, step in enumerate(history.steps):
        policy_set = policy_set.apply(log.take(step), offset)
        earlier.append((policy_set, log.world))
        if asked[offset]:
            expect(policy_set, log.world, history)
    expect(policy_set, log.world, history)
    for old, world in earlier:
        expect(old, world, history)


@metamorphic
@given(histories())
def test_hash_of_a_set_that_grew_is_that_of_its_content(history: History) -> None:
    log, policy_set = Log(), PolicySet.empty()
    for offset, step in enumerate(history.steps):
        policy_set = policy_set.apply(log.take(step), offset)
    assert policy_set.hash == policy_set_of(log.world).hash
