"""`lictor sensor`, `streams`, `enforcer` and `sink`: each service alone, against any Kafka.

Heavy libraries are imported by the command that needs them, so that `lictor policy get` starts fast
and works where bcc or Faust is not installed.
"""
