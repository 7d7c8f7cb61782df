"""What changes between two sets: rules, allow-list mode, posture, and what comes of it; for whom."""

from typing import Any

import msgspec
import pytest

from policy.changes import Change, NamespaceChanged, PolicyDeleted, SettingsChanged
from policy.described import event as described_event
from policy.glob import Glob
from policy.judge import judge
from policy.rights import groups, probes
from policy.rights.difference import Difference, GroupDifference, difference
from policy.rights.samples import UNLISTED, matches_of
from policy.rights.told import told
from policy.workload import Workload
from tests.fixtures.policies import applied, execution, host, pod, policy_set

BLOCK_FILES = NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": "block"})
ALLOW = {"action": "Allow", "process": {"matchPaths": [{"path": "/a"}]}}


def between(before: list[Change], after: list[Change], *workloads: Workload) -> Difference:
    return difference(policy_set(*before), policy_set(*after), workloads or None)


def only(found: Difference) -> GroupDifference:
    assert len(found.groups) == 1
    return found.groups[0]


def consequences(found: Difference) -> list[tuple[str, dict[str, Any]]]:
    return [(one.change, one.described) for group in found.groups for one in group.consequences]


def test_a_first_allow_switches_allow_list_mode_on_and_denies_the_rest() -> None:
    found = between([BLOCK_FILES], [BLOCK_FILES, applied(ALLOW)], pod())
    group = only(found)
    (section,) = group.sections
    assert (section.section, section.allow_list, section.default) == (
        "process",
        (False, True),
        ("allow", "deny"),
    )
    assert [(one.target, one.effect) for one in section.added] == [("/a", "allow")]
    assert consequences(found) == [("newly-denied", {"exec": UNLISTED})]
    assert group.consequences[0].after.sentence.endswith("namespace ns's file posture is block.")


def test_a_posture_is_a_change_of_its_own() -> None:
    found = between([applied(ALLOW)], [applied(ALLOW), BLOCK_FILES], pod())
    group = only(found)
    assert [(one.name, one.before, one.after) for one in group.settings] == [
        ("file posture", "audit (global)", "block (namespace)")
    ]
    assert [one.default for one in group.sections] == [("alert", "deny")]
    assert found.number("newly-denied") == 1


def test_a_posture_without_an_allow_changes_a_setting_and_no_event() -> None:
    found = between([], [BLOCK_FILES], pod())
    assert (only(found).sections, only(found).consequences) == ((), ())


def test_enforcement_and_match_args_are_settings() -> None:
    off = NamespaceChanged(namespace="ns", enforcement="off")
    rule = {"process": {"matchPaths": [{"path": "/a", "allowedArgs": ["x"]}]}}
    found = between([applied(rule)], [applied(rule), off, SettingsChanged(match_args=False)], pod())
    assert [(one.name, one.before, one.after) for one in only(found).settings] == [
        ("enforcement", "terminate", "off"),
        ("match args", "yes", "no"),
    ]
    assert consequences(found) == [
        ("newly-denied", {"exec": "/a", "args": ("x",)}),
        ("newly-denied", {"exec": "/a", "argsRedacted": True}),
    ]


@pytest.mark.parametrize(
    ("before", "after", "change", "event"),
    [
        ({"path": "/a", "severity": 1}, {"path": "/a", "severity": 2}, "credit-changed", {"exec": "/a"}),
        ({"path": "/a", "action": "Audit"}, {"path": "/a"}, "newly-denied", {"exec": "/a"}),
        ({"path": "/a"}, {"path": "/a", "action": "Audit"}, "newly-allowed", {"exec": "/a"}),
        (
            {"path": "/a", "action": "Audit"},
            {"path": "/a", "action": "Allow"},
            "alert-changed",
            {"exec": "/a"},
        ),
        ({"path": "/a", "ownerOnly": True}, {"path": "/a"}, "newly-denied", {"exec": "/a"}),
        (
            {"path": "/a", "pts": False},
            {"path": "/a"},
            "newly-denied",
            {"exec": "/a"},
        ),
        (
            {"path": "/a", "fromSource": [{"path": "/s"}]},
            {"path": "/a"},
            "newly-denied",
            {"exec": "/a", "from": probes.ANY_PROGRAM},
        ),
        (
            {"path": "/a", "allowedArgs": ["x"]},
            {"path": "/a", "allowedArgs": ["y"]},
            "newly-denied",
            {"exec": "/a", "args": ("x",)},
        ),
    ],
)
def test_one_rule_that_changes(
    before: dict[str, Any], after: dict[str, Any], change: str, event: dict[str, Any]
) -> None:
    sides = [[applied({"process": {"matchPaths": [rule]}})] for rule in (before, after)]
    assert (change, event) in consequences(between(*sides, pod()))


