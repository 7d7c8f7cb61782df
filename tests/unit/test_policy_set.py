"""Policy sets: changes, order, hash, and what they remember."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy.changes import NamespaceChanged, PolicyApplied, PolicyDeleted, SettingsChanged
from policy.events import ProcessEvent
from policy.judge import judge
from policy.memo import Memo
from policy.policy_set import PolicyRefusedError, PolicySet
from policy.sections.judging import MEMO_CAPACITY
from policy.settings import Settings
from tests.fixtures.policies import applied, execution, host, pod, policy_set

BLOCK = {"process": {"matchPaths": [{"path": "/a"}]}}
ALLOW = {"action": "Allow", "process": {"matchPaths": [{"path": "/a"}]}}


def names(current: PolicySet) -> list[str]:
    return [one.name for one in current.documents]


def test_an_empty_set_has_nothing_in_force() -> None:
    empty = PolicySet.empty()
    assert (empty.offset, empty.documents, dict(empty.namespaces)) == (-1, (), {})
    assert empty.settings == Settings()
    assert judge(execution("/a"), empty.for_workload(pod())).decision == "allow"


def test_a_change_gives_a_new_set_and_leaves_the_old_one() -> None:
    before = policy_set(applied(BLOCK))
    after = before.apply(PolicyDeleted(kind="KubeArmorPolicy", namespace="ns", name="p"), 7)
    assert (before.offset, after.offset) == (0, 7)
    assert judge(execution("/a"), before.for_workload(pod())).decision == "block"
    assert judge(execution("/a"), after.for_workload(pod())).decision == "allow"


def test_a_document_replaces_its_namesake_and_keeps_its_place() -> None:
    current = policy_set(applied(BLOCK, "one"), applied(BLOCK, "two"), applied(ALLOW, "one"))
    assert names(current) == ["one", "two"]
    assert judge(execution("/a"), current.for_workload(pod())).decided_by.policy == "two"  # type: ignore[union-attr]
    current = current.apply(PolicyDeleted(kind="KubeArmorPolicy", namespace="ns", name="one"), 3)
    assert names(current.apply(applied(BLOCK, "one"), 4)) == ["two", "one"]


def test_kinds_and_namespaces_are_apart() -> None:
    current = policy_set(
        applied(BLOCK), applied(BLOCK, namespace="other"), applied(BLOCK, kind="KubeArmorClusterPolicy")
    )
    assert len(current.documents) == 3
    current = current.apply(PolicyDeleted(kind="KubeArmorClusterPolicy", namespace="x", name="p"), 9)
    assert [one.kind for one in current.documents] == ["KubeArmorPolicy"] * 2
    assert (
        policy_set(applied(BLOCK, namespace=""), PolicyDeleted(kind="KubeArmorPolicy", name="p")).documents
        == ()
    )


def test_deleting_what_is_not_there_changes_nothing() -> None:
    before = policy_set(applied(BLOCK))
    after = before.apply(PolicyDeleted(kind="KubeArmorPolicy", namespace="ns", name="q"), 5)
    assert (after.hash, after.offset) == (before.hash, 5)


def test_an_invalid_document_is_refused_with_all_that_is_wrong() -> None:
    change = applied({"action": "x", "severity": 0})
    with pytest.raises(PolicyRefusedError) as refused:
        PolicySet.empty().apply(change, 0)
    assert {problem.code for problem in refused.value.problems} == {"bad-action", "bad-severity"}
    assert "spec.severity" in str(refused.value)
    with pytest.raises(PolicyRefusedError):
        PolicySet.empty().apply(PolicyApplied(document=msgspec.Raw(b"[")), 0)


def test_skipping_keeps_the_content_and_what_was_made_of_it() -> None:
    before = policy_set(applied(BLOCK))
    rules = before.for_workload(pod())
    after = before.skip(11)
    assert (after.offset, after.hash) == (11, before.hash)
    assert after.for_workload(pod()) is rules


def test_the_hash_is_of_the_content_however_it_came_about() -> None:
    direct = policy_set(applied(BLOCK, "a"), SettingsChanged(file_posture="block"))
    detour = policy_set(
        SettingsChanged(file_posture="block", by="somebody"),
        applied(ALLOW, "a"),
        NamespaceChanged(namespace="x", annotations={"k": "v"}, enforcement="off"),
        NamespaceChanged(namespace="x", annotations={"k": None}, enforcement=None),
        applied(BLOCK, "b"),
        applied(BLOCK, "a"),
        PolicyDeleted(kind="KubeArmorPolicy", namespace="ns", name="b"),
    )
    assert detour.hash == direct.hash
    assert len(direct.hash) == 16
    assert detour.namespaces == {}


def test_the_hash_changes_with_documents_order_namespaces_and_settings() -> None:
    sets = [
        PolicySet.empty(),
        policy_set(applied(BLOCK, "a"), applied(BLOCK, "b")),
        policy_set(applied(BLOCK, "b"), applied(BLOCK, "a")),
        policy_set(applied(BLOCK, "a"), applied(ALLOW, "b")),
        policy_set(applied(BLOCK, "a"), applied(BLOCK, "b", namespace="x")),
        policy_set(SettingsChanged(match_args=False)),
        policy_set(NamespaceChanged(namespace="x", annotations={"k": "v"})),
        policy_set(NamespaceChanged(namespace="y", annotations={"k": "v"})),
        policy_set(NamespaceChanged(namespace="x", enforcement="off")),
    ]
    assert len({one.hash for one in sets}) == len(sets)


def test_patches_leave_alone_what_they_do_not_name() -> None:
    current = policy_set(
        NamespaceChanged(namespace="ns", annotations={"a": "1", "b": "2"}, enforcement="off"),
        NamespaceChanged(namespace="ns", annotations={"a": None, "c": "3"}),
        SettingsChanged(file_posture="block"),
        SettingsChanged(visibility=("process",)),
    )
    assert current.namespaces["ns"].annotations == {"b": "2", "c": "3"}
    assert current.enforcement_of("ns") == "off"
    assert (current.settings.file_posture, current.settings.visibility) == ("block", ("process",))
    assert current.settings.network_posture == "audit"


def test_posture_of_a_namespace_for_people_who_ask() -> None:
    current = policy_set(
        SettingsChanged(network_posture="allow"),
        NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": "Block"}),
    )
    found = current.posture_of("ns", "file")
    assert (found.mode, found.origin) == ("block", "namespace")
    found = current.posture_of("ns", "network")
    assert (found.mode, found.origin) == ("allow", "global")


def test_rules_are_kept_for_an_equal_workload_and_made_anew_when_its_identity_changes() -> None:
    current = policy_set(applied(BLOCK | {"selector": {"matchLabels": {"app": "web"}}}))
    early = current.for_workload(pod(complete=False, labels={}))
    assert judge(execution("/a"), early).decision == "unknown"
    late = current.for_workload(pod())
    assert judge(execution("/a"), late).decision == "block"
    assert current.for_workload(pod()) is late
    assert current.for_workload(pod(labels={"app": "x"})) is not late
    assert current.for_workload(host()) is not late


def test_pods_of_one_selection_share_rules_and_not_memories() -> None:
    current = policy_set(applied(BLOCK))
    one, two = (current.for_workload(pod(id=f"node-1/{n}")) for n in "ab")
    assert judge(execution("/a"), one) == judge(execution("/a"), two)
    assert judge(execution("/a"), one) is not judge(execution("/a"), two)


def test_a_hostile_workload_cannot_make_the_memo_grow() -> None:
    current = policy_set(applied(BLOCK))
    rules = current.for_workload(pod())
    (owner,) = rules.judges_of(ProcessEvent)
    for number in range(3 * MEMO_CAPACITY):
        judge(execution(f"/tmp/{number}"), rules)
    assert MEMO_CAPACITY // 2 <= len(owner._memo) <= MEMO_CAPACITY
    assert judge(execution("/a"), rules).decision == "block"


@given(st.lists(st.integers(0, 30), max_size=200), st.integers(2, 12))
def test_a_memo_never_lies_and_never_outgrows_its_capacity(keys: list[int], capacity: int) -> None:
    memo: Memo[int, str] = Memo(capacity)
    last: list[int] = []
    for key in keys:
        found = memo.get(key)
        assert found in (None, str(key))
        if found is None:
            memo.put(key, str(key))
        last = [*[one for one in last if one != key], key]
        assert len(memo) <= capacity
        for recent in last[-(capacity // 2) :]:
            assert memo._young.get(recent) or memo._old.get(recent)


def test_a_namespace_for_which_nothing_is_set_has_the_defaults() -> None:
    current = policy_set(SettingsChanged(file_posture="block"))
    assert current.posture_of("nobody-set-it", "file").mode == "block"
    assert current.enforcement_of("nobody-set-it") == "terminate"
