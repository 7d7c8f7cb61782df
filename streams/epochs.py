"""Which policy set judged from which offset on, said once per change and partition."""

from collections.abc import Iterable

from policy.policy_set import PolicySet
from wire.records import Epoch, PolicyPosition


class Epochs:
    """Remembers, per events partition, the policy set of the last batch.

    After a restart or a rebalance the first batch of a partition makes an epoch again, at the offset
    from which it is judged anew. A later record in the topic therefore overrides earlier ones from
    its own offset on.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._sets: dict[int, PolicySet] = {}

    def advance(self, partition: int, offset: int, policy_set: PolicySet, now_ns: int) -> Epoch | None:
        """The epoch that begins with the batch at `offset`, or None where the last one goes on."""
        if self._sets.get(partition) is policy_set:
            return None
        self._sets[partition] = policy_set
        return Epoch(
            partition=partition,
            events_offset=offset,
            policies=PolicyPosition(offset=policy_set.offset, hash=policy_set.hash),
            worker=self._worker,
            since_ns=now_ns,
        )

    def forget(self, partitions: Iterable[int]) -> None:
        """These partitions were taken away; if they come back, they begin a new epoch."""
        for partition in partitions:
            self._sets.pop(partition, None)
