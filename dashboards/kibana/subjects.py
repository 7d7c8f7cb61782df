"""What boards, searches and alert rules are about: conditions that several of them share.

The verdicts data stream holds verdicts and outcomes, and an outcome repeats its verdict's fields. Counting
both would count each denial twice, so every condition here says which document it means.
"""

from dashboards.kibana.where import All, AnyOf, Exists, Is, Not

VERDICT = Is("lictor.document", "verdict")
LIVE = Is("lictor.candidate", "live")

APPLIED = All(VERDICT, LIVE)
"""Verdicts under the policies in force."""

DENIAL = Is("lictor.decision", "block")
DENIALS = All(VERDICT, LIVE, DENIAL)
"""What was denied under the policies in force."""

WOULD_BE_DENIED = All(
    VERDICT,
    LIVE,
    AnyOf(
        Is("lictor.reason", "posture-audit", "audited-workload"),
        All(DENIAL, Is("lictor.enforcement", "off")),
    ),
)
"""What passed, and would be denied with effect if posture were block, the workload were not audited only,
and the namespace were enforced."""

OUTCOMES = All(Is("lictor.document", "outcome"), LIVE)
"""What became of orders to end a denied process."""

TERMINATED = All(Is("lictor.document", "outcome"), LIVE, Is("lictor.outcome.result", "terminated"))
"""Orders that ended the process: only these have a time from exec to kill."""

NOT_STOPPED = All(
    Is("lictor.document", "outcome"), LIVE, Not(Is("lictor.outcome.result", "terminated", "no-longer-denied"))
)
"""Orders after which a denied process was not known to have been ended by them."""

ALLOW_LIST = All(VERDICT, LIVE, Is("lictor.reason", "posture-block", "posture-audit"))
"""Misses of workloads in allow-list mode: no rule allowed what they did."""

CANDIDATE = All(VERDICT, Not(LIVE))
"""Verdicts of policy sets that were only tried on recorded events."""

STANDING = Is("lictor.document", "standing")
"""How a namespace stood at the end of an interval."""

BLOCK_POSTURE = AnyOf(
    Is("lictor.standing.file", "block"),
    Is("lictor.standing.network", "block"),
    Is("lictor.standing.capabilities", "block"),
)
"""Of standing: what no rule allows is denied, in at least one section."""

ON_THE_NETWORK = AnyOf(Exists("destination.address"), Exists("dns.question.name"))
"""An address was used, or a name asked for."""

HEALTH = Is("lictor.document", "health")
"""What one service did in an interval."""

INCOMPLETE = All(HEALTH, Is("lictor.health.complete", False))
"""Intervals of which something was lost or not published."""


def health_of(service: str) -> All:
    """Health documents of one service, such as `sensor`."""
    return All(HEALTH, Is("service.name", f"lictor-{service}"))
