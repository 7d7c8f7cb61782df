"""Default posture, modes, visibility and identity: what holds for a workload besides its rules."""

import itertools
from typing import Any

import pytest

from policy.changes import NamespaceChanged, SettingsChanged
from policy.judge import judge
from policy.verdict import PostureReference, Reason, Verdict
from policy.workload import Workload
from tests.fixtures.policies import applied, execution, host, pod, policy_set

ALLOW = {"action": "Allow", "process": {"matchPaths": [{"path": "/a"}]}}
BLOCK = {"action": "Block", "process": {"matchPaths": [{"path": "/b"}]}}
AUDIT = {"action": "Audit", "process": {"matchPaths": [{"path": "/b"}]}}


def annotated(**annotations: str) -> NamespaceChanged:
    return NamespaceChanged(
        namespace="ns",
        annotations={f"kubearmor-{key.replace('_', '-')}": value for key, value in annotations.items()},
    )


def verdict(workload: Workload, *changes: Any, path: str = "/b") -> Verdict:
    return judge(execution(path), policy_set(*changes).for_workload(workload))


@pytest.mark.parametrize(
    ("own", "globally"),
    list(itertools.product(["", "audit", "BLOCK", " block ", "allow", "x"], ["audit", "block", "allow"])),
)
def test_posture_of_a_miss(own: str, globally: Any) -> None:
    says = own.strip().lower() in {"audit", "block"}
    mode = own.strip().lower() if says else globally
    found = verdict(
        pod(), SettingsChanged(file_posture=globally), annotated(file_posture=own), applied(ALLOW)
    )
    expected = {
        "audit": ("audit", "Audit", True, Reason.POSTURE_AUDIT),
        "block": ("block", "Block", True, Reason.POSTURE_BLOCK),
        "allow": ("allow", "Allow", False, Reason.POSTURE_ALLOW),
    }
    assert (found.decision, found.action, found.alert, found.reason) == expected[mode]
    origin = "namespace" if says else "global"
    assert found.decided_by == PostureReference(posture="file", mode=mode, origin=origin)


def test_posture_is_audit_where_nobody_set_it() -> None:
    assert verdict(pod(), applied(ALLOW)).reason == Reason.POSTURE_AUDIT


@pytest.mark.parametrize(
    ("changes", "applies"),
    [
        ([], False),
        ([applied(BLOCK)], False),
        ([applied(AUDIT)], False),
        ([applied({"action": "Allow", "file": {"matchPaths": [{"path": "/a"}]}})], False),
        ([applied({"action": "Allow", "network": {"matchProtocols": [{"protocol": "tcp"}]}})], False),
        ([applied(ALLOW | {"selector": {"matchLabels": {"app": "other"}}})], False),
        ([applied(ALLOW, namespace="other")], False),
        ([applied(ALLOW)], True),
        ([applied(ALLOW, kind="KubeArmorClusterPolicy")], True),
        ([applied(BLOCK | {"process": {"matchPaths": [{"path": "/z", "action": "Allow"}]}})], True),
        (
            [
                applied(
                    {
                        "action": "Allow",
                        "process": {"matchPaths": [{"path": "/z", "fromSource": [{"path": "/s"}]}]},
                    }
                )
            ],
            True,
        ),
    ],
)
def test_posture_applies_only_where_an_allow_rule_of_the_section_selects(
    changes: list[Any], applies: bool
) -> None:
    found = verdict(pod(), annotated(file_posture="block"), *changes, path="/c")
    assert (found.reason == Reason.POSTURE_BLOCK) is applies
    assert (found.reason == Reason.NO_POLICY) is not applies


def test_a_hosts_posture_is_its_own() -> None:
    spec = ALLOW | {"nodeSelector": {"matchLabels": {"kubearmor.io/hostname": "*"}}}
    policies = (applied(spec, kind="KubeArmorHostPolicy", namespace=""), applied(ALLOW))
    pods_block = (SettingsChanged(file_posture="block"), annotated(file_posture="block"), *policies)
    assert verdict(host(), *pods_block).reason == Reason.POSTURE_AUDIT
    hosts_block = (SettingsChanged(host_file_posture="block"), *policies)
    assert verdict(host(), *hosts_block).reason == Reason.POSTURE_BLOCK
    assert verdict(pod(), *hosts_block).reason == Reason.POSTURE_AUDIT


