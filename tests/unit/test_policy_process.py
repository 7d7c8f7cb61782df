"""Executions: which rule decides, scripts, truncated paths, arguments, sources, sentences."""

from typing import Any

import msgspec
import pytest

from policy.changes import Change, NamespaceChanged, SettingsChanged
from policy.events import Executable, ExitEvent, Process, ProcessEvent
from policy.judge import judge
from policy.verdict import PostureReference, Reason, RuleReference, Verdict
from tests.fixtures.policies import applied, execution, pod, policy_set

BLOCKING = NamespaceChanged(namespace="ns", annotations={"kubearmor-file-posture": "block"})


def section(*paths: dict[str, Any], action: str = "Block", **more: Any) -> dict[str, Any]:
    return {"action": action, "process": {"matchPaths": list(paths)} | more}


def directories(*rules: dict[str, Any], action: str = "Block") -> dict[str, Any]:
    return {"action": action, "process": {"matchDirectories": list(rules)}}


def verdict(event: ProcessEvent, *changes: Change) -> Verdict:
    return judge(event, policy_set(*changes).for_workload(pod()))


def decided(event: ProcessEvent, *changes: Change) -> tuple[str, str]:
    """The decision, and policy and place of what decided."""
    found = verdict(event, *changes)
    by = found.decided_by
    if isinstance(by, RuleReference):
        return found.decision, f"{by.policy} {by.place.removeprefix('spec.process.')}"
    return found.decision, by.posture if by else ""


def test_a_source_beats_a_more_specific_rule_without() -> None:
    changes = (
        applied(section({"path": "/a/b"}), "exact"),
        applied(
            directories({"dir": "/", "recursive": True, "fromSource": [{"path": "/s"}]}, action="Allow"),
            "src",
        ),
    )
    assert decided(execution("/a/b", "/s"), *changes) == ("allow", "src matchDirectories[0]")
    assert decided(execution("/a/b", "/t"), *changes) == ("block", "exact matchPaths[0]")


def test_path_beats_execname_beats_pattern_beats_directory() -> None:
    layers = [
        applied(directories({"dir": "/a/"}, action="Allow"), "directory"),
        applied({"process": {"matchPatterns": [{"pattern": "/a/*"}]}}, "pattern"),
        applied(section({"execname": "b"}, action="Allow"), "execname"),
        applied(section({"path": "/a/b"}), "path"),
    ]
    expected = ["directory", "pattern", "execname", "path"]
    for number, name in enumerate(expected, start=1):
        for order in (layers[:number], layers[:number][::-1]):
            decision, by = decided(execution("/a/b"), *order)
            assert by.split()[0] == name
            assert decision == ("allow" if number % 2 else "block")


def test_deeper_beats_shallower_and_not_recursive_beats_recursive() -> None:
    rules = [
        {"dir": "/", "recursive": True},
        {"dir": "/a/", "recursive": True},
        {"dir": "/a/b/", "recursive": True},
    ]
    changes = [
        applied(directories(rules[0]), "d0"),
        applied(directories(rules[1], action="Allow"), "d1"),
        applied(directories(rules[2]), "d2"),
        applied(directories({"dir": "/a/b/"}, action="Allow"), "d3"),
    ]
    assert decided(execution("/x"), *changes)[1] == "d0 matchDirectories[0]"
    assert decided(execution("/a/x/y"), *changes)[1] == "d1 matchDirectories[0]"
    assert decided(execution("/a/b/c/d"), *changes)[1] == "d2 matchDirectories[0]"
    assert decided(execution("/a/b/c"), *changes)[1] == "d3 matchDirectories[0]"


@pytest.mark.parametrize(
    ("path", "recursive", "matches"),
    [
        ("/etc", False, True),
        ("/etc/x", False, True),
        ("/etc/x/y", False, False),
        ("/etc/x/y", True, True),
        ("/etcetera", True, False),
        ("/etcetera/x", True, False),
        ("/x/etc/y", True, False),
    ],
)
def test_directories(path: str, recursive: bool, matches: bool) -> None:
    change = applied(directories({"dir": "/etc/", "recursive": recursive}))
    assert (verdict(execution(path), change).decision == "block") is matches


