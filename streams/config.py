"""How one stream worker runs."""

from dataclasses import dataclass, field
from pathlib import Path
from platform import node

from wire.health import INTERVAL_S
from wire.kafka import Kafka
from wire.topics import Topics


@dataclass(frozen=True, kw_only=True)
class StreamsConfig:
    """The settings of a stream worker; only the first four have no default."""

    kafka: Kafka
    topics: Topics
    worker: str
    """The static member id: the same after every restart, and unique in the group (`node-0`, say).

    Two workers with one id push each other out for ever: they judge, slowly and twice.
    """
    data_dir: Path
    """Faust insists on a folder; nothing of value is in it."""
    commit_interval_s: float = 0.5
    """How much is judged again at most after a crash. Verdict ids are the same, so it counts once."""
    catch_up_timeout_s: float = 60.0
    """How long the policy log may take to be read at the start."""
    drain_timeout_s: float = 5.0
    """How long a stopping worker waits for deliveries."""
    node: str = field(default_factory=node)
    """Where it runs, as its health records have it."""
    instance: str = ""
    """Its name within the node; empty where that is `worker`."""
    health_interval_s: float = INTERVAL_S
