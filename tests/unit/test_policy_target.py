"""How rules are found: against trying every rule, and that few are tried however many there are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy.glob import Glob
from policy.judge import judge
from policy.sections.file import FILE, FileRule
from policy.sections.process import PROCESS, ProcessRule
from policy.target import SeenPath, Target, TargetIndex
from tests.fixtures.policies import applied, execution, pod, policy_set
from tests.reference.globs import glob_matches

SOURCES = ["/s", "/bin/sh"]
components = st.sampled_from(["a", "b", "ab", "x"])
paths = st.lists(components, min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts))
patterns = st.lists(
    st.sampled_from(["a", "b", "/", "*", "**", "?", "[ab]", "{a,b}", "{/a,/b}"]),
    min_size=1,
    max_size=6,
).map(lambda parts: "/" + "".join(parts))


@st.composite
def written(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    kind = draw(st.sampled_from(["matchPaths", "matchDirectories", "matchPatterns"]))
    rule: dict[str, Any] = {"action": draw(st.sampled_from(["Allow", "Audit", "Block"]))}
    if draw(st.booleans()):
        rule["ownerOnly"] = True
    if kind == "matchPatterns":
        return kind, rule | {"pattern": draw(patterns)}
    if draw(st.booleans()):
        rule["fromSource"] = [{"path": path} for path in draw(st.lists(st.sampled_from(SOURCES), min_size=1))]
    if kind == "matchDirectories":
        return kind, rule | {"dir": draw(paths) + "/", "recursive": draw(st.booleans())}
    if draw(st.booleans()):
        return kind, rule | {"execname": draw(components)}
    return kind, rule | {"path": draw(paths)}


def rules_of(entries: list[tuple[str, dict[str, Any]]]) -> list[ProcessRule]:
    section: dict[str, list[dict[str, Any]]] = {}
    for kind, rule in entries:
        section.setdefault(kind, []).append(rule)
    (document,) = policy_set(applied({"process": section})).documents if section else (None,)
    return list(PROCESS.rules_of(document)) if document else []


def is_about(target: Target, path: str) -> bool:
    if target.kind == "path":
        return target.text == path
    if target.kind == "execname":
        return target.text == path.rsplit("/", 1)[-1]
    if target.kind == "pattern":
        return glob_matches(target.text, path)
    parent = path.rsplit("/", 1)[0]
    below = target.recursive and path.startswith(target.text + "/")
    return target.text in {path, parent} or below


@settings(max_examples=400, deadline=None)
@given(st.lists(written(), max_size=12), paths)
def test_finds_what_trying_every_rule_finds(entries: list[tuple[str, dict[str, Any]]], path: str) -> None:
    rules = rules_of(entries)
    found = [placed.order for placed in TargetIndex(rules).matching(SeenPath(path))]
    assert sorted(found) == [order for order, rule in enumerate(rules) if is_about(rule.target, path)]


def of_first(rules: list[ProcessRule]) -> dict[Any, ProcessRule]:
    """Of rules that differ in nothing but the credit the first."""
    firsts: dict[Any, ProcessRule] = {}
    for rule in rules:
        target = (rule.target.kind, rule.target.text, rule.target.recursive)
        firsts.setdefault((target, rule.action, rule.owner_only, rule.sources == ()), rule)
    return firsts


@settings(max_examples=400, deadline=None)
@given(st.lists(written(), max_size=12), paths, st.sampled_from([*SOURCES, "/other", None]))
def test_what_decides_is_the_first_of_those_that_say_the_same(
    entries: list[tuple[str, dict[str, Any]]], path: str, program: str | None
) -> None:
    rules = rules_of(entries)
    source = None if program is None else SeenPath(program)
    found = [placed.rule for placed in TargetIndex(rules).deciding(SeenPath(path), source)]
    accepted = [rule for rule in found if rule.accepts_source(source)]
    meeting = [rule for rule in rules if is_about(rule.target, path) and rule.accepts_source(source)]
    assert of_first(accepted) == of_first(meeting)
    assert len(accepted) == len(of_first(meeting))


@settings(max_examples=400, deadline=None)
@given(st.lists(written(), max_size=12), paths, st.integers(0, 9), st.sampled_from([*SOURCES, None]))
def test_of_a_cut_path_all_is_found_that_may_match(
    entries: list[tuple[str, dict[str, Any]]], path: str, cut: int, program: str | None
) -> None:
    rules = rules_of(entries)
    index, tail = TargetIndex(rules), SeenPath(path[cut:], truncated=True, exact=False)
    source = None if program is None else SeenPath(program)
    found = [placed.order for placed in index.deciding(tail, source) if placed.rule.accepts_source(source)]
    meeting = [placed for placed in index.matching(tail) if placed.rule.accepts_source(source)]
    assert len(found) == len(set(found))
    assert {placed.order for placed in meeting} >= set(found)
    assert {weight(rules[order]) for order in found} == {weight(placed.rule) for placed in meeting}
    firsts: dict[Any, int] = {}
    for placed in sorted(meeting):
        firsts.setdefault(weight(placed.rule), placed.order)
    assert set(firsts.values()) <= set(found)


def weight(rule: ProcessRule) -> Any:
    """All that precedence and outcome can depend on."""
    return (rule.target.specificity, rule.by_source, rule.meaning)


@pytest.mark.parametrize("text", ["/", "", "a", "a/b", "memfd:x", "//", "/a/"])
def test_odd_paths_meet_what_they_met_when_every_rule_was_tried(text: str) -> None:
    rules = rules_of(
        [("matchDirectories", {"dir": "/", "recursive": True}), ("matchPatterns", {"pattern": "**"})]
    )
    found = {placed.order for placed in TargetIndex(rules).matching(SeenPath(text))}
    assert found == ({0, 1} if text[:1] in {"/", ""} else {1})


def test_of_a_truncated_source_every_rule_is_tried() -> None:
    block = {"action": "Block"}
    rules = rules_of(
        [
            ("matchPaths", block | {"path": "/a/b", "fromSource": [{"path": "/bin/sh"}]}),
            ("matchPaths", block | {"path": "/a/b", "fromSource": [{"path": "/bin/dash"}]}),
            ("matchDirectories", block | {"dir": "/far/away/", "recursive": True}),
        ]
    )
    index = TargetIndex(rules)
    cut = SeenPath("sh", truncated=True, exact=False)
    assert [placed.order for placed in index.deciding(SeenPath("/a/b"), cut)] == [0, 1]
    tail = SeenPath("/b", truncated=True)
    assert sorted(placed.order for placed in index.deciding(tail, cut)) == [0, 1, 2]
    assert [placed.order for placed in index.deciding(tail, SeenPath("/x"))] == [2]


MANY = 300


def tried(
    monkeypatch: pytest.MonkeyPatch, rules: list[Any], path: str, source: str = "/s"
) -> tuple[int, int]:
    """How many globs were compared with a path, and how many rules came of it."""
    compared: list[str] = []
    matches = Glob.matches

    def counted(glob: Glob, text: str) -> bool:
        compared.append(glob.pattern)
        return matches(glob, text)

    index = TargetIndex(rules)
    with monkeypatch.context() as patched:
        patched.setattr(Glob, "matches", counted)
        found = index.deciding(SeenPath(path), SeenPath(source))
    return len(compared), len(found)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"pattern": f"/opt/app-{n}/*/run"},
        lambda n: {"pattern": f"/opt/tool-{n}-*"},
        lambda n: {"pattern": f"/opt/**/tool-{n}"},
        lambda n: {"pattern": f"/opt/{{a,b}}/x*/tool-{n}"},
        lambda n: {"pattern": f"*/tool-{n}"},
        lambda _: {"pattern": "/opt/**/never"},
    ],
)
def test_of_many_globs_those_are_tried_that_share_what_is_fixed(
    monkeypatch: pytest.MonkeyPatch, make: Any
) -> None:
    rules = rules_of([("matchPatterns", {"action": "Block"} | make(n)) for n in range(MANY)])
    for path in ("/opt/app-7/x/run", "/opt/tool-7-x", "/opt/z/tool-7", "/opt/a/xy/tool-7"):
        compared, found = tried(monkeypatch, rules, path)
        assert compared <= 2
        assert found <= 1


def test_globs_that_differ_in_their_middle_alone_are_tried_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = rules_of([("matchPatterns", {"pattern": f"/opt/*{n:03}*"}) for n in range(MANY)])
    assert tried(monkeypatch, rules, "/opt/x007y") == (MANY, 1)


@pytest.mark.parametrize("where", [{"path": "/a"}, {"execname": "a"}])
def test_of_many_rules_on_one_file_those_of_the_source_are_tried(
    monkeypatch: pytest.MonkeyPatch, where: dict[str, Any]
) -> None:
    rules = rules_of(
        [("matchPaths", where | {"action": "Allow", "fromSource": [{"path": f"/s{n}"}]}) for n in range(MANY)]
    )
    assert tried(monkeypatch, rules, "/a", "/s7") == (0, 1)
    assert tried(monkeypatch, rules, "/a", "/none") == (0, 0)


def test_of_many_equal_rules_one_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = rules_of([("matchDirectories", {"dir": "/", "recursive": True}) for _ in range(MANY)])
    assert tried(monkeypatch, rules, "/a/b/c") == (0, 1)


@pytest.mark.parametrize("section", [PROCESS, FILE])
def test_no_qualifier_is_left_out_of_what_a_rule_means(section: Any) -> None:
    rule = {"path": "/a", "ownerOnly": True, "pts": False}
    more = {"process": {"allowedArgs": ["-l"]}, "file": {"readOnly": True}}[section.name]
    variants = [
        rule | more,
        rule,
        {"path": "/a", "pts": False} | more,
        {"path": "/a", "ownerOnly": True} | more,
    ]
    (document,) = policy_set(applied({section.name: {"matchPaths": variants}})).documents
    rules: list[ProcessRule | FileRule] = list(section.rules_of(document))
    assert len({one.meaning for one in rules}) == len(variants)


def test_the_first_applied_of_equal_rules_is_credited() -> None:
    block = {"process": {"matchPaths": [{"path": "/a"}, {"path": "/a", "fromSource": [{"path": "/s"}]}]}}
    rules = policy_set(*(applied(block, name) for name in ("one", "two"))).for_workload(pod())
    plain = judge(execution("/a", "/other"), rules)
    sourced = judge(execution("/a", "/s"), rules)
    assert (plain.decided_by.policy, plain.decided_by.place) == ("one", "spec.process.matchPaths[0]")  # type: ignore[union-attr]
    assert (sourced.decided_by.policy, sourced.decided_by.place) == ("one", "spec.process.matchPaths[1]")  # type: ignore[union-attr]