def test_among_equals_a_denial_beats_a_miss_beats_a_pass_beats_an_allow() -> None:
    allow = applied(section({"path": "/a"}, action="Allow"), "allow")
    permitted = applied(section({"path": "/a", "pts": False}), "pass")
    miss = applied(section({"path": "/a", "ownerOnly": True}, action="Allow"), "miss")
    deny = applied(section({"path": "/a"}), "deny")
    event = execution("/a", uid=1, owner_uid=2)
    for order in ((allow, permitted), (permitted, allow)):
        assert decided(event, *order) == ("allow", "pass matchPaths[0]")
    for order in ((allow, permitted, miss), (miss, permitted, allow)):
        assert decided(event, BLOCKING, *order) == ("block", "file")
    for order in ((allow, permitted, miss, deny), (deny, miss, permitted, allow)):
        assert decided(event, BLOCKING, *order) == ("block", "deny matchPaths[0]")


def test_among_equals_the_policy_applied_first_is_credited() -> None:
    one, two = (applied(section({"path": "/a", "severity": 3 + n}), f"p{n}") for n in range(2))
    assert decided(execution("/a"), one, two)[1].startswith("p0")
    assert decided(execution("/a"), two, one)[1].startswith("p1")


def test_an_audit_rule_alerts_when_the_event_passes_and_not_when_it_is_denied() -> None:
    audit = applied(section({"path": "/a"}, action="Audit"), "audit")
    assert decided(execution("/a"), audit) == ("audit", "audit matchPaths[0]")
    allow = applied(directories({"dir": "/"}, action="Allow"), "allow")
    assert decided(execution("/a"), audit, allow) == ("audit", "audit matchPaths[0]")
    other = applied(section({"path": "/b"}, action="Allow"), "other")
    assert decided(execution("/a"), audit, other) == ("audit", "audit matchPaths[0]")
    assert decided(execution("/a"), BLOCKING, audit, other) == ("block", "file")
    deny = applied(directories({"dir": "/"}), "deny")
    assert decided(execution("/a"), audit, deny) == ("block", "deny matchDirectories[0]")


def test_an_audit_rule_with_qualifiers_alerts_on_what_they_forbid() -> None:
    change = applied(section({"path": "/a", "ownerOnly": True}, action="Audit"))
    assert verdict(execution("/a", uid=1, owner_uid=2), change).reason == Reason.RULE_AUDIT
    assert verdict(execution("/a", uid=1, owner_uid=1), change).reason == Reason.NO_POLICY


def test_owner_only_makes_no_exception_for_root() -> None:
    change = applied(section({"path": "/a", "ownerOnly": True}))
    assert verdict(execution("/a", uid=0, owner_uid=5), change).decision == "block"
    assert verdict(execution("/a", uid=5, owner_uid=5), change).reason == Reason.RULE_PASS


def test_pts_false_denies_only_with_a_terminal() -> None:
    change = applied(section({"path": "/a", "pts": False}))
    assert verdict(execution("/a", tty="pts0"), change).decision == "block"
    assert verdict(execution("/a"), change).decision == "allow"
    assert verdict(execution("/a"), applied(section({"path": "/a", "pts": True}))).decision == "block"


@pytest.mark.parametrize(
    ("args", "decision"),
    [
        (("x", "-m", "random"), "allow"),
        (("x", "random", "-m", "-m"), "allow"),
        (("x", "-m"), "allow"),
        (("x", "-m", "pydoc"), "block"),
        (("x",), "block"),
        ((), "block"),
    ],
)
def test_allowed_args(args: tuple[str, ...], decision: str) -> None:
    change = applied(section({"path": "/a", "allowedArgs": ["-m", "random"]}))
    assert verdict(execution("/a", args=args), change).decision == decision
    off = SettingsChanged(match_args=False)
    assert verdict(execution("/a", args=args), off, change).decision == "block"


