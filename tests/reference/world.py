"""What is asked and what is answered."""

from dataclasses import dataclass, field
from typing import Any

Event = dict[str, Any]
"""`kind` says which; the other keys are read in `questions`."""
Rule = dict[str, Any]
"""As written, with the labels that it inherits, `place` and `section`."""


@dataclass(frozen=True)
class World:
    """All that holds besides the event."""

    documents: list[dict[str, Any]]
    """In the order applied, whomever they select."""
    workload: dict[str, Any]
    """`kind` (container or host), `node`, `complete`, `namespace`, `container`, `labels`, `annotations`."""
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    """Annotations by name."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Global settings by their names in docs/settings.md; one that is absent has its default."""


@dataclass(frozen=True)
class Said:
    """What comes out."""

    decision: str
    action: str
    reason: str
    alert: bool = False
    by: str = ""
    """`kind namespace/policy place` of a rule, or `posture KIND MODE ORIGIN`."""
    severity: int | None = None
    message: str = ""
    tags: tuple[str, ...] = ()
