"""The three kinds of policy and what each selects by."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, StrictStr, ValidationInfo, WithJsonSchema

from policy.documents.fields import Name, Text, refusal
from policy.documents.problems import ProblemCode
from policy.documents.sections import Sections, Written
from policy.documents.shapes import LABEL_VALUES, SELECTOR_VALUES
from policy.text import shown

API_VERSION: Literal["security.kubearmor.com/v1"] = "security.kubearmor.com/v1"
DEFAULT_NAMESPACE = "default"
"""Where a KubeArmorPolicy belongs that names no namespace, as Kubernetes has it."""


class Metadata(Written):
    """Name and namespace, and what an API server adds, which is read and then left out."""

    name: Name
    namespace: Name | None = None
    labels: dict[Text, Text] = Field(default_factory=dict)
    annotations: dict[Text, Text] = Field(default_factory=dict)

    generate_name: Any = None
    self_link: Any = None
    uid: Any = None
    resource_version: Any = None
    generation: Any = None
    creation_timestamp: Any = None
    deletion_timestamp: Any = None
    deletion_grace_period_seconds: Any = None
    owner_references: Any = None
    finalizers: Any = None
    managed_fields: Any = None

    kept: ClassVar[set[str]] = {"name", "namespace", "labels", "annotations"}
    """Fields that belong to the document itself."""


def _label_values(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        key, equals, _ = value.partition("=")
        if not equals or not key:
            raise refusal(ProblemCode.BAD_SELECTOR, f"{shown(value)} has to be key=value, such as app=nginx")
    return values


def _some(values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise refusal(ProblemCode.BAD_SELECTOR, "list at least one value")
    return values


def _values_for_key(values: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return _label_values(values) if info.data.get("key") == "label" else values


Values = Annotated[tuple[StrictStr, ...], AfterValidator(_some), WithJsonSchema(SELECTOR_VALUES)]
Operator = Literal["In", "NotIn"]


class LabelExpression(Written):
    """A condition on the pod's labels, each value as `key=value`."""

    key: Literal["label"]
    operator: Operator
    values: Annotated[Values, AfterValidator(_label_values), WithJsonSchema(LABEL_VALUES)]


class ClusterExpression(Written):
    """A condition on the namespace's name or on the pod's labels, these as `key=value`."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"key": {"enum": ["namespace"]}}},
                {"properties": {"values": {"items": {"pattern": "^[^=]+="}}}},
            ]
        }
    )

    key: Literal["namespace", "label"]
    operator: Operator
    values: Annotated[Values, AfterValidator(_values_for_key)]


class PodSelector(Written):
    """Which pods of the namespace: all conditions together; none selects them all."""

    match_labels: dict[Text, Text] = Field(default_factory=dict)
    match_expressions: tuple[LabelExpression, ...] = ()


class ClusterSelector(Written):
    """Which namespaces, and which pods there; none selects all of them."""

    match_expressions: tuple[ClusterExpression, ...] = ()


class NodeSelector(Written):
    """Which nodes; none selects them all."""

    match_labels: dict[Text, Text] = Field(default_factory=dict)


class PodSpec(Sections):
    """The spec of a KubeArmorPolicy."""

    selector: PodSelector = PodSelector()


class ClusterSpec(Sections):
    """The spec of a KubeArmorClusterPolicy."""

    selector: ClusterSelector = ClusterSelector()


class HostSpec(Sections):
    """The spec of a KubeArmorHostPolicy."""

    node_selector: NodeSelector = NodeSelector()


class _Policy(Written):
    api_version: Literal["security.kubearmor.com/v1"] = API_VERSION
    metadata: Metadata
    status: Any = None
    """What an API server reports; never read."""


class KubeArmorPolicy(_Policy):
    """A policy for pods of one namespace."""

    kind: Literal["KubeArmorPolicy"]
    spec: PodSpec


class KubeArmorClusterPolicy(_Policy):
    """A policy for pods of many namespaces."""

    kind: Literal["KubeArmorClusterPolicy"]
    spec: ClusterSpec


class KubeArmorHostPolicy(_Policy):
    """A policy for the nodes themselves; it never reaches a pod."""

    kind: Literal["KubeArmorHostPolicy"]
    spec: HostSpec


Policy = KubeArmorPolicy | KubeArmorClusterPolicy | KubeArmorHostPolicy

KINDS: dict[str, type[Policy]] = {
    "KubeArmorPolicy": KubeArmorPolicy,
    "KubeArmorClusterPolicy": KubeArmorClusterPolicy,
    "KubeArmorHostPolicy": KubeArmorHostPolicy,
}
