"""PolicyTest documents: what can be read, what is wrong with the rest, and how cases are judged."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from policy.changes import NamespaceChanged, SettingsChanged
from policy.documents import read_documents
from policy.expectations import CaseResult, Suite, read_suites, rules_never_credited, rules_of, run
from policy.expectations.running import differences
from policy.expectations.written import Expected
from policy.verdict import PostureReference, Reason, RuleReference, Verdict

HEAD = """\
apiVersion: lictor.dev/v1
kind: PolicyTest
"""
CASES = """\
workloads: {web: {namespace: ns, labels: {app: web}}}
tests:
- {name: a, event: {exec: /bin/a}, expect: block}
"""
POLICY = """\
apiVersion: security.kubearmor.com/v1
kind: KubeArmorPolicy
metadata: {name: p, namespace: ns}
spec:
  selector: {matchLabels: {app: web}}
  severity: 4
  tags: [t, u]
  message: "no"
  process: {matchPaths: [{path: /bin/a}, {path: /bin/b, action: Audit}, {path: /bin/c}]}
  network: {matchProtocols: [{protocol: "tcp,udp", action: Allow}]}
"""
RULE = RuleReference(
    kind="KubeArmorPolicy", namespace="ns", policy="p", hash="", place="spec.presets[0]", action="Block"
)


def suite(text: str) -> Suite:
    result = read_suites(text, "x.test.yaml")
    assert result.problems == ()
    (found,) = result.suites
    return found


def problems(text: str) -> list[str]:
    result = read_suites(text, "x.test.yaml")
    assert result.suites == ()
    return [str(one) for one in result.problems]


def judged(cases: str) -> list[CaseResult]:
    documents = read_documents(POLICY, "p.yaml")
    assert documents.problems == ()
    return list(run(suite(HEAD + dedent(cases)), documents.documents))


def test_a_suite_has_its_world_and_its_cases() -> None:
    found = suite(
        HEAD
        + dedent("""\
        metadata: {name: all}
        policies: [a.yaml, b]
        settings:
          filePosture: block
          hostNetworkPosture: allow
          visibility: [file]
          matchArgs: false
          untrackedNamespaces: [x]
        namespaces:
          ns: {annotations: {k: v}, posture: {file: block, network: audit}}
        workloads:
          web: {namespace: ns}
        tests:
        - name: one
          event: {exec: /bin/a, args: [b]}
          expect: {decision: block, posture: {mode: block}}
        - {name: two, workload: host, event: {read: /etc}, expect: allow}
        - {name: three, workload: {namespace: other}, event: {read: /etc}, expect: allow}
        """)
    )
    assert (found.name, found.title, found.policies) == ("all", "x.test.yaml  all", ("a.yaml", "b"))
    assert found.world == (
        SettingsChanged(
            file_posture="block",
            host_network_posture="allow",
            visibility=("file",),
            match_args=False,
            untracked_namespaces=("x",),
        ),
        NamespaceChanged(
            namespace="ns",
            annotations={"kubearmor-file-posture": "block", "kubearmor-network-posture": "audit", "k": "v"},
        ),
    )
    assert [(case.name, case.line, case.workload.title) for case in found.cases] == [
        ("one", 16, "ns/pod"),
        ("two", 19, "node-1/host"),
        ("three", 20, "other/pod"),
    ]
    assert found.cases[0].described == 'exec: /bin/a, args: ["b"]'


def test_a_suite_is_named_after_its_file_where_it_has_no_name() -> None:
    (found,) = read_suites(HEAD + CASES, "some/x.test.yaml").suites
    assert (found.name, found.title) == ("x.test.yaml", "some/x.test.yaml")
    assert found.policies is None


def test_a_text_may_hold_several_and_other_documents() -> None:
    text = f"{POLICY}---\n{HEAD}{CASES}---\n{HEAD}{CASES}---\nworkloads: []\n"
    assert len(read_suites(text, "x").suites) == 2
    found = read_documents(text, "x")
    assert ([one.name for one in found.documents], found.problems) == (["p"], ())


def test_what_only_looks_like_a_test_is_a_policy_with_a_problem() -> None:
    for text in (HEAD.replace("PolicyTest", "PolicyTests") + CASES, "workloads: []\nkind: x\n"):
        assert read_suites(text, "x") == ((), ())
        assert read_documents(text, "x").problems
    (problem,) = read_documents(HEAD.replace("PolicyTest", "PolicyTests"), "x").problems
    assert "did you mean PolicyTest?" in problem.sentence


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (CASES.replace("block}", "blok}"), "5:44: tests[0].expect.decision: blok is not right here"),
        (CASES.replace("block}", "{}}"), "5:44: tests[0].expect: expect something: decision, alert"),
        (CASES.replace("block}", "5}"), "5:44: tests[0].expect: expect takes a decision, such as block"),
        (CASES.replace("block}", "{reason: rule-blok}}"), "did you mean rule-block? [unknown-name]"),
        (CASES.replace("block}", "{severity: 11}}"), "5:55: tests[0].expect.severity: severity goes from"),
        (CASES.replace("exec", "exce"), "5:20: tests[0].event: say what happened"),
        (CASES.replace("name: a, ", ""), "5:3: tests[0].name: the field name is missing"),
        (CASES.replace("name: a", "name: ' '"), "5:10: tests[0].name: give it a name"),
        (CASES.replace("web: {", "host: {"), "3:13: workloads.host: host is a node already"),
        (CASES.replace("namespace", "namspace"), "3:19: workloads.web.namspace: namspace is not a field"),
        (CASES.replace("app: web", "app: 1"), "3:48: workloads.web.labels.app: it has to be text"),
        (
            CASES.replace("name: a,", "name: a, workload: wbe,"),
            "none of the workloads here: web, host; did you",
        ),
        (
            CASES.replace("workloads", "settings: {fileposture: block}\nworkloads"),
            "did you mean filePosture?",
        ),
        (
            CASES.replace(
                "workloads",
                "namespaces: {n: {annotations: {kubearmor-file-posture: a}, posture: {file: audit}}}\n"
                "workloads",
            ),
            "give either posture.file or the annotation kubearmor-file-posture [one-of]",
        ),
        (CASES + CASES.splitlines()[-1], "6:10: tests[1].name: an earlier test is called a too"),
        (
            CASES.replace("web: {namespace: ns", "x: {namespace: ns}, web: {namespace: ns"),
            "say whose event it is",
        ),
        ("tests: []", "3:8: tests: write at least one test"),
        ("workloads: {}", "1:1: tests: the field tests is missing"),
        ("tests: {}", "3:8: tests: it has to be a list"),
        ("tests: [5]", "3:9: tests[0]: it has to be a mapping"),
        ("tests: [{name: a, event: null, expect: null}]", "tests[0].event: it has no value"),
        ("tests: []\ntests: []", "4:1: tests: tests stands here twice"),
    ],
)
def test_problems_say_where_and_what_would_be_right(text: str, wanted: str) -> None:
    found = problems(HEAD + text)
    assert all(one.startswith("x.test.yaml:") for one in found)
    assert wanted in "\n".join(found)


def test_all_problems_are_told_in_the_order_written() -> None:
    text = HEAD + CASES.replace("ns,", "5,").replace("exec", "exce").replace("block", "blok")
    assert [one.split(": ")[1] for one in problems(text)] == [
        "workloads.web.namespace",
        "tests[0].event",
        "tests[0].expect.decision",
    ]


def test_a_value_that_is_missing_is_told_once() -> None:
    (problem,) = problems(HEAD + CASES.replace("/bin/a", "null"))
    assert problem.startswith("x.test.yaml:5:21: tests[0].event.exec: it has no value; give one")


def test_cases_are_judged_with_the_policies_in_force() -> None:
    results = judged("""\
        workloads: {web: {namespace: ns, labels: {app: web}}}
        tests:
        - name: denied
          event: {exec: /bin/a}
          expect:
            decision: block
            alert: true
            reason: rule-block
            policy: p
            rule: spec.process.matchPaths[0]
            action: Block
            severity: 4
            tags: [t, u]
            message: "no"
        - {name: told, event: {exec: /bin/b}, expect: {decision: audit, policy: ns/p}}
        - {name: missed, event: {socket: raw}, expect: {decision: audit, policy: DefaultPosture, posture: {}}}
        - {name: other, workload: host, event: {exec: /bin/a}, expect: {reason: no-policy}}
        """)
    assert [one.differences for one in results] == [(), (), (), ()]
    assert [one.selected for one in results] == [True, True, True, False]
    assert all(one.passed for one in results)


@pytest.mark.parametrize(
    ("world", "decision"),
    [
        ("", "audit"),
        ("settings: {networkPosture: block}", "block"),
        ("settings: {networkPosture: allow}", "allow"),
        ("settings: {networkPosture: block, untrackedNamespaces: [ns]}", "audit"),
        ("namespaces: {ns: {posture: {network: block}}}", "block"),
        ("namespaces: {ns: {posture: {file: block}}}", "audit"),
        ("namespaces: {ns: {annotations: {kubearmor-network-posture: block}}}", "block"),
    ],
)
def test_settings_and_namespaces_hold(world: str, decision: str) -> None:
    (result,) = judged(f"{world}\n{CASES}".replace("exec: /bin/a", "socket: raw"))
    assert result.verdict.decision == decision


def expected(**fields: Any) -> Expected:
    return Expected.model_validate(fields)


def compared(verdict: Verdict, **fields: Any) -> list[tuple[str, object, object]]:
    return [(one.field, one.expected, one.found) for one in differences(expected(**fields), verdict)]


def test_only_what_is_expected_is_compared() -> None:
    verdict = Verdict(decision="block", reason=Reason.RULE_BLOCK, sentence="", alert=True, decided_by=RULE)
    assert compared(verdict, decision="block", policy="p", rule="spec.presets[0]") == []
    assert compared(verdict, policy="ns/p") == []
    assert compared(verdict, policy="q", alert=False) == [("alert", False, True), ("policy", "q", "ns/p")]
    assert compared(verdict, severity=3, tags=("a", "b"), message="m", action="Block") == [
        ("action", "Block", None),
        ("severity", 3, None),
        ("tags", "a, b", None),
        ("message", "m", None),
    ]
    assert compared(verdict, tags=(), message="", action="") == []
    assert compared(verdict, posture={}) == [("posture", "any", None)]
    assert compared(verdict, posture={"mode": "block"}) == [("posture.mode", "block", None)]


def test_a_posture_is_compared_as_far_as_it_is_expected() -> None:
    by = PostureReference(posture="file", mode="audit", origin="global")
    verdict = Verdict(decision="audit", reason=Reason.POSTURE_AUDIT, sentence="", decided_by=by)
    assert compared(verdict, policy="DefaultPosture", posture={"kind": "file", "origin": "global"}) == []
    assert compared(verdict, rule="x", posture={"mode": "block", "kind": "network"}) == [
        ("rule", "x", None),
        ("posture.kind", "network", "file"),
        ("posture.mode", "block", "audit"),
    ]


def test_rules_that_decide_no_case_are_found() -> None:
    documents = read_documents(POLICY, "p.yaml").documents
    places = [rule.place for rule in rules_of(documents[0])]
    assert places == [
        "spec.process.matchPaths[0]",
        "spec.process.matchPaths[1]",
        "spec.process.matchPaths[2]",
        "spec.network.matchProtocols[0]",
    ]
    cases = CASES + "- {name: b, event: {socket: udp}, expect: allow}\n"
    never = rules_never_credited(documents, run(suite(HEAD + cases), documents))
    assert [rule.place for rule in never] == places[1:3]
    assert rules_never_credited(documents, []) == rules_of(documents[0])
