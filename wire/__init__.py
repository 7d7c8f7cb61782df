"""What travels between services, and how.

`records` and `codec` say what; `topics`, `partitions` and `kafka` say where and under which promises;
`policy_log` follows what is in force; `seal` proves who saw an event; `text` keeps hostile text harmless.
"""
