"""What a change remakes: counted, not timed. And that it comes to the same as making all anew."""

import gc
import threading
import weakref
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import policy.compiled
from policy.changes import Change, NamespaceChanged, PolicyDeleted, SettingsChanged
from policy.compiled import STEPS_KEPT
from policy.events import Event, Executable, FileEvent
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.rules import Rules
from policy.sections import SECTIONS
from policy.selected import VERSIONS_KEPT
from policy.workload import Workload
from tests.fixtures.policies import applied, execution, host, pod, policy_set

NUMBER = {section.name: number for number, section in enumerate(SECTIONS)}
WEB = {"selector": {"matchLabels": {"app": "web"}}}
DB = {"selector": {"matchLabels": {"app": "db"}}}
BLOCK = {"process": {"matchPaths": [{"path": "/a"}]}}
BLOCK_FILE = {"file": {"matchPaths": [{"path": "/f"}]}}
web, db = pod(), pod(id="node-1/c2", labels={"app": "db"})


def opened(path: str, **more: Any) -> FileEvent:
    given: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 9, "start_ns": 1}
    return FileEvent(**given, access="read", path=path, **more)


def judge_of(rules: Rules, name: str) -> Any:
    return rules.sections[NUMBER[name]][1]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many documents were compiled, and how many indexes and judges made, since it was cleared."""
    counts: Counter[str] = Counter()

    def counted(name: str, function: Any) -> Any:
        def count(*given: Any) -> Any:
            counts[name] += 1
            return function(*given)

        return count

    monkeypatch.setattr(policy.compiled, "compiled", counted("compiled", policy.compiled.compiled))
    sections = tuple(
        section._replace(
            index_of=counted("index", section.index_of), judge_of=counted("judge", section.judge_of)
        )
        for section in SECTIONS
    )
    monkeypatch.setattr("policy.selected.SECTIONS", sections)
    return counts


def seen(current: PolicySet) -> tuple[Rules, Rules]:
    return current.for_workload(web), current.for_workload(db)


def test_a_policy_remakes_the_section_that_it_is_about_for_whom_it_selects(made: Counter[str]) -> None:
    before = policy_set(
        *(applied(BLOCK | BLOCK_FILE | WEB, f"p{n}") for n in range(50)), applied(BLOCK | DB, "db")
    )
    was_web, was_db = seen(before)
    made.clear()
    after = before.apply(applied({"file": {"matchPaths": [{"path": "/g"}]}} | WEB, "new"), 51)
    is_web, is_db = seen(after)
    assert made == {"compiled": 1, "index": 1, "judge": 1}
    assert is_db is was_db
    assert is_web is not was_web
    assert judge_of(is_web, "file") is not judge_of(was_web, "file")
    assert judge_of(is_web, "process") is judge_of(was_web, "process")


def test_answers_outlive_changes_that_do_not_concern_them() -> None:
    before = policy_set(applied(BLOCK | WEB, "web"), applied(BLOCK | DB, "db"))
    answers = [judge(execution("/a"), rules) for rules in seen(before)]
    after = before.apply(applied(BLOCK_FILE | WEB, "web-files"), 2)
    after = after.apply(SettingsChanged(host_file_posture="block"), 3)
    after = after.apply(NamespaceChanged(namespace="other", enforcement="off"), 4)
    assert [judge(execution("/a"), rules) for rules in seen(after)] == answers
    for one, other in zip((judge(execution("/a"), rules) for rules in seen(after)), answers, strict=True):
        assert one is other


def test_a_deleted_policy_is_remade_for_whom_it_selected(made: Counter[str]) -> None:
    before = policy_set(applied(BLOCK | WEB, "web"), applied(BLOCK | DB, "db"))
    was_web, was_db = seen(before)
    made.clear()
    is_web, is_db = seen(before.apply(PolicyDeleted(kind="KubeArmorPolicy", namespace="ns", name="db"), 2))
    assert is_web is was_web
    assert is_db is not was_db
    assert judge(execution("/a"), is_db).decision == "allow"
    assert made["compiled"] == 0


def test_a_policy_that_comes_to_select_somebody_else_is_remade_for_both() -> None:
    before = policy_set(applied(BLOCK | WEB))
    was_web, was_db = seen(before)
    is_web, is_db = seen(before.apply(applied(BLOCK | DB), 1))
    assert is_web is not was_web
    assert is_db is not was_db
    assert [judge(execution("/a"), rules).decision for rules in (is_web, is_db)] == ["allow", "block"]


def test_an_equal_document_changes_nothing(made: Counter[str]) -> None:
    before = policy_set(applied(BLOCK | WEB))
    rules = before.for_workload(web)
    made.clear()
    after = before.apply(applied(BLOCK | WEB), 1)
    assert after.for_workload(web) is rules
    assert made == {}


def test_a_namespace_remakes_the_judges_of_its_own_workloads_and_no_index(made: Counter[str]) -> None:
    before = policy_set(applied(BLOCK), applied(BLOCK, namespace="other"))
    there = pod(id="node-1/c3", namespace="other")
    was_here, was_there = before.for_workload(web), before.for_workload(there)
    made.clear()
    after = before.apply(NamespaceChanged(namespace="other", annotations={"kubearmor-visibility": "none"}), 2)
    assert after.for_workload(web) is was_here
    assert after.for_workload(there) is not was_there
    assert made == {"judge": len(SECTIONS)}


def test_a_setting_remakes_standings_and_no_index(made: Counter[str]) -> None:
    before = policy_set(applied(BLOCK | WEB))
    was = before.for_workload(web)
    made.clear()
    after = before.apply(SettingsChanged(match_args=False), 1)
    assert after.for_workload(web) is not was
    assert not after.for_workload(web).standing.match_args
    assert made == {"judge": len(SECTIONS)}


def test_workloads_of_one_selection_share_its_index(made: Counter[str]) -> None:
    current = policy_set(*(applied(BLOCK, f"p{n}") for n in range(20)))
    made.clear()
    for number in range(10):
        current.for_workload(pod(id=f"node-1/{number}"))
    assert made == {"index": len(SECTIONS), "judge": 10 * len(SECTIONS)}


def test_documents_are_compiled_once_however_long_the_log(made: Counter[str]) -> None:
    current = policy_set(*(applied(BLOCK, f"p{n}") for n in range(100)))
    current.for_workload(web)
    assert made["compiled"] == 100


def test_who_is_selected_is_asked_of_what_changed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    selector_of = policy.compiled.selector_of

    def counting(document: Any) -> Any:
        selects = selector_of(document)

        def count(workload: Workload) -> bool:
            asked.append(document.name)
            return selects(workload)

        return count

    monkeypatch.setattr(policy.compiled, "selector_of", counting)
    before = policy_set(*(applied(BLOCK | DB, f"p{n}") for n in range(20)))
    rules = before.for_workload(web)
    asked.clear()
    after = before.apply(applied(BLOCK_FILE | DB, "p7"), 20)
    assert after.for_workload(web) is rules
    assert asked == ["p7", "p7"]
    asked.clear()
    for number in range(STEPS_KEPT + 1):
        after = after.apply(
            applied({"file": {"matchPaths": [{"path": f"/f{number}"}]}} | DB, "p7"), 21 + number
        )
    assert after.for_workload(web) is rules
    assert len(asked) >= 20


def test_sets_that_part_from_one_another_do_not_mix() -> None:
    """Two candidates made from one set, asked in turn, as a comparison of policies does."""
    base = policy_set(applied(BLOCK))
    base.for_workload(web)
    left = base.apply(applied({"process": {"matchPaths": [{"path": "/l"}]}}, "more"), 1)
    right = base.apply(applied({"process": {"matchPaths": [{"path": "/r"}]}}, "more"), 1)
    for _ in range(3):
        for current, denied in ((left, "/l"), (right, "/r"), (base, "/a")):
            rules = current.skip(5).for_workload(web)
            decided = {path: judge(execution(path), rules).decision for path in ("/a", "/l", "/r")}
            assert decided == {path: "block" if path in {"/a", denied} else "allow" for path in decided}


def test_what_was_made_of_documents_that_are_gone_is_let_go() -> None:
    current = policy_set(applied(BLOCK))
    gone = weakref.ref(judge_of(current.for_workload(web), "process").index)
    for number in range(2 * VERSIONS_KEPT + 1):
        current = current.apply(applied({"process": {"matchPaths": [{"path": f"/p{number}"}]}}), number)
        current.for_workload(db)
    gc.collect()
    assert gone() is None


def test_changes_may_come_in_another_thread_than_the_one_that_judges() -> None:
    """As the policy follower applies them: whoever judges works on with the set that it took."""
    base = policy_set(*(applied(BLOCK | DB, f"other-{n}") for n in range(30)))
    latest = [base]

    def follow() -> None:
        for offset in range(300):
            spec = {"process": {"matchPaths": [{"path": f"/p{offset % 3}"}]}}
            latest[0] = latest[0].apply(applied(spec, "p"), offset)

    follower = threading.Thread(target=follow)
    follower.start()
    seen = set()
    while follower.is_alive() or latest[0].offset not in seen:
        current = latest[0]
        seen.add(current.offset)
        rules = current.for_workload(web)
        denied = [number for number in range(3) if judge(execution(f"/p{number}"), rules).decision == "block"]
        assert denied == ([current.offset % 3] if current is not base else [])
    assert latest[0].offset == 299


paths = st.sampled_from(["/a", "/b", "/d/a"])
names = st.sampled_from(["p", "q"])
namespaces = st.sampled_from(["ns", "other"])
kinds = st.sampled_from(["KubeArmorPolicy", "KubeArmorClusterPolicy"])


@st.composite
def applying(draw: st.DrawFn) -> Change:
    section = draw(st.sampled_from(["process", "file"]))
    rules = st.fixed_dictionaries({"path": paths}, optional={"fromSource": st.just([{"path": "/s"}])})
    spec: dict[str, Any] = {"action": draw(st.sampled_from(["Allow", "Audit", "Block"]))}
    spec[section] = {"matchPaths": draw(st.lists(rules, max_size=2))}
    kind = draw(kinds)
    if kind == "KubeArmorPolicy" and draw(st.booleans()):
        spec["selector"] = {"matchLabels": {"app": draw(st.sampled_from(["web", "db"]))}}
    namespace = draw(namespaces) if kind == "KubeArmorPolicy" else ""
    return applied(spec, draw(names), namespace, kind=kind)


words = st.sampled_from(["block", "audit", None])
changes = st.one_of(
    applying(),
    st.builds(PolicyDeleted, kind=kinds, namespace=namespaces, name=names),
    st.builds(
        NamespaceChanged,
        namespace=namespaces,
        annotations=st.fixed_dictionaries({"kubearmor-file-posture": words}),
        enforcement=st.sampled_from(["off", "terminate", None]),
    ),
    st.builds(SettingsChanged, file_posture=st.sampled_from(["audit", "block", "allow"])),
    st.builds(SettingsChanged, untracked_namespaces=st.sampled_from([("other",), ()])),
)

WORKLOADS = [
    *(
        pod(id=f"node-1/{app}-{namespace}", namespace=namespace, labels={"app": app})
        for app in ("web", "db")
        for namespace in ("ns", "other")
    ),
    pod(id="node-1/off", annotations={"kubearmor-policy": "disabled"}),
    host(),
]
EVENTS: list[Event] = [
    *(execution(path, source) for path in ("/a", "/b", "/d/a") for source in ("/s", None)),
    *(opened(path, actor=actor) for path in ("/a", "/d/a") for actor in (Executable(path="/s"), None)),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(changes, st.sets(st.sampled_from(range(len(WORKLOADS))))), min_size=1, max_size=12))
def test_a_chain_of_changes_judges_as_a_set_made_from_scratch(chain: list[tuple[Change, set[int]]]) -> None:
    """After each change some of the workloads act, and in the end all."""
    current = PolicySet.empty()
    for offset, (change, acting) in enumerate(chain):
        current = current.apply(change, offset)
        scratch = policy_set(*(one for one, _ in chain[: offset + 1]))
        assert (current.hash, current.documents) == (scratch.hash, scratch.documents)
        for number in acting if offset < len(chain) - 1 else range(len(WORKLOADS)):
            workload = WORKLOADS[number]
            rules, expected = current.for_workload(workload), scratch.for_workload(workload)
            assert rules.standing == expected.standing
            assert [judge(event, rules) for event in EVENTS] == [judge(event, expected) for event in EVENTS]
            assert current.rules_for(workload) == scratch.rules_for(workload)