@pytest.mark.parametrize(
    ("spec", "event"),
    [
        ({"file": {"matchDirectories": [{"dir": "/d/"}]}}, {"write": "/d/any-file"}),
        (
            {"file": {"matchDirectories": [{"dir": "/d/", "recursive": True}]}},
            {"read": "/d/any-folder/any-file"},
        ),
        ({"file": {"matchPaths": [{"path": "/f", "readOnly": True}]}}, {"write": "/f"}),
        ({"file": {"matchPatterns": [{"pattern": "/**/*.key"}]}}, {"read": "/x/x.key"}),
        ({"process": {"matchPaths": [{"execname": "x"}]}}, {"exec": "/any-folder/x"}),
        ({"network": {"matchProtocols": [{"protocol": "icmp"}]}}, {"socket": "icmp"}),
        ({"network": {"matchDNSQueries": [{"domain": "a.test"}]}}, {"dns": "any.a.test"}),
        ({"capabilities": {"matchCapabilities": [{"capability": "net_raw"}]}}, {"capability": "net_raw"}),
        ({"presets": [{"name": "filelessExec"}]}, {"exec": "/memfd:any"}),
        ({"presets": [{"name": "exec"}]}, {"exec": "/any-folder/any-file", "entered": True}),
        ({"presets": [{"name": "protectEnv"}]}, {"read": "/proc/1/environ", "pid": 2}),
        ({"presets": [{"name": "protectProc"}]}, {"read": "/proc/1/maps", "pid": 2}),
        ({"presets": [{"name": "anonymousMapExec"}]}, {"memory": "executable"}),
    ],
)
def test_a_denial_of_every_section_has_an_event(spec: dict[str, Any], event: dict[str, Any]) -> None:
    found = between([], [applied(spec)], pod())
    assert ("newly-denied", event) in consequences(found)
    assert found.number("newly-allowed") == 0
    back = between([applied(spec)], [], pod())
    assert ("newly-allowed", event) in consequences(back)


def test_system_calls_change_alerts() -> None:
    rule = {"syscall": ["unlink"], "path": "/d/", "recursive": True, "fromSource": [{"dir": "/bin/"}]}
    found = between([], [applied({"syscalls": {"matchPaths": [rule]}})], pod())
    event = {"syscall": "unlink", "path": "/d/any-file", "by": "/bin/any-file"}
    assert ("alert-changed", event) in consequences(found)


def test_every_event_that_is_told_is_one_that_can_be_described() -> None:
    spec: dict[str, Any] = {
        "process": {"matchPaths": [{"path": "/a", "allowedArgs": ["x"], "ownerOnly": True, "pts": False}]},
        "file": {"matchPaths": [{"path": "/f", "fromSource": [{"path": "/s"}]}]},
        "network": {"matchProtocols": [{"protocol": "all"}], "matchDNSQueries": [{"domain": "a.test"}]},
        "capabilities": {"matchCapabilities": [{"capability": "chown"}]},
        "presets": [{"name": "exec"}, {"name": "anonymousMapExec"}, {"name": "protectProc"}],
    }
    after = policy_set(applied(spec))
    found = only(difference(policy_set(), after, [pod()]))
    assert len(found.consequences) > 20
    for one in found.consequences:
        description = msgspec.to_builtins(one.described)
        again = described_event(
            description | {"args": list(description.pop("args", ()))}
            if "exec" in description
            else description
        )
        assert told(again) == one.described
        assert judge(again, after.for_workload(pod())) == one.after


