"""What a policy means: events and documents in, verdicts out. Pure: no I/O, no clock.

The way: `changes` (the policy log) and `documents` (what people write) are compiled into a
`policy_set`, which gives the `rules` of a `workload`; `judge` answers for one of the `events` with a
`verdict`.
"""