@pytest.mark.parametrize("flag", ["args_truncated", "args_redacted"])
def test_arguments_that_are_not_all_known_decide_unknown(flag: str) -> None:
    change = applied(section({"path": "/a", "allowedArgs": ["-m"]}))
    found = verdict(execution("/a", args=("a", "-m"), **{flag: True}), change)
    assert (found.decision, found.reason, found.alert) == ("unknown", Reason.ARGUMENTS_UNKNOWN, True)
    assert verdict(execution("/b", **{flag: True}), change).decision == "allow"
    both = applied(section({"path": "/a", "allowedArgs": ["-m"], "ownerOnly": True}))
    denied = verdict(execution("/a", args=("a", "-m"), uid=1, owner_uid=2, **{flag: True}), both)
    assert denied.decision == "block"


def test_the_memo_tells_apart_what_matters() -> None:
    rules = policy_set(
        applied(
            section({"path": "/a", "allowedArgs": ["-m"]}, {"path": "/b", "fromSource": [{"path": "/s"}]})
        )
    ).for_workload(pod())
    known = execution("/a", args=("a", "-m"))
    assert judge(known, rules).decision == "allow"
    assert judge(execution("/a", args=("a", "-m"), args_redacted=True), rules).decision == "unknown"
    assert judge(execution("/a", args=("a", "-m"), args_truncated=True), rules).decision == "unknown"
    assert judge(execution("/a", args=("a", "-x")), rules).decision == "block"
    assert judge(known, rules) is judge(execution("/a", args=("a", "-m"), pid=9), rules)
    assert judge(execution("/b", "/s"), rules).decision == "block"
    assert judge(execution("/b", "/t"), rules).decision == "allow"


def test_a_source_that_was_not_seen_is_the_parent_and_else_nobody() -> None:
    change = applied(section({"path": "/a", "fromSource": [{"path": "/s"}]}))
    parent = (Process(pid=1, start_ns=1, executable=Executable(path="/s")),)
    assert verdict(execution("/a", None, ancestors=parent), change).decision == "block"
    assert verdict(execution("/a", "/t", ancestors=parent), change).decision == "allow"
    assert verdict(execution("/a", None), change).decision == "allow"


LONG = "/deep" * 50 + "/bash"


def truncated(tail: str, **more: Any) -> ProcessEvent:
    return execution(tail, **more, executable=Executable(path=tail, truncated=True))


@pytest.mark.parametrize(
    ("spec", "tail", "decision"),
    [
        (section({"path": "/a/b/bash"}), "/b/bash", "block"),
        (section({"path": "/a/b/bash"}), "/c/bash", "allow"),
        (section({"path": "/a/b/bash"}), LONG, "allow"),
        (section({"execname": "bash"}), LONG, "block"),
        (section({"execname": "dash"}), LONG, "allow"),
        (directories({"dir": "/tmp/", "recursive": True}), LONG, "block"),
        (directories({"dir": "/tmp/"}), LONG, "allow"),
        (directories({"dir": "/a/b/"}), "/b/x", "block"),
        ({"process": {"matchPatterns": [{"pattern": "/tmp/**"}]}}, LONG, "block"),
        ({"process": {"matchPatterns": [{"pattern": "/tmp/**/*.sh"}]}}, LONG, "allow"),
        ({"process": {"matchPatterns": [{"pattern": "/tmp/*"}]}}, LONG, "allow"),
    ],
)
def test_a_truncated_path_matches_block_rules_as_far_as_it_goes(
    spec: dict[str, Any], tail: str, decision: str
) -> None:
    assert verdict(truncated(tail), applied(spec)).decision == decision


def test_a_truncated_path_satisfies_no_allow() -> None:
    allow = applied(directories({"dir": "/", "recursive": True}, action="Allow"))
    assert verdict(execution(LONG), BLOCKING, allow).decision == "allow"
    found = verdict(truncated(LONG), BLOCKING, allow)
    assert (found.decision, found.reason) == ("block", Reason.POSTURE_BLOCK)
    assert "..." in found.sentence


