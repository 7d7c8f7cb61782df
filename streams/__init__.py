"""The stream processors: batches of events in, verdicts and orders out.

`reading` reads what `judging`, the pure core, needs. `app` is the Faust app around it, with `transport`,
`in_flight`, `delivery` and `epochs` seeing to it that a batch is acknowledged only when all that came of
it is stored; `service` runs it as a process, and `metrics` says how it goes. Faust calls its own
instrumentation "sensors": those have nothing to do with the folder `sensors`.
"""
