"""`make bench`: what the project costs, beside what it stands on, in one run.

`rig` brings the real pipeline up with a cgroup for the load; `load` runs programs in it by the clock
(`spawner` is the process that does so), `recorder` stamps what arrives, `baselines` and `relay` are bare
Kafka and bare Faust. The sections are `latency`, `escapes`, `memory` and `throughput` (with `one_core`,
`event_load` and `bare_reader`); `figures` and `chart` say it. The method is in docs/benchmarks.md.
"""
