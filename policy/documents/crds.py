"""CustomResourceDefinitions of the three kinds, for clusters that have none.

Names and structure are KubeArmor's, so that its policies load. An API server wants structural schemas: every
reference written out, and no `additionalProperties: false` beside `properties` (it drops what it does not
know; `kubectl --validate=strict`, its default, refuses it). Defaults are left out: an API server would write
them into documents.
"""

from typing import Any, NamedTuple

import yaml

from policy.documents.kinds import API_VERSION, KINDS
from policy.documents.schema import schema_of
from policy.documents.shapes import Shape

HEADER = """\
# Generated from the types that policies are read with: `lictor policy crds` writes it, a test holds it.
# For clusters without KubeArmor; where its definitions are installed already, keep those.
"""


class _Resource(NamedTuple):
    short: str
    scope: str
    selector: str


_RESOURCES = {
    "KubeArmorPolicy": _Resource("ksp", "Namespaced", ".spec.selector.matchLabels"),
    "KubeArmorClusterPolicy": _Resource("csp", "Cluster", ".spec.selector.matchExpressions"),
    "KubeArmorHostPolicy": _Resource("hsp", "Cluster", ".spec.nodeSelector.matchLabels"),
}


def plural_of(kind: str) -> str:
    """`kubearmorpolicies` for KubeArmorPolicy."""
    return kind.lower().removesuffix("y") + "ies"


def crd_files() -> dict[str, str]:
    """The texts of all manifests by file name."""
    return {
        f"{plural_of(kind)}.yaml": HEADER
        + yaml.safe_dump(crd_of(kind), sort_keys=False, width=110, allow_unicode=True)
        for kind in KINDS
    }


def crd_of(kind: str) -> dict[str, Any]:
    """The CustomResourceDefinition of `kind`."""
    group, version = API_VERSION.split("/")
    resource = _RESOURCES[kind]
    plural = plural_of(kind)
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [resource.short],
            },
            "scope": resource.scope,
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": "Action", "type": "string", "jsonPath": ".spec.action"},
                        {"name": "Severity", "type": "integer", "jsonPath": ".spec.severity"},
                        {
                            "name": "Selector",
                            "type": "string",
                            "jsonPath": resource.selector,
                            "priority": 10,
                        },
                        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    ],
                    "schema": {"openAPIV3Schema": structural_schema_of(kind)},
                }
            ],
        },
    }


def structural_schema_of(kind: str) -> Shape:
    """The schema of `kind` as an API server takes it."""
    schema = schema_of(kind)
    properties: dict[str, Shape] = schema["properties"]
    return {
        "type": "object",
        "description": schema["description"],
        "properties": {
            "apiVersion": {"type": "string", "description": properties["apiVersion"]["description"]},
            "kind": {"type": "string", "description": properties["kind"]["description"]},
            "metadata": {"type": "object"},
            "spec": _structural(properties["spec"], schema["$defs"]),
            "status": {
                "type": "object",
                "description": properties["status"]["description"],
                "properties": {"status": {"type": "string", "description": "One word on the policy."}},
            },
        },
        "required": ["spec"],
    }


def _structural(shape: Shape, definitions: dict[str, Shape]) -> Shape:
    """`shape` with references written out, and in the words of OpenAPI 3.0 that structural schemas have."""
    if "$ref" in shape:
        name = shape["$ref"].removeprefix("#/$defs/")
        shape = definitions[name] | {key: value for key, value in shape.items() if key != "$ref"}
    kept = {key: value for key, value in shape.items() if key not in {"default", "const"}}
    if "const" in shape:
        kept["enum"] = [shape["const"]]
    if kept.get("additionalProperties") is False:
        del kept["additionalProperties"]
    if "items" in kept:
        kept["items"] = _structural(kept["items"], definitions)
    if "properties" in kept:
        kept["properties"] = {name: _structural(one, definitions) for name, one in kept["properties"].items()}
    return kept
