"""Which rule decides a question, and what posture and mode make of it."""

from dataclasses import replace

from tests.reference.matching import is_about
from tests.reference.paths import more_exact
from tests.reference.qualifiers import answer
from tests.reference.questions import Question
from tests.reference.standing import mode, posture, visible
from tests.reference.world import Rule, Said, World

OUTCOMES = ["allow", "pass", "allow or miss", "miss", "pass or deny", "deny"]
"""The later wins among equals. What is not certain stands below the worse of what it may be."""
OF_BLOCK = {"none": "deny", "forbid": "deny", "permit": "pass"}
OF_ALLOW = {"none": "allow", "permit": "allow", "forbid": "miss"}


def rule_on(world: World, rules: list[Rule], question: Question) -> Said:
    """The verdict on one question. `rules`: those of its section that select the workload."""
    about = [(rule, answered(world, rule, question)) for rule in rules if is_about(rule, question)]
    winner, said = _winner([one for one in about if one[0]["action"] != "Audit"])
    audits = [one for one in about if one[0]["action"] == "Audit"]
    if winner is not None:
        outcome = outcome_of(winner, said)
        if outcome == "deny":
            return _denied(world, _by(winner, "block", "Block", "rule-block", alert=True))
        if " or " in outcome:
            return _by(winner, "unknown", "Audit", said, alert=True)
        if outcome == "miss":
            return _missed(world, question, audits)
        verb = "rule-allow" if winner["action"] == "Allow" else "rule-pass"
        return _audited(world, question, audits) or _by(winner, "allow", "Allow", verb)
    if any(rule["action"] == "Allow" for rule in rules):
        return _missed(world, question, audits)
    return _audited(world, question, audits) or Said("allow", "", "no-policy")


def _denied(world: World, said: Said) -> Said:
    if mode(world) == "audited":
        return replace(said, decision="audit", action="Audit (Block)", reason="audited-workload")
    return said


def _missed(world: World, question: Question, audits: list[tuple[Rule, str]]) -> Said:
    default, origin = posture(world, question["posture"])
    by = f"posture {question['posture']} {default} {origin}"
    if default == "block":
        return _denied(world, Said("block", "Block", "posture-block", alert=True, by=by))
    audited = _audited(world, question, audits)
    if audited is not None:
        return audited
    if default == "audit":
        return Said("audit", "Audit", "posture-audit", alert=_told(world, question), by=by)
    return Said("allow", "Allow", "posture-allow", by=by)


def _audited(world: World, question: Question, audits: list[tuple[Rule, str]]) -> Said | None:
    """What the Audit rules say where the event passes: the first that alerts, else one that cannot tell."""
    for rule, said in audits:
        if said in {"none", "forbid"}:
            return _by(rule, "audit", "Audit", "rule-audit", alert=_told(world, question))
    for rule, said in audits:
        if said != "permit":
            return _by(rule, "unknown", "Audit", said, alert=True)
    return None


def _told(world: World, question: Question) -> bool:
    return question["visible"] == "" or visible(world, question["visible"])


def answered(world: World, rule: Rule, question: Question) -> str:
    """What the rule's qualifiers say."""
    return answer(rule, question, match_args=world.settings.get("match_args", True))


def outcome_of(rule: Rule, said: str) -> str:
    """What a rule that competes makes of what its qualifiers say."""
    if rule["action"] == "Block":
        return OF_BLOCK.get(said, "pass or deny")
    return OF_ALLOW.get(said, "allow or miss")


def _winner(competing: list[tuple[Rule, str]]) -> tuple[Rule | None, str]:
    winner: tuple[Rule | None, str] = (None, "")
    for one in competing:
        if winner[0] is None or _beats(one, (winner[0], winner[1])):
            winner = one
    return winner


def _beats(later: tuple[Rule, str], earlier: tuple[Rule, str]) -> bool:
    """Whether a rule beats one that was applied before it."""
    one, other = later[0], earlier[0]
    if bool(one.get("fromSource")) != bool(other.get("fromSource")):
        return bool(one.get("fromSource"))
    exact = more_exact(one, other) if one["section"] in {"process", "file"} else 0
    if exact != 0:
        return exact > 0
    return OUTCOMES.index(outcome_of(*later)) > OUTCOMES.index(outcome_of(*earlier))


def _by(rule: Rule, decision: str, action: str, reason: str, *, alert: bool = False) -> Said:
    return Said(
        decision,
        action,
        reason,
        alert=alert,
        by=rule["place"],
        severity=rule.get("severity"),
        message=rule.get("message", ""),
        tags=tuple(rule.get("tags", ())),
    )