def test_what_is_moved_within_a_document_is_no_change_of_credit() -> None:
    rules = [{"path": "/a"}, {"path": "/b"}]
    before = [applied({"process": {"matchPaths": rules}})]
    after = [applied({"process": {"matchPaths": rules[::-1]}})]
    assert between(before, after, pod()).groups == ()


def test_another_policy_is_a_change_of_credit() -> None:
    spec = {"process": {"matchPaths": [{"path": "/a"}]}}
    found = between([applied(spec, "one")], [applied(spec, "two")], pod())
    assert consequences(found) == [("credit-changed", {"exec": "/a"})]


def test_workloads_that_are_selected_alike_are_one_group() -> None:
    change = applied({"selector": {"matchLabels": {"app": "web"}}} | ALLOW)
    several = [
        pod(id=f"n/{name}", pod=name, labels={"app": app})
        for name, app in (("a", "web"), ("b", "web"), ("c", "db"))
    ]
    found = between([BLOCK_FILES], [BLOCK_FILES, change], *several)
    assert found.looked_at == 2
    assert only(found).members == ("ns/a", "ns/b")


def titles(*changes: Change) -> list[str]:
    policies = policy_set(*changes)
    return [groups.title_of(one) for one in groups.grouped((policy_set(), policies)).groups]


def test_workloads_are_made_up_of_selectors_and_their_combinations() -> None:
    web = applied({"selector": {"matchLabels": {"app": "web"}}} | ALLOW, "web")
    front = applied({"selector": {"matchLabels": {"tier": "front"}}} | ALLOW, "front")
    assert titles(web, front) == [
        "a pod of ns without labels",
        "a pod of ns with app=web",
        "a pod of ns with tier=front",
        "a pod of ns with app=web, tier=front",
    ]


def test_selectors_that_contradict_each_other_are_not_combined() -> None:
    names = ("web", "db")
    some = [applied({"selector": {"matchLabels": {"app": one}}} | ALLOW, one) for one in names]
    assert titles(*some) == [
        "a pod of ns without labels",
        "a pod of ns with app=db",
        "a pod of ns with app=web",
    ]


def test_expressions_containers_and_namespaces_are_met() -> None:
    expression = {"key": "label", "operator": "NotIn", "values": ["app=web"]}
    assert titles(applied({"selector": {"matchExpressions": [expression]}} | ALLOW)) == [
        "a pod of ns without labels",
        "a pod of ns with app=web",
    ]
    containers = {"matchLabels": {"kubearmor.io/container.name": "[side]"}}
    assert titles(applied({"selector": containers} | ALLOW)) == [
        "a pod of ns without labels",
        "container side of a pod of ns without labels",
    ]
    elsewhere = {"key": "namespace", "operator": "NotIn", "values": ["ns"]}
    cluster = applied(
        {"selector": {"matchExpressions": [elsewhere]}} | ALLOW, "c", "", kind="KubeArmorClusterPolicy"
    )
    assert titles(cluster) == [
        "a pod of ns without labels",
        "a pod of a namespace that nothing names without labels",
    ]


def test_hosts_are_made_up_of_node_selectors() -> None:
    spec = {"nodeSelector": {"matchLabels": {"kubernetes.io/hostname": "db-*", "disk": "ssd"}}} | ALLOW
    policies = policy_set(applied(spec, "h", "", kind="KubeArmorHostPolicy"))
    found = groups.grouped((policy_set(), policies)).groups
    nodes = [one.workload for one in found if one.workload.kind == "host"]
    assert [one.node for one in nodes] == ["any-node", "db-any"]
    assert judge(execution("/b"), policies.for_workload(nodes[1])).reason == "posture-audit"
    assert difference(policy_set(), policies, [host()]).groups == ()


