"""Explanations: every rule that was considered, in order, and why it matches or not."""

from typing import Any

import msgspec
import pytest

from policy.changes import NamespaceChanged, SettingsChanged
from policy.events import (
    Executable,
    ExitEvent,
    FileEvent,
    JudgedEvent,
    MemoryEvent,
    NetworkEvent,
    SyscallEvent,
)
from policy.explanation import Answered, Explanation, explain
from policy.judge import judge
from policy.policy_set import PolicySet
from policy.verdict import PostureReference, Reason
from policy.workload import Workload
from tests.fixtures.policies import applied, execution, pod, policy_set

AT: dict[str, Any] = {"cpu": 0, "sequence": 0, "time_ns": 0, "boot_ns": 0, "pid": 9, "start_ns": 1}
BLOCK_FILES = NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": "block"})


def explained(event: JudgedEvent, policies: PolicySet, workload: Workload | None = None) -> Explanation:
    rules = policies.for_workload(workload or pod())
    found = explain(event, rules)
    assert found.verdict == judge(event, rules)
    assert sum(one.stands for one in found.questions) == (1 if found.questions else 0)
    return found


def only(found: Explanation) -> Answered:
    assert len(found.questions) == 1
    return found.questions[0]


def process(*rules: dict[str, Any], **more: Any) -> PolicySet:
    return policy_set(applied({"process": {"matchPaths": list(rules)} | more}))


def test_the_winner_is_marked_and_the_others_say_what_beats_them() -> None:
    policies = policy_set(
        applied(
            {
                "process": {
                    "matchPaths": [
                        {"path": "/usr/bin/x", "action": "Allow"},
                        {"path": "/usr/bin/x", "fromSource": [{"path": "/bin/bash"}]},
                        {"execname": "x"},
                        {"path": "/usr/bin/x"},
                        {"path": "/usr/bin/x"},
                    ],
                    "matchDirectories": [{"dir": "/usr/bin/"}, {"dir": "/usr/", "recursive": True}],
                    "matchPatterns": [{"pattern": "/usr/*/x"}],
                }
            }
        )
    )
    from_bash = only(explained(execution("/usr/bin/x"), policies))
    assert [(one.rule.place[len("spec.process.match") :], one.behind) for one in from_bash.competing] == [
        ("Paths[1]", ""),
        ("Paths[3]", "a rule with a matching source beats one without"),
        ("Paths[4]", "a rule with a matching source beats one without"),
        ("Paths[0]", "a rule with a matching source beats one without"),
        ("Paths[2]", "a rule with a matching source beats one without"),
        ("Patterns[0]", "a rule with a matching source beats one without"),
        ("Directories[0]", "a rule with a matching source beats one without"),
        ("Directories[1]", "a rule with a matching source beats one without"),
    ]
    from_sh = only(explained(execution("/usr/bin/x", source="/bin/sh"), policies))
    assert [one.decides for one in from_sh.competing] == [True] + [False] * 6
    assert [one.behind for one in from_sh.competing] == [
        "",
        "equal, and the other was applied first",
        "equally narrow, and a denial beats an Allow",
        *["a narrower target beats it"] * 4,
    ]
    assert [(one.rule.place, one.why, one.sources) for one in from_sh.apart] == [
        ("spec.process.matchPaths[1]", "source", ("/bin/bash",))
    ]


@pytest.mark.parametrize(
    ("rule", "more", "makes", "why"),
    [
        ({"action": "Allow"}, {}, "allow", ""),
        ({"action": "Allow", "ownerOnly": True}, {"uid": 5}, "miss", "the user is not the file's owner"),
        ({"ownerOnly": True}, {}, "pass", ""),
        ({"pts": False}, {"tty": "pts0"}, "deny", "a terminal is attached"),
        ({"allowedArgs": ["a"]}, {"args": ("x", "b")}, "deny", "the argument b is not listed"),
        (
            {"allowedArgs": ["a"]},
            {"args_redacted": True},
            "unknown",
            "the event does not tell all arguments",
        ),
    ],
)
def test_what_a_rule_makes_of_it_and_which_condition_says_so(
    rule: dict[str, Any], more: dict[str, Any], makes: str, why: str
) -> None:
    found = only(explained(execution("/x", **more), process({"path": "/x"} | rule)))
    (weighed,) = found.competing
    assert (weighed.makes, weighed.why, weighed.decides) == (makes, why, True)


def test_conditions_are_in_words() -> None:
    rule = {"path": "/x", "ownerOnly": True, "pts": False, "allowedArgs": ["b", "a"]}
    (weighed,) = only(explained(execution("/x"), process(rule))).competing
    assert weighed.conditions == (
        "the user owns the file",
        "no terminal is attached",
        "every argument is one of a, b",
    )
    off = policy_set(applied({"process": {"matchPaths": [rule]}}), SettingsChanged(match_args=False))
    (weighed,) = only(explained(execution("/x"), off)).competing
    assert weighed.conditions == ("the user owns the file", "no terminal is attached")


def test_allow_list_mode_says_who_switched_it_on_and_posture_where_it_is_from() -> None:
    policies = policy_set(
        applied({"process": {"matchPaths": [{"path": "/y"}, {"path": "/z", "action": "Allow"}]}}), BLOCK_FILES
    )
    found = only(explained(execution("/x"), policies))
    assert found.allow_list
    assert found.allow_list_by is not None
    assert found.allow_list_by.place == "spec.process.matchPaths[1]"
    assert found.posture == PostureReference(posture="file", mode="block", origin="namespace")
    assert [(one.target, one.why) for one in found.apart] == [("/y", "target"), ("/z", "target")]
    assert found.verdict.reason is Reason.POSTURE_BLOCK
    assert not only(explained(execution("/x"), process({"path": "/y"}))).allow_list


