"""A workload's rights: what each rule makes of what it is about, under posture, mode and visibility."""

from typing import Any

import msgspec
import pytest

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.rights import never
from policy.rights.matrix import Matrix, SectionRights, matrix_of
from policy.rights.wording import target_of
from policy.rule import Rule
from policy.sections import SECTIONS
from policy.workload import Workload
from tests.fixtures.policies import applied, pod, policy_set

BLOCK_FILES = NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": "block"})


def rights(section: str, *changes: Change, workload: Workload | None = None) -> SectionRights:
    matrix = matrix_of(policy_set(*changes), workload or pod())
    return next(one for one in matrix.sections if one.section == section)


def process(*rules: dict[str, Any], **more: Any) -> Change:
    return applied({"process": {"matchPaths": list(rules)} | more})


def test_rights_stand_in_the_order_of_precedence_and_audits_last() -> None:
    change = process(
        {"path": "/a", "action": "Audit"},
        {"execname": "b"},
        {"path": "/c", "action": "Allow"},
        {"path": "/c"},
        {"path": "/c"},
        {"path": "/d", "action": "Allow", "fromSource": [{"path": "/s"}]},
        matchDirectories=[{"dir": "/"}, {"dir": "/e/", "recursive": True}, {"dir": "/e/"}],
        matchPatterns=[{"pattern": "/*"}],
    )
    places = [one.rule.place.removeprefix("spec.process.match") for one in rights("process", change).rights]
    assert places == [
        *("Paths[5]", "Paths[3]", "Paths[4]", "Paths[2]", "Paths[1]", "Patterns[0]"),
        *("Directories[2]", "Directories[1]", "Directories[0]", "Paths[0]"),
    ]


@pytest.mark.parametrize(
    ("posture", "default"),
    [("block", "deny"), ("audit", "alert"), ("allow", "allow")],
)
def test_what_no_rule_is_about_goes_to_the_posture_in_allow_list_mode(posture: Any, default: str) -> None:
    setting = SettingsChanged(file_posture=posture)
    allow = {"path": "/a", "action": "Allow"}
    found = rights("process", process({"path": "/b"}, allow), setting)
    assert (found.allow_list, found.default) == (True, default)
    assert found.allow_list_by is not None
    assert found.allow_list_by.place == "spec.process.matchPaths[1]"
    found = rights("process", process({"path": "/b"}), setting)
    assert (found.allow_list, found.default, found.allow_list_by) == (False, "allow", None)


@pytest.mark.parametrize(
    ("rule", "effect", "otherwise"),
    [
        ({}, "deny", None),
        ({"ownerOnly": True}, "allow", "deny"),
        ({"action": "Allow"}, "allow", None),
        ({"action": "Allow", "ownerOnly": True}, "allow", "deny"),
        ({"action": "Audit"}, "alert", None),
        ({"action": "Audit", "pts": False}, "allow", "alert"),
    ],
)
def test_what_a_rule_makes_of_it(rule: dict[str, Any], effect: str, otherwise: str | None) -> None:
    (right,) = rights("process", process({"path": "/a"} | rule), BLOCK_FILES).rights
    assert (right.effect, right.otherwise) == (effect, otherwise)


def test_modes_and_visibility_change_what_becomes_of_it() -> None:
    change = process({"path": "/a"}, {"path": "/b", "action": "Audit"})

    def effects(**more: Any) -> list[str]:
        return [one.effect for one in rights("process", change, workload=pod(**more)).rights]

    assert effects() == ["deny", "alert"]
    assert effects(annotations={"kubearmor-policy": "audited"}) == ["alert", "alert"]
    assert effects(annotations={"kubearmor-policy": "disabled"}) == ["allow", "allow"]
    assert effects(annotations={"kubearmor-visibility": "none"}) == ["deny", "allow"]
    assert effects(complete=False) == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([{"path": "/a"}, {"path": "/a"}], {1: 0}),
        ([{"path": "/a", "action": "Allow"}, {"path": "/a"}], {0: 1}),
        ([{"path": "/a"}, {"execname": "a"}], {}),
        ([{"execname": "a"}, {"path": "/b/a"}], {}),
        ([{"path": "/a"}, {"path": "/a", "ownerOnly": True}], {1: 0}),
        ([{"path": "/a", "ownerOnly": True}, {"path": "/a"}], {}),
        ([{"path": "/a"}, {"path": "/a", "fromSource": [{"path": "/s"}]}], {}),
        (
            [
                {"path": "/a", "fromSource": [{"path": "/s"}, {"path": "/t"}]},
                {"path": "/a", "fromSource": [{"path": "/s"}]},
            ],
            {1: 0},
        ),
        ([{"path": "/a", "action": "Audit"}, {"path": "/a"}], {}),
        ([{"path": "/a", "action": "Audit"}, {"path": "/a", "action": "Audit"}], {1: 0}),
        ([{"path": "/a", "action": "Audit", "pts": False}, {"path": "/a", "action": "Audit"}], {}),
    ],
)
def test_rules_that_never_decide_say_what_does(rules: list[dict[str, Any]], expected: dict[int, int]) -> None:
    found = rights("process", process(*rules))
    said = {one.rule.place: one.shadowed_by.place for one in found.rights if one.shadowed_by is not None}
    place = "spec.process.matchPaths[{}]".format
    assert said == {place(one): place(other) for one, other in expected.items()}


