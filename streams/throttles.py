"""What of a batch's alerts is told, and what was suppressed: throttling, kept by partition.

All events of a workload are in one partition, so that no two workers count the same rule in the same
workload. What is remembered is lost with the partition: its next owner begins anew, and tells more.
"""

import msgspec

from policy.throttling import Key, Limits, Summary, Suppressed, Throttling, drained, ended, throttle_all
from streams.judging import Judged
from wire.records import VerdictRecord, kind_of


class Throttles:
    """The state of every partition that this worker has."""

    def __init__(self) -> None:
        """Without any partition."""
        self._states: dict[int, Throttling] = {}

    def apply(
        self, partition: int, judged: Judged, limits: Limits | None, now_ns: int
    ) -> tuple[Judged, tuple[Summary, ...]]:
        """The batch with what is told of it, and what is to be said about what was not.

        `limits` are those in force, None where nothing is throttled; `now_ns` is the wall clock.
        """
        if limits is None:
            return judged, self.forget({partition})
        if not judged.verdicts:
            return judged, ()
        state = self._states.get(partition, Throttling(limits=limits)).under(limits)
        about = [(_key(record), record.verdict) for record in judged.verdicts]
        self._states[partition], rulings = throttle_all(state, about, now_ns)
        said = tuple(summary for ruling in rulings for summary in ruling.said)
        if not any(isinstance(ruling, Suppressed) for ruling in rulings):
            return judged, said
        both = list(zip(judged.verdicts, rulings, strict=True))
        told = tuple(record for record, ruling in both if not isinstance(ruling, Suppressed))
        suppressed = tuple(record for record, ruling in both if isinstance(ruling, Suppressed))
        return msgspec.structs.replace(judged, verdicts=told, suppressed=suppressed), said

    def ended(self, now_ns: int) -> tuple[Summary, ...]:
        """What the silences that are over have suppressed."""
        said: list[Summary] = []
        for partition, state in self._states.items():
            self._states[partition], summaries = ended(state, now_ns)
            said += summaries
        return tuple(said)

    def forget(self, partitions: set[int] | None = None) -> tuple[Summary, ...]:
        """Forget partitions, all where none are named, and give what their silences have suppressed."""
        leaving = self._states.keys() & partitions if partitions is not None else set(self._states)
        return tuple(summary for one in sorted(leaving) for summary in drained(self._states.pop(one))[1])


def _key(record: VerdictRecord) -> Key:
    return Key(record.workload.id, kind_of(record.event), record.verdict.decided_by)
