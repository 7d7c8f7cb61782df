"""Random worlds: documents, namespaces, settings and a workload, with events that happen in it."""

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.property.documents import ABSENT, any_of, documents, often, seldom, some
from tests.property.events import EVENTS, twins
from tests.reference.standing import KINDS
from tests.reference.world import Event, World

POSTURES = ["file", "network", "capabilities"]
VISIBILITY = ["process", "file,network", "PROCESS, File", "none", "capabilities", "junk", ""]


MODES = ["audit", "block", "allow"]
GLOBAL = any_of(**{f"{kind}_posture": MODES for kind in POSTURES})
OF_HOSTS = any_of(**{f"host_{kind}_posture": MODES for kind in POSTURES})
ANNOTATED = ["audit", "block", "BLOCK", "allow", "off"]
ANNOTATIONS = any_of(
    **{f"kubearmor-{kind}-posture": [ABSENT] * 4 + ANNOTATED for kind in POSTURES},
    **{"kubearmor-visibility": [ABSENT] * 7 + VISIBILITY},
)


class Happening(NamedTuple):
    """A world and what happens in it, mostly events of one kind."""

    world: World
    events: list[Event]
    focus: str


@st.composite
def workloads(draw: st.DrawFn) -> dict[str, Any]:
    """A container, less often a node."""
    labels = draw(
        st.sampled_from(
            [
                {"app": "web"},
                {"app": "web", "tier": "front", "pod-template-hash": "h"},
                {"app": "web", "pod-template-hash": "h"},
                {"app": "db"},
            ]
        )
    )
    annotations = {"kubearmor-visibility": draw(st.sampled_from(VISIBILITY))} if draw(seldom) else {}
    if draw(seldom):
        name = (
            {"kubernetes.io/hostname": draw(st.sampled_from(["node-1", "node-2", ""]))}
            if draw(seldom)
            else {}
        )
        return {"kind": "host", "node": "node-1", "labels": labels | name, "annotations": annotations}
    if draw(seldom):
        written = st.sampled_from(["audited", "Audited", "disabled", "enabled", "junk"])
        annotations = annotations | {"kubearmor-policy": draw(written)}
    return {
        "kind": "container",
        "node": "node-1",
        "complete": draw(st.sampled_from([True] * 15 + [False])),
        "namespace": draw(st.sampled_from(["ns"] * 8 + ["other", "kube-system", "default"])),
        "container": draw(st.sampled_from(["web", "web", "side"])),
        "labels": labels,
        "annotations": annotations,
    }


@st.composite
def settings(draw: st.DrawFn) -> dict[str, Any]:
    """Global settings, some of them left alone."""
    chosen = draw(GLOBAL) | draw(OF_HOSTS)
    if draw(seldom):
        chosen["visibility"] = some(draw, KINDS, most=4)
    if draw(seldom):
        chosen["host_visibility"] = some(draw, KINDS, most=4)
    if draw(seldom):
        chosen["match_args"] = draw(st.booleans())
    if draw(st.sampled_from([True] + [False] * 15)):
        chosen["untracked_namespaces"] = some(draw, ["ns", "other"])
    return chosen


@st.composite
def happenings(draw: st.DrawFn, kinds: tuple[str, ...] = tuple(EVENTS)) -> Happening:
    """Several events in one world, so that what one leaves in a memory meets the next."""
    focus = draw(st.sampled_from(kinds))
    workload = draw(workloads())
    number = draw(st.integers(1, 3))
    for_host = workload["kind"] == "host"
    world = World(
        documents=[draw(documents(f"p{i}", focus, for_host=for_host)) for i in range(number)],
        workload=workload,
        namespaces={"ns": draw(ANNOTATIONS)} if draw(often) else {},
        settings=draw(settings()),
    )
    events = draw(st.lists(EVENTS[focus], min_size=2, max_size=6))
    events += draw(st.lists(twins(events), min_size=1, max_size=3))
    if draw(seldom):
        events.append(draw(st.one_of(*EVENTS.values())))
    return Happening(world, events, focus)