@pytest.mark.parametrize("spec", [BLOCK, ALLOW])
@pytest.mark.parametrize("how", ["annotation", "kube-system", "lictor", "set"])
def test_an_audited_workload_is_told_what_would_have_been_denied(spec: dict[str, Any], how: str) -> None:
    workload, changes = (
        pod(annotations={"kubearmor-policy": "Audited"}),
        [SettingsChanged(file_posture="block")],
    )
    namespace = "ns"
    if how != "annotation":
        namespace = "own" if how == "set" else how
        workload = pod(namespace=namespace)
    if how == "set":
        changes.append(SettingsChanged(untracked_namespaces=("own",)))
    found = verdict(workload, *changes, applied(spec, namespace=namespace))
    assert (found.decision, found.action, found.alert) == ("audit", "Audit (Block)", True)
    assert found.reason == Reason.AUDITED_WORKLOAD
    assert found.decided_by is not None
    assert ("untracked" in found.sentence) is (how != "annotation")


def test_an_audited_workload_under_posture_audit_is_as_any_other() -> None:
    found = verdict(pod(annotations={"kubearmor-policy": "audited"}), applied(ALLOW))
    assert (found.action, found.reason) == ("Audit", Reason.POSTURE_AUDIT)


def test_untracked_namespaces_are_audited_whatever_the_pod_says() -> None:
    workload = pod(namespace="kube-system", annotations={"kubearmor-policy": "disabled"})
    assert verdict(workload, applied(BLOCK, namespace="kube-system")).action == "Audit (Block)"


def test_a_disabled_workload_has_no_policies() -> None:
    found = verdict(pod(annotations={"kubearmor-policy": "disabled"}), applied(BLOCK))
    assert (found.decision, found.alert, found.reason) == ("allow", False, Reason.DISABLED_WORKLOAD)
    assert verdict(pod(annotations={"kubearmor-policy": "x"}), applied(BLOCK)).decision == "block"


def test_without_identity_the_answer_is_unknown_and_always_an_alert() -> None:
    unknown = pod(complete=False, namespace="", labels={})
    silent = SettingsChanged(visibility=("none",))
    for changes in ((), (silent, applied(BLOCK, kind="KubeArmorClusterPolicy"))):
        found = verdict(unknown, *changes)
        assert (found.decision, found.alert, found.reason) == ("unknown", True, Reason.IDENTITY_INCOMPLETE)


def test_the_host_is_always_known() -> None:
    spec = BLOCK | {"nodeSelector": {}}
    assert verdict(host(complete=False), applied(spec, kind="KubeArmorHostPolicy")).decision == "block"


@pytest.mark.parametrize(
    ("of_pod", "of_namespace", "globally", "visible"),
    [
        (None, None, ("process",), True),
        (None, None, ("file",), False),
        (None, None, ("none",), False),
        (None, None, (), False),
        (None, "process", ("none",), True),
        (None, "none", ("process",), False),
        (None, "file, Process ", ("none",), True),
        (None, "nonsense", ("process",), True),
        (None, "", ("process",), True),
        ("process", "none", ("none",), True),
        ("none", "process", ("process",), False),
        ("nonsense", "process", ("none",), True),
    ],
)
def test_an_audit_alert_needs_its_kind_visible(
    of_pod: str | None, of_namespace: str | None, globally: tuple[str, ...], visible: bool
) -> None:
    workload = pod(annotations={} if of_pod is None else {"kubearmor-visibility": of_pod})
    changes = [SettingsChanged(visibility=globally, host_visibility=())]
    of_its_namespace = [] if of_namespace is None else [annotated(visibility=of_namespace)]
    for spec in (AUDIT, ALLOW):
        found = verdict(workload, *changes, *of_its_namespace, applied(spec))
        assert (found.decision, found.alert) == ("audit", visible)
    assert verdict(workload, *changes, *of_its_namespace, applied(BLOCK)).alert


@pytest.mark.parametrize(("of_node", "visible"), [(None, False), ("process", True), ("none", False)])
def test_a_nodes_visibility(of_node: str | None, visible: bool) -> None:
    workload = host(annotations={} if of_node is None else {"kubearmor-visibility": of_node})
    audit = applied(AUDIT | {"nodeSelector": {}}, kind="KubeArmorHostPolicy")
    assert verdict(workload, SettingsChanged(host_visibility=("none",)), audit).alert is visible


def test_enforcement_is_the_namespaces_and_the_hosts_is_off_until_asked_for() -> None:
    current = policy_set()
    assert current.for_workload(pod()).enforcement == "terminate"
    assert current.for_workload(host()).enforcement == "off"
    off = policy_set(
        NamespaceChanged(namespace="ns", enforcement="off"), SettingsChanged(host_enforcement="terminate")
    )
    assert off.for_workload(pod()).enforcement == "off"
    assert off.for_workload(pod(namespace="other")).enforcement == "terminate"
    assert off.for_workload(host()).enforcement == "terminate"
    assert off.enforcement_of("ns") == "off"
    again = off.apply(NamespaceChanged(namespace="ns", enforcement=None), 9)
    assert again.for_workload(pod()).enforcement == "terminate"
