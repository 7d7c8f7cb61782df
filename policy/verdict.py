"""What the judge says about one event, with its reasons."""

from enum import StrEnum
from typing import Literal

import msgspec

Decision = Literal["allow", "audit", "block", "unknown"]
Mode = Literal["audit", "block", "allow"]


class Reason(StrEnum):
    """Why a decision came out as it did. Codes are stable; docs/semantics.md lists them all."""

    NO_POLICY = "no-policy"
    """No rule and no posture concerns the event: it passes."""
    RULE_ALLOW = "rule-allow"
    """An Allow rule matched."""
    RULE_PASS = "rule-pass"
    """The winning rule's qualifiers let the event pass (a Block rule's `ownerOnly`, say)."""
    RULE_BLOCK = "rule-block"
    """A Block rule denies it."""
    RULE_AUDIT = "rule-audit"
    """It passes, and an Audit rule asked to be told."""
    POSTURE_BLOCK = "posture-block"
    """The workload is in allow-list mode, nothing allowed the event, and posture is block."""
    POSTURE_AUDIT = "posture-audit"
    """As above under posture audit: it passes with an alert."""
    POSTURE_ALLOW = "posture-allow"
    """As above under the global posture allow: it passes in silence."""
    AUDITED_WORKLOAD = "audited-workload"
    """It would have been denied, but the workload's or namespace's mode is audit only."""
    DISABLED_WORKLOAD = "disabled-workload"
    """The pod's annotation switches all policies off."""
    IDENTITY_INCOMPLETE = "identity-incomplete"
    """Namespace and labels are not known yet: always alerted, never enforced."""
    ARGUMENTS_UNKNOWN = "arguments-unknown"
    """`allowedArgs` met arguments that were cut or redacted."""
    OWNER_UNKNOWN = "owner-unknown"
    """`ownerOnly` met a script: events carry the owner of the interpreter that runs it."""


class RuleReference(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="rule", tag_field="by"
):
    """The rule that decided: its document, and its place there such as `spec.process.matchPaths[1]`."""

    kind: str
    namespace: str = ""
    policy: str
    hash: str
    """SHA-256 of the document's canonical JSON, hex, first 16 digits."""
    place: str
    action: Literal["Allow", "Audit", "Block"]


class PostureReference(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="posture", tag_field="by"
):
    """The default posture that decided a miss, and where it was set."""

    posture: Literal["file", "network", "capabilities"]
    mode: Mode
    origin: str
    """`namespace` (its annotation) or `global` (the setting)."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision with its reasons. It names no event, so that equal questions share one answer."""

    decision: Decision
    reason: Reason
    sentence: str
    """One sentence for people, safe to show: what was judged, and why so."""
    alert: bool = False
    """Whether people are told."""
    action: str = ""
    """In KubeArmor's words: `Allow`, `Audit`, `Block`, `Audit (Block)`; empty for telemetry."""
    decided_by: RuleReference | PostureReference | None = None
    severity: int | None = None
    tags: tuple[str, ...] = ()
    message: str = ""
