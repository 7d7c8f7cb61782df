"""What holds for a workload besides its rules: default posture, mode, visibility, enforcement."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from policy.changes import Enforcement
from policy.settings import (
    DEFAULT_ENFORCEMENT,
    NO_NAMESPACE,
    VISIBILITY,
    Namespace,
    PostureKind,
    Settings,
    visible_kinds,
)
from policy.verdict import Mode, PostureReference
from policy.workload import Workload

PolicyMode = Literal["enabled", "audited", "disabled"]
POLICY_MODE = "kubearmor-policy"
"""Annotation of pods."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a workload stands towards whatever rules select it."""

    host: bool
    complete: bool
    """Whether it is known whose it is; the host always is."""
    mode: PolicyMode
    untracked: bool
    """Whether `mode` is `audited` because of the namespace."""
    enforcement: Enforcement
    file: PostureReference
    network: PostureReference
    capabilities: PostureReference
    visible: frozenset[str]
    match_args: bool
    namespace: str


def posture_of(
    settings: Settings, namespace: Namespace, kind: PostureKind, *, host: bool = False
) -> PostureReference:
    """The default posture of a kind, and where it was set.

    A namespace's annotation holds where it says `audit` or `block`, in any case; anything else, and
    `allow` too, counts as absent.
    """
    if not host:
        written = namespace.annotations.get(f"kubearmor-{kind}-posture", "").strip().lower()
        if written in {"audit", "block"}:
            mode: Mode = "audit" if written == "audit" else "block"
            return PostureReference(posture=kind, mode=mode, origin="namespace")
    return PostureReference(posture=kind, mode=settings.posture(kind, host=host), origin="global")


def standing_of(workload: Workload, settings: Settings, namespaces: Mapping[str, Namespace]) -> Standing:
    """Everything but rules that decides about `workload`."""
    host = workload.kind == "host"
    namespace = NO_NAMESPACE if host else namespaces.get(workload.namespace, NO_NAMESPACE)
    untracked = not host and workload.namespace in settings.untracked_namespaces
    return Standing(
        host=host,
        complete=host or workload.complete,
        mode="enabled" if host else "audited" if untracked else _mode(workload),
        untracked=untracked,
        enforcement=settings.host_enforcement if host else namespace.enforcement or DEFAULT_ENFORCEMENT,
        file=posture_of(settings, namespace, "file", host=host),
        network=posture_of(settings, namespace, "network", host=host),
        capabilities=posture_of(settings, namespace, "capabilities", host=host),
        visible=_visible(workload, settings, namespace),
        match_args=settings.match_args,
        namespace="" if host else workload.namespace,
    )


def _mode(workload: Workload) -> PolicyMode:
    written = workload.annotations.get(POLICY_MODE, "").strip().lower()
    return "audited" if written == "audited" else "disabled" if written == "disabled" else "enabled"


def _visible(workload: Workload, settings: Settings, namespace: Namespace) -> frozenset[str]:
    """The nearest of pod (or node), namespace and global setting that says anything."""
    own = visible_kinds(workload.annotations.get(VISIBILITY))
    if own is not None:
        return own
    if workload.kind == "host":
        return visible_kinds(",".join(settings.host_visibility)) or frozenset()
    of_namespace = visible_kinds(namespace.annotations.get(VISIBILITY))
    if of_namespace is not None:
        return of_namespace
    return visible_kinds(",".join(settings.visibility)) or frozenset()