def test_a_truncated_source_satisfies_no_allow_and_matches_blocks() -> None:
    source = Executable(path="/b/s", truncated=True)
    event = msgspec.structs.replace(execution("/a"), source=source)
    from_source = {"path": "/a", "fromSource": [{"path": "/a/b/s"}]}
    assert verdict(event, applied(section(from_source))).decision == "block"
    assert verdict(event, BLOCKING, applied(section(from_source, action="Allow"))).decision == "block"


def script(path: str, interpreter: str = "/bin/sh", **more: Any) -> ProcessEvent:
    return execution(interpreter, script=path, **more)


def test_a_script_is_judged_as_file_and_as_interpreter() -> None:
    of_file = applied(section({"path": "/opt/x.sh"}), "file")
    of_interpreter = applied(section({"path": "/bin/sh"}), "interpreter")
    both_allowed = applied(section({"path": "/opt/x.sh"}, {"path": "/bin/sh"}, action="Allow"), "allow")
    assert decided(script("/opt/x.sh"), of_file) == ("block", "file matchPaths[0]")
    assert decided(script("/opt/x.sh"), of_interpreter) == ("block", "interpreter matchPaths[0]")
    assert decided(script("/opt/x.sh"), of_interpreter, of_file) == ("block", "file matchPaths[0]")
    assert decided(script("/opt/x.sh"), BLOCKING, both_allowed)[0] == "allow"
    assert decided(script("/opt/y.sh"), BLOCKING, both_allowed) == ("block", "file")
    assert decided(script("/opt/x.sh", "/bin/zsh"), BLOCKING, both_allowed) == ("block", "file")
    assert decided(execution("/bin/sh"), BLOCKING, both_allowed)[0] == "allow"


def test_the_worse_of_two_decisions_stands() -> None:
    audit = applied(section({"path": "/opt/x.sh"}, action="Audit"), "audit")
    allow = applied(section({"path": "/bin/sh"}, action="Allow"), "allow")
    assert decided(script("/opt/x.sh"), audit, allow) == ("audit", "audit matchPaths[0]")
    unknown = applied(section({"path": "/bin/sh", "allowedArgs": ["x"]}), "unknown")
    event = script("/opt/x.sh", args_redacted=True)
    assert decided(event, audit, unknown) == ("unknown", "unknown matchPaths[0]")


@pytest.mark.parametrize("written", ["/opt/./x.sh", "//opt//x.sh", "/usr/../opt/x.sh"])
def test_a_block_on_a_script_is_not_evaded_by_spelling(written: str) -> None:
    assert verdict(script(written), applied(section({"path": "/opt/x.sh"}))).decision == "block"


def test_a_script_path_that_may_lead_elsewhere_satisfies_no_allow() -> None:
    allow = applied({"action": "Allow", "process": {"matchDirectories": [{"dir": "/", "recursive": True}]}})
    assert verdict(script("/opt/x.sh"), BLOCKING, allow).decision == "allow"
    assert verdict(script("/opt/./x.sh"), BLOCKING, allow).decision == "allow"
    assert verdict(script("/opt/link/../x.sh"), BLOCKING, allow).decision == "block"
    assert verdict(script("x.sh"), BLOCKING, allow).decision == "block"


def test_owner_only_on_a_script_is_unknown_since_events_carry_the_interpreters_owner() -> None:
    change = applied(section({"path": "/opt/x.sh", "ownerOnly": True}))
    found = verdict(script("/opt/x.sh"), change)
    assert (found.decision, found.reason) == ("unknown", Reason.OWNER_UNKNOWN)


