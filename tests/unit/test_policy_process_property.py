"""The judge of executions against a slow, plain reading of the same page."""

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from policy.changes import NamespaceChanged, SettingsChanged
from policy.events import ProcessEvent
from policy.judge import judge
from policy.rules import Rules
from policy.verdict import PostureReference, RuleReference, Verdict
from tests.fixtures.policies import applied, execution, pod, policy_set
from tests.reference.process import Question, Said, ask

# Few of each, and most of them about /a/b/c, so that several rules meet at one execution.
PATHS = ["/a/b/c", "/a/b/c", "/a/b/c", "/a/b", "/ab/c", "/b/c"]
DIRECTORIES = ["/", "/a/", "/a/b/", "/a/b/", "/a/b/c/", "/ab/"]
PATTERNS = ["/a/b/*", "/a/**", "/**/c", "/{a,b}/b/[bc]", "/a?/c", "/a/b/[!c]"]
SOURCES = ["/s", "/t"]
ARGUMENTS = ["x", "y"]

sometimes_true = st.sampled_from([True, False, False])


def labels(draw: st.DrawFn) -> dict[str, Any]:
    written: dict[str, Any] = {}
    if draw(st.booleans()):
        written["action"] = draw(st.sampled_from(["Allow", "allow", "Audit", "AUDIT", "Block", "block"]))
    if draw(sometimes_true):
        written["severity"] = draw(st.integers(1, 10))
    if draw(sometimes_true):
        written["message"] = draw(st.sampled_from(["m", "n"]))
    if draw(sometimes_true):
        written["tags"] = draw(st.lists(st.sampled_from(["t", "u"]), max_size=2))
    return written


@st.composite
def rules(draw: st.DrawFn, group: str) -> dict[str, Any]:
    rule = labels(draw)
    if group == "matchPaths":
        if draw(st.booleans()):
            rule["path"] = draw(st.sampled_from(PATHS))
        else:
            rule["execname"] = draw(st.sampled_from(["c", "c", "b"]))
        if draw(sometimes_true):
            rule["allowedArgs"] = draw(st.lists(st.sampled_from(ARGUMENTS), max_size=2))
    elif group == "matchDirectories":
        rule["dir"] = draw(st.sampled_from(DIRECTORIES))
        rule["recursive"] = draw(st.booleans())
    else:
        rule["pattern"] = draw(st.sampled_from(PATTERNS))
    if draw(sometimes_true):
        rule["ownerOnly"] = draw(st.booleans())
    if group != "matchPatterns":
        if draw(sometimes_true):
            rule["pts"] = draw(st.booleans())
        if draw(sometimes_true):
            chosen = draw(st.lists(st.sampled_from(SOURCES), min_size=1, max_size=2))
            rule["fromSource"] = [{"path": path} for path in chosen]
    return rule


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    section: dict[str, Any] = labels(draw)
    for group in ("matchPaths", "matchDirectories", "matchPatterns"):
        section[group] = draw(st.lists(rules(group), max_size=4))
    return labels(draw) | {"process": section}


@st.composite
def worlds(draw: st.DrawFn) -> list[Question]:
    """Several executions under one policy set, so that what one leaves in the memo meets the next."""
    documents = [
        {"metadata": {"name": f"p{number}"}, "spec": spec}
        for number, spec in enumerate(draw(st.lists(specs(), min_size=1, max_size=3)))
    ]
    world = Question(
        documents=documents,
        path="",
        posture=draw(st.sampled_from(["audit", "block", "allow"])),
        audited=draw(sometimes_true),
        visible=draw(st.booleans()),
        match_args=draw(st.sampled_from([True, True, False])),
    )
    return [
        replace(
            world,
            path=draw(st.sampled_from(PATHS)),
            source=draw(st.sampled_from([*SOURCES, None])),
            owner=draw(st.sampled_from([0, 7])),
            tty=draw(st.sampled_from(["", "pts0"])),
            args=("argv0", *draw(st.lists(st.sampled_from([*ARGUMENTS, "z"]), max_size=2))),
            args_known=draw(st.sampled_from([True, True, False])),
        )
        for _ in range(draw(st.integers(1, 8)))
    ]


def rules_of(world: Question) -> Rules:
    changes = [applied(one["spec"], one["metadata"]["name"]) for one in world.documents]
    current = policy_set(
        SettingsChanged(file_posture=world.posture, match_args=world.match_args),
        NamespaceChanged(
            namespace="ns",
            annotations={"kubearmor-visibility": "process" if world.visible else "file"},
        ),
        *changes,
    )
    return current.for_workload(pod(annotations={"kubearmor-policy": "audited"} if world.audited else {}))


def event_of(question: Question) -> ProcessEvent:
    return execution(
        question.path,
        question.source,
        uid=question.uid,
        owner_uid=question.owner,
        tty=question.tty,
        args=question.args,
        args_redacted=not question.args_known,
    )


def in_words(verdict: Verdict) -> Said:
    by = verdict.decided_by
    place = ""
    if isinstance(by, RuleReference):
        place = f"{by.policy}:{by.place}"
    elif isinstance(by, PostureReference):
        place = "posture"
    return Said(
        verdict.decision,
        verdict.action,
        alert=verdict.alert,
        by=place,
        severity=verdict.severity,
        message=verdict.message,
        tags=verdict.tags,
    )


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_judge_says_what_the_page_says(world: list[Question]) -> None:
    current = rules_of(world[0])
    for question in world:
        event = event_of(question)
        verdict = judge(event, current)
        assert in_words(verdict) == ask(question)
        assert judge(event, current) is verdict
