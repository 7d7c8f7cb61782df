"""Orders become actions here, after every check that can be made on the node itself.

Two processes. The *enforcer* has no privilege at all: `service` reads orders, `plan` (pure) checks
and judges them again, `signaller_link` carries what is left to the *signaller*, and outcomes go out
through `uncommitted`, which moves the order's offset on only once its outcome is stored. The
signaller may signal any process and therefore knows neither Kafka nor policies: `signaller` listens on
a Unix socket for the requests of `protocol`, `kill` checks that the process is still the one and sends
SIGKILL, `protected` says what is never killed, and `procfs` reads what the kernel says.
"""
