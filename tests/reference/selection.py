"""Which documents select a workload."""

from typing import Any

CONTAINER = "kubearmor.io/container.name"
HOSTNAMES = ["kubearmor.io/hostname", "kubernetes.io/hostname"]
IGNORED = ["pod-template-hash", "pod-template-generation", "controller-revision-hash"]


def selects(document: dict[str, Any], workload: dict[str, Any]) -> bool:
    """Whether `document` is about `workload`."""
    is_host = workload["kind"] == "host"
    if document["kind"] == "KubeArmorHostPolicy":
        return is_host and _selects_host(document["spec"].get("nodeSelector", {}), workload)
    if is_host:
        return False
    selector = document["spec"].get("selector", {})
    if document["kind"] == "KubeArmorClusterPolicy":
        return _selects_in_cluster(selector, workload)
    at_home = workload["namespace"] == document["metadata"].get("namespace", "default")
    return at_home and _selects_pod(selector, workload)


def _selects_host(selector: dict[str, Any], workload: dict[str, Any]) -> bool:
    wanted = selector.get("matchLabels", {})
    return all(_is_host_label(key, value, workload) for key, value in wanted.items())


def _selects_in_cluster(selector: dict[str, Any], workload: dict[str, Any]) -> bool:
    expressions = selector.get("matchExpressions", [])
    in_namespace = _agree(expressions, "namespace", [workload["namespace"]])
    return in_namespace and _agree(expressions, "label", _pairs(workload))


def _selects_pod(selector: dict[str, Any], workload: dict[str, Any]) -> bool:
    for key, value in selector.get("matchLabels", {}).items():
        if key == CONTAINER:
            names = [name.strip() for name in value.strip("[] ").split(",") if name.strip()]
            if names and workload["container"] not in names:
                return False
        elif f"{key}={value}" not in _pairs(workload):
            return False
    return _agree(selector.get("matchExpressions", []), "label", _pairs(workload))


def _pairs(workload: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in workload["labels"].items() if key not in IGNORED]


def _agree(expressions: list[dict[str, Any]], key: str, has: list[str]) -> bool:
    """In: any value that matches. NotIn: any that matches excludes. The operator seen first decides alone."""
    about = [one for one in expressions if one["key"] == key]
    if not about:
        return True
    operator = about[0]["operator"]
    values = [value for one in about if one["operator"] == operator for value in one["values"]]
    met = any(value in has for value in values)
    return met if operator == "In" else not met


def _is_host_label(key: str, value: str, workload: dict[str, Any]) -> bool:
    if key not in HOSTNAMES:
        return f"{key}={value}" in _pairs(workload)
    name = workload["labels"].get(key, workload["node"])
    return any(_stars(one.strip(), name) for one in value.split(",") if one.strip())


def _stars(pattern: str, name: str) -> bool:
    if not pattern.startswith("*"):
        return (pattern == name == "") or (pattern[:1] == name[:1] != "" and _stars(pattern[1:], name[1:]))
    return any(_stars(pattern[1:], name[start:]) for start in range(len(name) + 1))
