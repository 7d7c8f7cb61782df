"""What docs/semantics.md says about executions, read aloud: no indexes, no memo, documents as dicts."""

from dataclasses import dataclass, field
from typing import Any

from tests.reference.globs import glob_matches

Outcome = str
ORDER = ["allow", "pass", "allow or miss", "miss", "pass or deny", "deny"]


@dataclass(frozen=True)
class Question:
    """One execution in one world."""

    documents: list[dict[str, Any]]
    """All of them select the workload, in the order applied."""
    path: str
    source: str | None = None
    uid: int = 0
    owner: int = 0
    tty: str = ""
    args: tuple[str, ...] = ()
    args_known: bool = True
    posture: str = "audit"
    audited: bool = False
    visible: bool = True
    match_args: bool = True


@dataclass(frozen=True)
class Said:
    """What comes out."""

    decision: str
    action: str
    alert: bool
    by: str = ""
    severity: int | None = None
    message: str = ""
    tags: tuple[str, ...] = field(default=())


def ask(question: Question) -> Said:  # noqa: C901, PLR0911, PLR0912 - the page's sentences, in its order
    """Read the page for one question."""
    rules = [rule for document in question.documents for rule in _rules(document)]
    matching = [
        rule for rule in rules if _is_target(rule, question.path) and _is_source(rule, question.source)
    ]
    competing = [rule for rule in matching if rule["action"] != "Audit"]
    audits = [rule for rule in matching if rule["action"] == "Audit"]
    winner = _winner(competing, question)
    outcome = _outcome(winner, question) if winner else None
    if winner is None:
        outcome = "miss" if any(rule["action"] == "Allow" for rule in rules) else "no policy"
    if winner is not None and outcome == "deny":
        if question.audited:
            return _said(winner, "audit", "Audit (Block)", alert=True)
        return _said(winner, "block", "Block", alert=True)
    if winner is not None and outcome in {"pass or deny", "allow or miss"}:
        return _said(winner, "unknown", "Audit", alert=True)
    if outcome == "miss" and question.posture == "block":
        if question.audited:
            return Said("audit", "Audit (Block)", alert=True, by="posture")
        return Said("block", "Block", alert=True, by="posture")
    for rule in audits:
        if _qualifiers(rule, question) in {"none", "forbid"}:
            return _said(rule, "audit", "Audit", alert=question.visible)
    for rule in audits:
        if _qualifiers(rule, question) == "unknown":
            return _said(rule, "unknown", "Audit", alert=True)
    if outcome == "miss":
        if question.posture == "audit":
            return Said("audit", "Audit", alert=question.visible, by="posture")
        return Said("allow", "Allow", alert=False, by="posture")
    if winner is not None:
        return _said(winner, "allow", "Allow", alert=False)
    return Said("allow", "", alert=False)


def _rules(document: dict[str, Any]) -> list[dict[str, Any]]:
    spec = document["spec"]
    section = spec.get("process", {})
    rules = []
    for group in ("matchPaths", "matchDirectories", "matchPatterns"):
        for number, written in enumerate(section.get(group, [])):
            rule = dict(written)
            for key in ("action", "severity", "tags", "message"):
                for level in (spec, section, written):
                    if key in level:
                        rule[key] = level[key]
            rule["action"] = rule.get("action", "Block").capitalize()
            rule["place"] = f"{document['metadata']['name']}:spec.process.{group}[{number}]"
            rules.append(rule)
    return rules


def _is_target(rule: dict[str, Any], path: str) -> bool:
    if "path" in rule:
        return bool(path == rule["path"])
    if "execname" in rule:
        return bool(path.rsplit("/", maxsplit=1)[-1] == rule["execname"])
    if "pattern" in rule:
        return glob_matches(rule["pattern"], path)
    directory = rule["dir"]
    if path + "/" == directory:
        return True
    if not path.startswith(directory):
        return False
    return rule.get("recursive", False) or "/" not in path[len(directory) :]


def _is_source(rule: dict[str, Any], source: str | None) -> bool:
    listed = [one["path"] for one in rule.get("fromSource", [])]
    return not listed or source in listed


def _qualifiers(rule: dict[str, Any], question: Question) -> str:
    says = []
    if rule.get("ownerOnly"):
        says.append("permit" if question.uid == question.owner else "forbid")
    if rule.get("pts") is False:
        says.append("forbid" if question.tty else "permit")
    if rule.get("allowedArgs") and question.match_args:
        rest = question.args[1:]
        if not question.args_known:
            says.append("unknown")
        else:
            ok = len(rest) > 0 and all(one in rule["allowedArgs"] for one in rest)
            says.append("permit" if ok else "forbid")
    for answer in ("forbid", "unknown", "permit"):
        if answer in says:
            return answer
    return "none"


def _outcome(rule: dict[str, Any], question: Question) -> Outcome:
    answer = _qualifiers(rule, question)
    if rule["action"] == "Block":
        return {"none": "deny", "forbid": "deny", "permit": "pass", "unknown": "pass or deny"}[answer]
    return {"none": "allow", "permit": "allow", "forbid": "miss", "unknown": "allow or miss"}[answer]


def _beats(one: dict[str, Any], other: dict[str, Any], question: Question) -> bool:
    """Whether `one` beats `other`, which was applied before it."""
    if bool(one.get("fromSource")) != bool(other.get("fromSource")):
        return bool(one.get("fromSource"))
    kinds = ["dir", "pattern", "execname", "path"]
    rank, other_rank = ([k in rule for k in kinds].index(True) for rule in (one, other))
    if rank != other_rank:
        return rank > other_rank
    if "dir" in one:
        depth, other_depth = (rule["dir"].count("/") for rule in (one, other))
        if depth != other_depth:
            return bool(depth > other_depth)
        recursive, other_recursive = (rule.get("recursive", False) for rule in (one, other))
        if recursive != other_recursive:
            return not recursive
    return ORDER.index(_outcome(one, question)) > ORDER.index(_outcome(other, question))


def _winner(rules: list[dict[str, Any]], question: Question) -> dict[str, Any] | None:
    winner = None
    for rule in rules:
        if winner is None or _beats(rule, winner, question):
            winner = rule
    return winner


def _said(rule: dict[str, Any], decision: str, action: str, *, alert: bool) -> Said:
    return Said(
        decision,
        action,
        alert=alert,
        by=rule["place"],
        severity=rule.get("severity"),
        message=rule.get("message", ""),
        tags=tuple(rule.get("tags", ())),
    )