@pytest.mark.parametrize(
    ("args", "decision"),
    [
        (("/bin/sh", "/opt/x.sh", "-v"), "allow"),
        (("/bin/sh", "-e", "/opt/x.sh", "-v"), "allow"),
        (("/bin/sh", "./x.sh", "-v"), "allow"),
        (("/bin/sh", "/opt/x.sh", "-q"), "block"),
        (("/bin/sh", "/opt/x.sh"), "block"),
        (("/bin/sh", "elsewhere", "-v"), "unknown"),
    ],
)
def test_a_scripts_arguments_come_after_its_name(args: tuple[str, ...], decision: str) -> None:
    change = applied(section({"path": "/opt/x.sh", "allowedArgs": ["-v"]}))
    assert verdict(script("/opt/x.sh", args=args, cwd="/opt"), change).decision == decision


def test_backslashes_and_bytes_are_compared_as_events_carry_them() -> None:
    change = applied(section({"path": "/tmp/a\\b"}))
    assert verdict(execution("/tmp/a\\\\b"), change).decision == "block"
    assert verdict(execution("/tmp/a\\b"), change).decision == "allow"


def test_doubled_slashes_in_a_document_count_once() -> None:
    change = applied(section({"path": "//a//b", "fromSource": [{"path": "//s"}]}))
    assert verdict(execution("/a/b", "/s"), change).decision == "block"
    assert verdict(execution("/x/y/z"), applied(directories({"dir": "//x//y/"}))).decision == "block"


def test_labels_come_from_the_level_nearest_the_rule() -> None:
    spec = {
        "severity": 2,
        "message": "spec",
        "tags": ["spec"],
        "process": {
            "severity": 4,
            "message": "section",
            "matchPaths": [
                {"path": "/a", "severity": 7, "message": "rule", "tags": ["x", "y"]},
                {"path": "/b"},
                {"path": "/c", "tags": []},
            ],
        },
    }
    found = [verdict(execution(path), applied(spec)) for path in ("/a", "/b", "/c")]
    assert [(one.severity, one.message, one.tags) for one in found] == [
        (7, "rule", ("x", "y")),
        (4, "section", ("spec",)),
        (4, "section", ()),
    ]
    assert verdict(execution("/a"), applied(section({"path": "/a"}))).severity is None


def test_a_verdict_names_rule_document_and_why_in_a_sentence() -> None:
    change = applied(
        section({"path": "/bin/ls", "fromSource": [{"path": "/bin/dash"}], "pts": False}), "no-ls"
    )
    current = policy_set(change)
    found = judge(execution("/bin/ls", "/bin/dash", tty="pts0"), current.for_workload(pod()))
    assert found.decided_by == RuleReference(
        kind="KubeArmorPolicy",
        namespace="ns",
        policy="no-ls",
        hash=current.documents[0].hash,
        place="spec.process.matchPaths[0]",
        action="Block",
    )
    assert found.sentence == (
        "/bin/ls, run by /bin/dash, is denied by spec.process.matchPaths[0] of "
        "KubeArmorPolicy ns/no-ls: a terminal is attached."
    )


def test_a_posture_verdict_says_where_the_posture_was_set() -> None:
    allow = applied(section({"path": "/a"}, action="Allow", severity=5))
    found = verdict(execution("/b"), BLOCKING, allow)
    assert found.decided_by == PostureReference(posture="file", mode="block", origin="namespace")
    assert (found.severity, found.tags, found.message) == (None, (), "")
    assert found.sentence == "/b is denied: no rule allows it, and namespace ns's file posture is block."


def test_sentences_are_safe_to_show_and_bounded() -> None:
    hostile = "/tmp/\x1b[2J\u202e\n" + "x" * 5000
    sentence = verdict(execution(hostile), applied(directories({"dir": "/tmp/"}))).sentence
    assert sentence.isprintable()
    assert len(sentence) < 500


def test_the_end_of_a_process_is_not_judged() -> None:
    event = ExitEvent(cpu=0, sequence=0, time_ns=0, boot_ns=0, pid=1, start_ns=0)
    rules = policy_set(BLOCKING, applied(directories({"dir": "/", "recursive": True}))).for_workload(pod())
    found = judge(event, rules)
    assert (found.decision, found.alert) == ("allow", False)
    assert judge(event, rules) is found