def test_an_allow_shadows_no_block_where_a_path_may_be_cut() -> None:
    policies = policy_set(
        process(
            {"path": "/d/a", "action": "Allow"},
            matchDirectories=[{"dir": "/d/a/", "recursive": True}],
            matchPatterns=[{"pattern": "/**", "action": "Allow"}],
        )
    )
    found = next(one for one in matrix_of(policies, pod()).sections if one.section == "process")
    assert [one.shadowed_by for one in found.rights] == [None, None, None]


def test_of_many_rules_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(never, "MOST_COMPARED", 1)
    found = rights("process", process({"path": "/a"}, {"path": "/a"}))
    assert [one.shadowed_by for one in found.rights] == [None, None]


def test_presets_need_the_visibility_of_their_events() -> None:
    presets = [{"name": "protectProc", "action": "Audit"}, {"name": "exec", "action": "Audit"}]
    seen = pod(annotations={"kubearmor-visibility": "file"})
    found = rights("presets", applied({"presets": presets}), workload=seen)
    assert [(one.target, one.effect) for one in found.rights] == [
        ("the preset protectProc", "alert"),
        ("the preset exec", "allow"),
    ]
    assert found.posture is None


def test_every_section_has_words_for_its_rules() -> None:
    spec = {
        "process": {"matchPaths": [{"path": "/a\\b"}, {"execname": "x"}]},
        "file": {
            "matchDirectories": [{"dir": "/"}, {"dir": "/d/", "recursive": True}],
            "matchPatterns": [{"pattern": "/*.\u202e"}],
            "matchPaths": [{"path": "/f", "readOnly": True}],
        },
        "network": {
            "matchProtocols": [{"protocol": "TCP,all"}],
            "matchDNSQueries": [{"domain": "Example.com."}],
        },
        "capabilities": {"matchCapabilities": [{"capability": "net_raw"}]},
        "syscalls": {
            "matchSyscalls": [{"syscall": ["unlink", "rmdir"]}],
            "matchPaths": [{"syscall": ["chmod"], "path": "/d/", "recursive": True}],
        },
        "presets": [{"name": "exec"}],
    }
    matrix = matrix_of(policy_set(applied(spec)), pod())
    assert [one.section for one in matrix.sections] == [one.name for one in SECTIONS]
    said = {one.section: [right.target for right in one.rights] for one in matrix.sections}
    assert said == {
        "process": ["/a\\\\b", "any program named x"],
        "file": [
            "/f",
            "the pattern /*.\\u202e",
            "/d/ and all below",
            "/ and what is directly in it",
        ],
        "network": ["sockets for tcp", "all sockets"],
        "dns": ["example.com and its subdomains"],
        "capabilities": ["the capability net_raw"],
        "syscalls": ["rmdir, unlink", "chmod on /d/ and all below"],
        "presets": ["the preset exec"],
    }
    file = next(one for one in matrix.sections if one.section == "file")
    assert file.rights[0].conditions == ("it is only read",)


def test_a_rule_that_no_section_has_is_not_passed_over() -> None:
    with pytest.raises(TypeError, match="no words for Rule"):
        target_of(object.__new__(Rule))


def test_it_is_json_and_back() -> None:
    found = matrix_of(policy_set(process({"path": "/a", "ownerOnly": True})), pod())
    assert msgspec.json.decode(msgspec.json.encode(found), type=Matrix) == found
