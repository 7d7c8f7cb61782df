"""What `ownerOnly`, `pts`, `allowedArgs` and `readOnly` say about a question."""

from tests.reference.questions import Question
from tests.reference.world import Rule

ARGUMENTS = "arguments-unknown"
OWNER = "owner-unknown"


def answer(rule: Rule, question: Question, *, match_args: bool) -> str:
    """`none`, `permit`, `forbid`, or the reason code of what cannot be told."""
    says = []
    if rule.get("ownerOnly"):
        says.append({True: "permit", False: "forbid", None: OWNER}[question["owns"]])
    if rule.get("pts") is False:
        says.append("forbid" if question["tty"] else "permit")
    if rule.get("allowedArgs") and match_args:
        says.append(
            _arguments(question["arguments"], [one.replace("\\", "\\\\") for one in rule["allowedArgs"]])
        )
    if rule.get("readOnly"):
        says.append("permit" if question["reading"] else "forbid")
    for one in ("forbid", OWNER, ARGUMENTS, "permit"):
        if one in says:
            return one
    return "none"


def _arguments(given: list[str] | None, allowed: list[str]) -> str:
    if given is None:
        return ARGUMENTS
    return "permit" if given and all(one in allowed for one in given) else "forbid"