def test_more_selectors_than_are_combined_are_told() -> None:
    some = [
        applied({"selector": {"matchLabels": {f"k{number}": "v"}}} | ALLOW, f"p{number}")
        for number in range(groups.MOST_TOGETHER + 1)
    ]
    found = between([], some)
    assert any("three at a time" in limit for limit in found.limits)
    assert max(len(group.workload.labels) for group in found.groups) == len(some)
    assert between([], some, pod()).limits == ()


def test_many_selectors_end() -> None:
    some = [
        applied({"selector": {"matchLabels": {"app": str(number)}}} | ALLOW, f"p{number}")
        for number in range(300)
    ]
    changed = [*some[:-1], applied(ALLOW, "last")]
    found = between(some, changed)
    assert found.groups
    assert found.looked_at == 301
    assert found.limits == ()


def test_too_many_combinations_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_TRIED", 2)
    some = [applied({"selector": {"matchLabels": {one: "v"}}} | ALLOW, one) for one in "ab"]
    assert any("three at a time" in limit for limit in between([], some).limits)
    assert between(some, some).limits == ()


def test_a_workload_that_the_same_selects_in_another_order_is_looked_at() -> None:
    two = [
        applied({"severity": one, "process": {"matchPaths": [{"path": "/a"}]}}, f"p{one}") for one in (1, 2)
    ]
    found = between(two, two[::-1], pod())
    assert consequences(found) == [("credit-changed", {"exec": "/a"})]


def test_a_pattern_that_nothing_was_found_for_is_told() -> None:
    after = [applied({"process": {"matchPatterns": [{"pattern": "*.conf"}]}})]
    assert any("*.conf" in limit for limit in between([], after, pod()).limits)


def test_a_name_is_tried_where_directories_and_patterns_reach() -> None:
    allowed = {
        "action": "Allow",
        "matchPatterns": [{"pattern": "/opt/*"}],
        "matchDirectories": [{"dir": "/srv/"}],
    }
    named = {"matchPaths": [{"execname": "nc", "action": "Block"}]}
    found = between([applied({"process": allowed})], [applied({"process": allowed | named})], pod())
    denied = {one["exec"] for change, one in consequences(found) if change == "newly-denied"}
    assert denied == {"/nc", "/any-folder/nc", "/opt/nc", "/srv/nc", "/srv/any-folder/nc"}


def test_too_many_events_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "MOST_PROBES", 3)
    rules = [{"path": f"/{number}"} for number in range(10)]
    found = between([], [applied({"process": {"matchPaths": rules}})], pod())
    assert any("section process" in limit for limit in found.limits)
    assert len(only(found).consequences) == 3


def test_documents_that_are_gone_are_rights_removed() -> None:
    before = [BLOCK_FILES, applied(ALLOW)]
    gone = PolicyDeleted(kind="KubeArmorPolicy", namespace="ns", name="p")
    (section,) = only(between(before, [*before, gone], pod())).sections
    assert [one.target for one in section.removed] == ["/a"]
    assert section.added == ()


def test_it_is_json_and_back() -> None:
    found = between([BLOCK_FILES], [BLOCK_FILES, applied(ALLOW)], pod())
    assert msgspec.json.decode(msgspec.json.encode(found), type=Difference) == found


@pytest.mark.parametrize(
    ("pattern", "directories", "some"),
    [
        ("/a/*", (), {"/a/x"}),
        ("/{a,b}/?", (), {"/a/x", "/b/x"}),
        ("/a/**", ("/a/b",), {"/a/x", "/a/any-folder/x", "/a/b/x"}),
        ("**/*.sh", ("/opt",), {"/x/x.sh", "/opt/x/x.sh"}),
        ("/[!x]/[b-d]", (), {"/!/b"}),
        ("/a\\*b", (), {"/a*b"}),
        ("/a\\\\b", (), {"/a\\\\b"}),
    ],
)
def test_globs_have_examples(pattern: str, directories: tuple[str, ...], some: set[str]) -> None:
    found = matches_of(Glob(pattern), directories)
    assert some <= set(found)
    assert all(Glob(pattern).matches(path) and path.startswith("/") for path in found)


def test_a_glob_without_an_absolute_match_has_no_example() -> None:
    assert matches_of(Glob("*.conf")) == []
