"""What policies let a workload do: in words, as a matrix, and what changes between two policy sets.

In the order of the way: `wording` (a rule in words), `matrix` (a workload's rights), `groups` (whom to
look at), `samples` and `probes` (which events to ask about), `told` (an event as people write it),
`difference` (two sets compared).
"""
