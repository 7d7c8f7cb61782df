"""The policy log: every change of what is in force, in one order for all.

An offset in this log names a policy set. Namespace and setting changes are patches, so that two
people who change different things at once do not undo each other.
"""

from typing import Annotated, Literal

import msgspec

AtLeastOne = Annotated[int, msgspec.Meta(ge=1)]
Enforcement = Literal["off", "terminate"]


class PolicyApplied(msgspec.Struct, frozen=True, kw_only=True, tag="policy-applied", tag_field="change"):
    """A policy document came into force, replacing the one of the same kind, namespace and name."""

    schema: int = 1
    document: msgspec.Raw
    """The document as JSON, `kind`, `metadata` and `spec` included."""
    by: str = ""
    """Who asked for it."""


class PolicyDeleted(msgspec.Struct, frozen=True, kw_only=True, tag="policy-deleted", tag_field="change"):
    """A policy document is no longer in force."""

    schema: int = 1
    kind: str
    namespace: str = ""
    name: str
    by: str = ""


class NamespaceChanged(
    msgspec.Struct, frozen=True, kw_only=True, tag="namespace-changed", tag_field="change"
):
    """A patch of one namespace: None as an annotation's value removes it."""

    schema: int = 1
    namespace: str
    annotations: dict[str, str | None] = {}
    enforcement: Enforcement | msgspec.UnsetType | None = msgspec.UNSET
    """None returns to the default, `terminate`."""
    by: str = ""


class SettingsChanged(msgspec.Struct, frozen=True, kw_only=True, tag="settings-changed", tag_field="change"):
    """A patch of the global settings; a field that is absent stays as it was (`policy.settings`)."""

    schema: int = 1
    file_posture: Literal["audit", "block", "allow"] | msgspec.UnsetType = msgspec.UNSET
    network_posture: Literal["audit", "block", "allow"] | msgspec.UnsetType = msgspec.UNSET
    capabilities_posture: Literal["audit", "block", "allow"] | msgspec.UnsetType = msgspec.UNSET
    host_file_posture: Literal["audit", "block", "allow"] | msgspec.UnsetType = msgspec.UNSET
    host_network_posture: Literal["audit", "block", "allow"] | msgspec.UnsetType = msgspec.UNSET
    host_capabilities_posture: Literal["audit", "block", "allow"] | msgspec.UnsetType = msgspec.UNSET
    host_enforcement: Enforcement | msgspec.UnsetType = msgspec.UNSET
    visibility: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    host_visibility: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    match_args: bool | msgspec.UnsetType = msgspec.UNSET
    untracked_namespaces: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    alert_throttling: bool | msgspec.UnsetType = msgspec.UNSET
    max_alert_per_sec: AtLeastOne | msgspec.UnsetType = msgspec.UNSET
    throttle_sec: AtLeastOne | msgspec.UnsetType = msgspec.UNSET
    by: str = ""


Change = PolicyApplied | PolicyDeleted | NamespaceChanged | SettingsChanged