def test_an_audit_rule_that_is_credited_leaves_the_winner_uncredited() -> None:
    policies = process(
        {"path": "/x", "action": "Allow"},
        {"path": "/x", "action": "Audit", "ownerOnly": True},
        {"execname": "x", "action": "Audit"},
        {"path": "/x", "action": "Audit"},
    )
    found = only(explained(execution("/x"), policies))
    assert [one.decides for one in found.competing] == [False]
    assert "Audit rule" in found.competing[0].behind
    assert [(one.makes, one.decides, one.behind) for one in found.audits] == [
        ("silence", False, "its conditions permit the event"),
        ("alert", True, ""),
        ("alert", False, "another Audit rule is told first"),
    ]


def test_a_denial_beats_audits() -> None:
    found = only(explained(execution("/x"), process({"path": "/x"}, {"path": "/x", "action": "Audit"})))
    assert found.competing[0].decides
    assert found.audits[0].behind == "only what passes is told, and this is denied"


def test_an_audit_rule_of_a_comma_list_is_marked_once() -> None:
    policies = policy_set(
        applied({"action": "Audit", "network": {"matchProtocols": [{"protocol": "stream,tcp"}]}})
    )
    found = only(explained(NetworkEvent(**AT, family=2, type=1), policies))
    assert [(one.target, one.decides) for one in found.audits] == [
        ("sockets for stream", True),
        ("sockets for tcp", False),
    ]


def test_a_path_that_is_not_whole_satisfies_no_allow() -> None:
    event = msgspec.structs.replace(execution("/x"), executable=Executable(path="in/x", truncated=True))
    found = only(explained(event, process({"path": "/usr/bin/x", "action": "Allow"}, {"path": "/sbin/x"})))
    assert [(one.rule.action, one.why) for one in found.apart] == [("Allow", "not-exact")]
    assert [one.target for one in found.competing] == ["/sbin/x"]


def test_a_script_is_asked_about_twice_and_the_worse_stands() -> None:
    event = execution("/usr/bin/dash", script="/opt/run.sh")
    found = explained(event, process({"path": "/usr/bin/dash"}))
    assert [one.stands for one in found.questions] == [False, True]
    found = explained(event, process({"path": "/usr/bin/dash"}, {"path": "/opt/run.sh"}))
    assert [one.stands for one in found.questions] == [True, False]
    assert found.questions[0].verdict.decision == found.questions[1].verdict.decision == "block"


def test_presets_are_questions_of_their_own() -> None:
    policies = policy_set(applied({"presets": [{"name": "exec", "action": "Block"}]}))
    found = explained(execution("/x", entered=True), policies)
    assert [(one.section, one.stands) for one in found.questions] == [("process", False), ("presets", True)]
    assert found.questions[1].posture is None
    assert found.questions[1].competing[0].target == "the preset exec"
    assert [one.section for one in explained(MemoryEvent(**AT), policies).questions] == ["presets"]


def test_renaming_asks_about_both_names() -> None:
    policies = policy_set(applied({"file": {"matchPaths": [{"path": "/new"}]}}))
    event = FileEvent(**AT, access="rename", path="/old", new_path="/new")
    assert [one.stands for one in explained(event, policies).questions] == [False, True]


def test_system_calls_have_no_posture_and_need_no_visibility() -> None:
    rule = {"syscall": ["unlink"], "fromSource": [{"dir": "/bin/"}]}
    policies = policy_set(applied({"syscalls": {"matchSyscalls": [rule]}}))
    event = SyscallEvent(**AT, syscall="unlink", actor=Executable(path="/bin/rm"))
    found = only(explained(event, policies))
    assert (found.posture, found.visibility, found.visible) == (None, None, True)
    assert found.audits[0].sources == ("/bin/ and what is directly in it",)


@pytest.mark.parametrize(
    ("workload", "mode", "reason"),
    [
        (pod(annotations={"kubearmor-policy": "disabled"}), "disabled", Reason.DISABLED_WORKLOAD),
        (pod(annotations={"kubearmor-policy": "audited"}), "audited", Reason.AUDITED_WORKLOAD),
        (pod(complete=False), "enabled", Reason.IDENTITY_INCOMPLETE),
    ],
)
def test_the_mode_is_told(workload: Workload, mode: str, reason: Reason) -> None:
    found = explained(execution("/x"), process({"path": "/x"}), workload)
    assert (found.mode, found.verdict.reason, found.complete) == (mode, reason, workload.complete)


def test_an_untracked_namespace_is_told() -> None:
    policies = policy_set(
        applied({"process": {"matchPaths": [{"path": "/x"}]}}, namespace="kube-system"),
    )
    assert explained(execution("/x"), policies, pod(namespace="kube-system")).untracked


def test_visibility_is_told() -> None:
    quiet = pod(annotations={"kubearmor-visibility": "file"})
    found = only(explained(execution("/x"), process({"path": "/x", "action": "Audit"}), quiet))
    assert (found.visibility, found.visible, found.verdict.alert) == ("process", False, False)


def test_the_end_of_a_process_is_asked_of_nobody() -> None:
    found = explain(ExitEvent(**AT), process({"path": "/x"}).for_workload(pod()))
    assert (found.questions, found.verdict.reason) == ((), Reason.NO_POLICY)


def test_it_is_json_and_back() -> None:
    found = explained(execution("/x"), process({"path": "/x"}, {"path": "/y"}))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Explanation) == found
