"""What holds besides the documents: global settings and the state of namespaces.

Both change by patches (`policy.changes`): what a patch does not name stays as it was.
"""

from typing import Literal, get_args

import msgspec

from policy.changes import Enforcement, NamespaceChanged, SettingsChanged
from policy.throttling import Limits
from policy.verdict import Mode

PostureKind = Literal["file", "network", "capabilities"]
"""`file` covers processes too."""
VisibleKind = Literal["process", "file", "network", "capabilities"]

VISIBLE_KINDS: tuple[VisibleKind, ...] = get_args(VisibleKind)
VISIBILITY = "kubearmor-visibility"
"""Annotation of namespaces, nodes and pods."""
DEFAULT_ENFORCEMENT: Enforcement = "terminate"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The global settings.

    Postures that nobody set are `audit`; the host's denials are not carried out until somebody asks.
    """

    file_posture: Mode = "audit"
    network_posture: Mode = "audit"
    capabilities_posture: Mode = "audit"
    host_file_posture: Mode = "audit"
    host_network_posture: Mode = "audit"
    host_capabilities_posture: Mode = "audit"
    host_enforcement: Enforcement = "off"
    visibility: tuple[str, ...] = VISIBLE_KINDS
    host_visibility: tuple[str, ...] = VISIBLE_KINDS
    match_args: bool = True
    """Whether `allowedArgs` counts."""
    untracked_namespaces: tuple[str, ...] = ("kube-system", "lictor")
    """Always audited: nothing is enforced there."""
    alert_throttling: bool = False
    """Whether alerts are throttled, and by the next two how (`policy.throttling`). The three are called and
    set as KubeArmor's are, but count by workload and rule."""
    max_alert_per_sec: int = 10
    throttle_sec: int = 30

    @property
    def alert_limits(self) -> Limits | None:
        """How many alerts of one rule in one workload are told; None: all."""
        if not self.alert_throttling:
            return None
        return Limits(alerts_per_second=self.max_alert_per_sec, silence_ns=self.throttle_sec * 10**9)

    def patched(self, change: SettingsChanged) -> "Settings":
        """These settings with what `change` names."""
        named = {
            field: value
            for field in self.__struct_fields__
            if (value := getattr(change, field)) is not msgspec.UNSET
        }
        return msgspec.structs.replace(self, **named)

    def posture(self, kind: PostureKind, *, host: bool = False) -> Mode:
        """The global posture of pods or, separately, of hosts."""
        mode: Mode = getattr(self, f"host_{kind}_posture" if host else f"{kind}_posture")
        return mode


class Namespace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was set for one namespace."""

    annotations: dict[str, str] = {}
    enforcement: Enforcement | None = None
    """None stands for the default."""

    def patched(self, change: NamespaceChanged) -> "Namespace":
        """This namespace with what `change` names."""
        annotations = dict(self.annotations)
        for key, value in change.annotations.items():
            if value is None:
                annotations.pop(key, None)
            else:
                annotations[key] = value
        enforcement = self.enforcement if change.enforcement is msgspec.UNSET else change.enforcement
        return Namespace(annotations=annotations, enforcement=enforcement)


NO_NAMESPACE = Namespace()
"""A namespace for which nothing was set."""


def visible_kinds(annotation: str | None) -> frozenset[str] | None:
    """The kinds that a `kubearmor-visibility` annotation names, in any case.

    `none` names no kind; an annotation that names nothing known counts as absent (None).
    """
    if annotation is None:
        return None
    words = {word.strip().lower() for word in annotation.split(",")}
    kinds = words.intersection(VISIBLE_KINDS)
    return frozenset(kinds) if kinds or "none" in words else None
