"""What documents say: every rule with its labels, one for each name of a comma list."""

from collections.abc import Iterator
from typing import Any

from tests.reference.world import Rule

LISTS = {
    "process": ["matchPaths", "matchDirectories", "matchPatterns"],
    "file": ["matchPaths", "matchDirectories", "matchPatterns"],
    "network": ["matchProtocols"],
    "dns": ["matchDNSQueries"],
    "capabilities": ["matchCapabilities"],
    "syscalls": ["matchSyscalls", "matchPaths"],
}


def rules_of(document: dict[str, Any], section: str) -> Iterator[Rule]:
    """The rules of one section of one document, in its order."""
    spec = document["spec"]
    if section == "presets":
        for number, written in enumerate(spec.get("presets", [])):
            yield _rule(document, [spec, written], f"spec.presets[{number}]") | {"section": section}
        return
    name = "network" if section == "dns" else section
    levels = [spec, spec.get(name, {})]
    for group in LISTS[section]:
        for number, written in enumerate(levels[1].get(group, [])):
            rule = _rule(document, [*levels, written], f"spec.{name}.{group}[{number}]")
            rule["section"] = section
            if section == "syscalls":
                rule["action"] = "Audit"
            yield from _expanded(rule, {"network": "protocol", "capabilities": "capability"}.get(section))


def _rule(document: dict[str, Any], levels: list[dict[str, Any]], place: str) -> Rule:
    rule = dict(levels[-1])
    for label in ("action", "severity", "tags", "message"):
        for level in levels:
            if label in level:
                rule[label] = level[label]
    rule["action"] = rule.get("action", "Block").capitalize()
    metadata = document["metadata"]
    namespace = metadata.get("namespace", "default") if document["kind"] == "KubeArmorPolicy" else ""
    rule["place"] = f"{document['kind']} {namespace}/{metadata['name']} {place}"
    return rule


def _expanded(rule: Rule, listed: str | None) -> Iterator[Rule]:
    if listed is None:
        yield rule
        return
    for name in rule[listed].split(","):
        if name.strip():
            yield rule | {listed: name.strip().lower()}
