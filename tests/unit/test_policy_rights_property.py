"""Differences between random policy sets: nothing between equal ones, mirrored, and true of the judge."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.events import (
    CapabilityEvent,
    DnsEvent,
    Executable,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    ProcessEvent,
    SyscallEvent,
)
from policy.explanation import explain
from policy.judge import judge
from policy.rights.difference import (
    ChangeKind,
    Consequence,
    Difference,
    GroupDifference,
    RightChange,
    SectionDifference,
    Setting,
    change_of,
    difference,
)
from policy.rights.matrix import matrix_of
from policy.verdict import Verdict
from policy.workload import Workload
from tests.fixtures.policies import applied, host, pod, policy_set

AT: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 0, "start_ns": 0}
PATHS = ["/a/b/c", "/a/b/c", "/a/b", "/a/d", "/e"]
DIRECTORIES = ["/", "/a/", "/a/b/", "/a/b/c/"]
PATTERNS = ["/a/*", "/a/**", "/**/c", "/{a,e}/[bd]"]
SOURCES = ["/s", "/t"]

sometimes = st.sampled_from([True, False, False])
actions = st.sampled_from(["Allow", "Audit", "Block", None])


def labelled(draw: st.DrawFn, rule: dict[str, Any]) -> dict[str, Any]:
    action = draw(actions)
    if action:
        rule["action"] = action
    if draw(sometimes):
        rule["severity"] = draw(st.integers(1, 2))
    return rule


def from_source(draw: st.DrawFn, rule: dict[str, Any]) -> dict[str, Any]:
    if draw(sometimes):
        rule["fromSource"] = [{"path": path} for path in draw(st.sets(st.sampled_from(SOURCES), min_size=1))]
    return rule


def qualified(draw: st.DrawFn, kind: str, rule: dict[str, Any]) -> dict[str, Any]:
    if draw(sometimes):
        rule["ownerOnly"] = True
    if "pattern" not in rule and draw(sometimes):
        rule["pts"] = False
    if kind == "file" and draw(sometimes):
        rule["readOnly"] = True
    return labelled(draw, rule)


@st.composite
def path_rules(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"path": draw(st.sampled_from(PATHS))}
    if kind == "process" and draw(sometimes):
        rule = {"execname": draw(st.sampled_from(["c", "d"]))}
    if kind == "process" and draw(sometimes):
        rule["allowedArgs"] = ["x"]
    return from_source(draw, qualified(draw, kind, rule))


@st.composite
def directory_rules(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    rule = {"dir": draw(st.sampled_from(DIRECTORIES)), "recursive": draw(st.booleans())}
    return from_source(draw, qualified(draw, kind, rule))


@st.composite
def pattern_rules(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    return qualified(draw, kind, {"pattern": draw(st.sampled_from(PATTERNS))})


def path_sections(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "matchPaths": st.lists(path_rules(kind), max_size=2),
            "matchDirectories": st.lists(directory_rules(kind), max_size=2),
            "matchPatterns": st.lists(pattern_rules(kind), max_size=1),
        }
    )


@st.composite
def specs(draw: st.DrawFn) -> dict[str, Any]:
    def some(rule: st.SearchStrategy[dict[str, Any]]) -> list[dict[str, Any]]:
        return [labelled(draw, from_source(draw, one)) for one in draw(st.lists(rule, max_size=2))]

    def named(field: str, words: list[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.sampled_from(words).map(lambda word: {field: word})

    written: dict[str, Any] = {
        "process": draw(path_sections("process")),
        "file": draw(path_sections("file")),
        "network": {
            "matchProtocols": some(named("protocol", ["tcp", "udp", "stream,dgram", "all"])),
            "matchDNSQueries": some(named("domain", ["example.com", "a.example.com"])),
        },
        "capabilities": {"matchCapabilities": some(named("capability", ["net_raw", "chown"]))},
        "presets": [
            {"name": name, "action": draw(st.sampled_from(["Audit", "Block"]))}
            for name in sorted(draw(st.sets(st.sampled_from(["exec", "protectEnv", "anonymousMapExec"]))))
        ],
        "syscalls": {
            "matchSyscalls": [
                {"syscall": ["unlink"], "severity": number}
                for number in draw(st.lists(st.integers(1, 2), max_size=1))
            ]
        },
    }
    kept = draw(st.sets(st.sampled_from(sorted(written)), min_size=1, max_size=3))
    return {name: section for name, section in written.items() if name in kept}


@st.composite
def documents(draw: st.DrawFn, number: int) -> Change:
    spec = draw(specs())
    kind = draw(st.sampled_from(["KubeArmorPolicy"] * 3 + ["KubeArmorClusterPolicy", "KubeArmorHostPolicy"]))
    name = f"p{number}"
    if kind == "KubeArmorHostPolicy":
        return applied(spec, name, "", kind=kind)
    if kind == "KubeArmorClusterPolicy":
        named = st.sampled_from(["ns", "other"])
        expression = {"key": "namespace", "operator": draw(st.sampled_from(["In", "NotIn"]))}
        spec["selector"] = {"matchExpressions": [expression | {"values": [draw(named)]}]}
        return applied(spec, name, "", kind=kind)
    labels = draw(st.sampled_from([{}, {"app": "web"}, {"tier": "front"}]))
    return applied(spec | {"selector": {"matchLabels": labels}}, name)


@st.composite
def sets(draw: st.DrawFn) -> list[Change]:
    changes: list[Change] = [draw(documents(number)) for number in range(draw(st.integers(0, 2)))]
    modes = {"audit", "block"}
    for kind in draw(st.sets(st.sampled_from(["file", "network", "capabilities"]))):
        annotations = {f"kubearmor-{kind}-posture": draw(st.sampled_from(sorted(modes)))}
        changes.append(NamespaceChanged(namespace="ns", annotations=annotations))
    if draw(sometimes):
        changes.append(SettingsChanged(file_posture=draw(st.sampled_from(["allow", "block"]))))
    return changes


@st.composite
def events(draw: st.DrawFn) -> JudgedEvent:
    path = draw(st.sampled_from([*PATHS, "/a/x", "/z/c", "/a/b/x/y"]))
    actor = Executable(path=draw(st.sampled_from([*SOURCES, "/u"])))
    who: dict[str, Any] = {"uid": draw(st.sampled_from([0, 1000])), "tty": draw(st.sampled_from(["", "t"]))}
    execution = ProcessEvent(
        **AT,
        **who,
        executable=Executable(path=path),
        source=actor,
        args=(path, *draw(st.lists(st.sampled_from("xy"), max_size=1))),
        entered=draw(sometimes),
    )
    acting = AT | who | {"actor": actor}
    kinds = draw(st.sampled_from([1, 2])), draw(st.sampled_from([0, 1, 6]))
    every: list[JudgedEvent] = [
        execution,
        FileEvent(**acting, access=draw(st.sampled_from(["read", "write", "unlink"])), path=path),
        NetworkEvent(**acting, family=2, type=kinds[0], protocol=kinds[1]),
        DnsEvent(**acting, name=draw(st.sampled_from(["example.com", "a.example.com", "b.test"]))),
        CapabilityEvent(**acting, capability=draw(st.sampled_from(["net_raw", "chown", "bpf"]))),
        SyscallEvent(**acting, syscall=draw(st.sampled_from(["unlink", "rmdir"]))),
        MemoryEvent(**acting),
    ]
    return draw(st.sampled_from(every))


def swapped(found: Difference) -> Difference:
    kinds: dict[ChangeKind, ChangeKind] = {"newly-denied": "newly-allowed", "newly-allowed": "newly-denied"}

    def section(one: SectionDifference) -> SectionDifference:
        return SectionDifference(
            section=one.section,
            allow_list=one.allow_list and (one.allow_list[1], one.allow_list[0]),
            default=one.default and (one.default[1], one.default[0]),
            added=one.removed,
            removed=one.added,
            changed=tuple(RightChange(before=two.after, after=two.before) for two in one.changed),
        )

    def consequence(one: Consequence) -> Consequence:
        kind = kinds.get(one.change, one.change)
        return msgspec.structs.replace(one, change=kind, before=one.after, after=one.before)

    def group(one: GroupDifference) -> GroupDifference:
        return msgspec.structs.replace(
            one,
            settings=tuple(
                Setting(name=two.name, before=two.after, after=two.before) for two in one.settings
            ),
            sections=tuple(map(section, one.sections)),
            consequences=tuple(map(consequence, one.consequences)),
        )

    return msgspec.structs.replace(
        found, before=found.after, after=found.before, groups=tuple(map(group, found.groups))
    )


def answer(changes: list[Change], event: JudgedEvent, workload: Workload) -> Verdict:
    return judge(event, policy_set(*changes).for_workload(workload))


@given(sets())
@settings(max_examples=15, deadline=None)
def test_a_set_differs_in_nothing_from_itself(changes: list[Change]) -> None:
    assert difference(policy_set(*changes), policy_set(*changes)).groups == ()


@given(sets(), sets())
@settings(max_examples=20, deadline=None)
def test_the_other_way_round_it_is_mirrored(one: list[Change], two: list[Change]) -> None:
    there, back = (difference(policy_set(*a), policy_set(*b)) for a, b in ((one, two), (two, one)))
    assert back == swapped(there)


@given(sets(), sets())
@settings(max_examples=20, deadline=None)
def test_whatever_is_reported_is_what_the_judge_says(one: list[Change], two: list[Change]) -> None:
    for group in difference(policy_set(*one), policy_set(*two)).groups:
        for found in group.consequences:
            before, after = (answer(side, found.event, group.workload) for side in (one, two))
            assert (found.before, found.after) == (before, after)
            assert found.change == change_of(before, after)


@given(sets(), sets(), events(), st.sampled_from([{}, {"app": "web"}, {"app": "web", "tier": "front"}]))
@settings(max_examples=30, deadline=None)
def test_what_an_event_shows_is_reported(
    one: list[Change], two: list[Change], event: JudgedEvent, labels: dict[str, str]
) -> None:
    """If any event is answered differently, the difference has a consequence of that kind."""
    for workload in (pod(labels=labels), host()):
        change = change_of(answer(one, event, workload), answer(two, event, workload))
        found = difference(policy_set(*one), policy_set(*two), [workload])
        if change is not None:
            assert found.number(change)
            made_up = difference(policy_set(*one), policy_set(*two))
            assert made_up.number(change)


@given(sets(), events())
@settings(max_examples=60, deadline=None)
def test_an_explanation_ends_in_what_the_judge_says(changes: list[Change], event: JudgedEvent) -> None:
    rules = policy_set(*changes).for_workload(pod())
    found = explain(event, rules)
    assert found.verdict == judge(event, rules)
    matrix = matrix_of(policy_set(*changes), pod())
    never = {
        (right.rule.policy, right.rule.place, right.target)
        for section in matrix.sections
        for right in section.rights
        if right.shadowed_by is not None
    }
    asked = {id(one): one for judge_ in rules.judges_of(type(event)) for one in [judge_]}
    assert len(found.questions) >= len(asked)
    for question in found.questions:
        decides = [one for one in (*question.competing, *question.audits) if one.decides]
        assert len(decides) <= 1
        assert never.isdisjoint((one.rule.policy, one.rule.place, one.target) for one in decides)
        by = question.verdict.decided_by
        if by is not None and hasattr(by, "place"):
            assert [one.rule for one in decides] == [by]
