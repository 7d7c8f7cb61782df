"""The fields of a PolicyTest document.

Events and workloads are left as they are: which fields they have depends on what they are about
(`policy.described`).
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictStr, ValidationInfo

from policy.documents.fields import Flag, Name, Severity, Text, nearest, refusal
from policy.documents.problems import ProblemCode
from policy.documents.sections import Written
from policy.settings import VisibleKind
from policy.text import shown
from policy.verdict import Decision, Mode, Reason

DEFAULT_POSTURE = "DefaultPosture"
"""What KubeArmor's alerts call the policy where a default posture decided."""


def _some(value: str) -> str:
    if not value.strip():
        raise refusal(ProblemCode.BAD_NAME, "give it a name that says what is expected")
    return value


Headline = Annotated[StrictStr, AfterValidator(_some)]


def _reason(value: str) -> str:
    known = [one.value for one in Reason]
    if value not in known:
        near = nearest(value, known)
        raise refusal(ProblemCode.UNKNOWN_NAME, f"{shown(value)} is none of {', '.join(known)}{near}")
    return value


class ExpectedPosture(Written):
    """The default posture that decides; what is not given does not matter."""

    kind: Literal["file", "network", "capabilities"] | None = None
    mode: Mode | None = None
    origin: Literal["namespace", "global"] | None = None


class Expected(Written):
    """What the verdict has to be; what is not given does not matter."""

    decision: Decision | None = None
    alert: Flag | None = None
    reason: Annotated[StrictStr, AfterValidator(_reason)] | None = None
    policy: Text | None = None
    """The policy that decides: `name`, `namespace/name`, or `DefaultPosture`."""
    rule: Text | None = None
    """Its place there, such as `spec.process.matchPaths[1]`."""
    posture: ExpectedPosture | None = None
    action: Text | None = None
    """In KubeArmor's words, such as `Audit (Block)`."""
    severity: Severity | None = None
    tags: tuple[Text, ...] | None = None
    message: Text | None = None


PodMode = Literal["audit", "block"]


class NamespacePostures(Written):
    """Postures of a namespace, in place of the annotations that set them."""

    file: PodMode | None = None
    network: PodMode | None = None
    capabilities: PodMode | None = None


def given(written: Written) -> dict[str, Any]:
    """The fields that were written, in the order in which the model has them."""
    return {
        name: getattr(written, name)
        for name in type(written).model_fields
        if name in written.model_fields_set
    }


def _not_both(postures: NamespacePostures, info: ValidationInfo) -> NamespacePostures:
    annotations = info.data.get("annotations", {})
    for kind in given(postures):
        name = f"kubearmor-{kind}-posture"
        if name in annotations:
            raise refusal(ProblemCode.ONE_OF, f"give either posture.{kind} or the annotation {name}")
    return postures


class DescribedNamespace(Written):
    """What is set for a namespace."""

    annotations: dict[Text, Text] = Field(default_factory=dict)
    posture: Annotated[NamespacePostures, AfterValidator(_not_both)] = NamespacePostures()


class DescribedSettings(Written):
    """Global settings (`policy.settings.Settings`); what is not given has its default."""

    file_posture: Mode | None = None
    network_posture: Mode | None = None
    capabilities_posture: Mode | None = None
    host_file_posture: Mode | None = None
    host_network_posture: Mode | None = None
    host_capabilities_posture: Mode | None = None
    visibility: tuple[VisibleKind, ...] | None = None
    host_visibility: tuple[VisibleKind, ...] | None = None
    match_args: Flag | None = None
    untracked_namespaces: tuple[Name, ...] | None = None


class SuiteMetadata(Written):
    """A name, for reports."""

    name: Name


class WrittenCase(Written):
    """One case."""

    name: Headline
    workload: Any = None
    event: Any
    expect: Any


def _some_cases(cases: tuple[WrittenCase, ...]) -> tuple[WrittenCase, ...]:
    if not cases:
        raise refusal(ProblemCode.MISSING_VALUE, "write at least one test")
    return cases


class PolicyTest(Written):
    """Expectations about policies."""

    api_version: Literal["lictor.dev/v1"]
    kind: Literal["PolicyTest"]
    metadata: SuiteMetadata | None = None
    policies: tuple[Headline, ...] | None = None
    settings: DescribedSettings = DescribedSettings()
    namespaces: dict[Name, DescribedNamespace] = Field(default_factory=dict)
    workloads: dict[Text, Any] = Field(default_factory=dict)
    tests: Annotated[tuple[WrittenCase, ...], AfterValidator(_some_cases)]
