"""What a stream worker judged in an interval, and how the namespaces stand whose workloads it judged.

Counted once a batch, and put together once an interval. Memory is bounded: what is beyond the limits is
counted in all, and not told by namespace.
"""

from collections.abc import Iterable, Sequence

from policy.policy_set import PolicySet
from policy.workload import Workload
from streams.judging import Judged
from wire.records import NamespaceStanding

WORKLOADS = 1024
"""Workloads of an interval that are told of: as many as a policy set keeps the rules of."""

NAMESPACES = 64
"""Namespaces that a record tells of: those with the most events."""


class _Seen:
    """What one workload did in the interval."""

    __slots__ = ("alerted", "denied", "judged", "workload")

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.judged = self.denied = self.alerted = 0


class Tally:
    """Counts of one interval. Belongs to the event loop."""

    def __init__(self, *, workloads: int = WORKLOADS, namespaces: int = NAMESPACES) -> None:
        """`workloads` and `namespaces`: how many are told of at most."""
        self._most_workloads = workloads
        self._most_namespaces = namespaces
        self._seen: dict[str, _Seen] = {}
        self._received = self._dead_letters = 0
        self._judged = self._denied = self._alerted = self._suppressed = self._orders = 0
        self._untold = 0

    def receive(self) -> None:
        """A record was taken from the events topic."""
        self._received += 1

    def put_aside(self) -> None:
        """A dead letter was made."""
        self._dead_letters += 1

    def judge(self, workload: Workload, judged: Judged) -> None:
        """A batch was judged, and what throttling keeps back was taken out."""
        self._judged += judged.events
        denied = alerted = 0
        if judged.verdicts or judged.suppressed:
            denied = sum(record.verdict.decision == "block" for record in judged.verdicts)
            alerted = len(judged.verdicts) - denied
            self._denied += denied
            self._alerted += alerted
            self._suppressed += len(judged.suppressed)
            self._orders += len(judged.orders)
        seen = self._seen.get(workload.id)
        if seen is None:
            if len(self._seen) >= self._most_workloads or not (workload.complete or workload.kind == "host"):
                self._untold += judged.events
                return
            seen = self._seen[workload.id] = _Seen(workload)
        seen.workload = workload
        seen.judged += judged.events
        seen.denied += denied
        seen.alerted += alerted

    def report(self, policy_set: PolicySet) -> tuple[dict[str, int], tuple[NamespaceStanding, ...]]:
        """The counts by name, and how namespaces stand by `policy_set`, in the order of their names.

        `untold` are events of workloads of which no namespace tells: too many, or not known whose.
        """
        by_namespace: dict[str, list[_Seen]] = {}
        for seen in self._seen.values():
            by_namespace.setdefault(_namespace_of(seen.workload), []).append(seen)
        busiest = sorted(by_namespace.items(), key=lambda item: (-_judged(item[1]), item[0]))
        beyond = busiest[self._most_namespaces :]
        counts = {
            "received": self._received,
            "judged": self._judged,
            "denied": self._denied,
            "alerted": self._alerted,
            "suppressed": self._suppressed,
            "orders": self._orders,
            "dead_letters": self._dead_letters,
            "untold": self._untold + sum(_judged(seen) for _, seen in beyond),
        }
        told = sorted(busiest[: self._most_namespaces])
        return counts, tuple(_standing(namespace, seen, policy_set) for namespace, seen in told)


def _judged(seen: Iterable[_Seen]) -> int:
    return sum(one.judged for one in seen)


def _namespace_of(workload: Workload) -> str:
    return "" if workload.kind == "host" else workload.namespace


def _standing(namespace: str, seen: Sequence[_Seen], policy_set: PolicySet) -> NamespaceStanding:
    rules = [policy_set.for_workload(one.workload) for one in seen]
    # Posture and enforcement are the namespace's; the host's, where the host is among them.
    standing = next((one.standing for one in rules if one.standing.host), rules[0].standing)
    return NamespaceStanding(
        namespace=namespace,
        file=standing.file.mode,
        network=standing.network.mode,
        capabilities=standing.capabilities.mode,
        enforcement=standing.enforcement,
        workloads=len(seen),
        allow_listed=sum(1 for one in rules if any(judge.index.allow_list for _, judge in one.sections)),
        judged=_judged(seen),
        denied=sum(one.denied for one in seen),
        alerted=sum(one.alerted for one in seen),
    )
