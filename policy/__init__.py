"""What a policy means: events and documents in, verdicts out. Pure: no I/O, no clock.

The way: `changes` (the policy log) and `documents` (what people write) are compiled into a
`policy_set`, which gives the `rules` of a `workload`; `judge` answers for one of the `events` with a
`verdict`.

Inside: `selection` says which documents select a workload, `posture` (with `settings`) how it stands
besides; each of the `sections` makes `rule`s with a `target` and finds those that match an event, and
`ruling` makes one verdict of them.
"""
