"""Events and workloads as people write them down, for tests of policies and for questions to the judge.

`event` says what happened in one key (`exec: /usr/bin/id`, `read: /etc/shadow`, `socket: udp`) and what
else matters beside it; `workload` says whom. docs/policy-tests.md lists all that can be written.
"""

from policy.described.event import VERBS, event, read_event
from policy.described.reading import DescriptionError
from policy.described.workload import read_workload, workload

__all__ = ["VERBS", "DescriptionError", "event", "read_event", "read_workload", "workload"]
