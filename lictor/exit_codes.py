"""Exit codes of every command, and the one place that maps errors to them."""

OK = 0
FINDINGS = 1
"""The command worked and found what it was asked to find: a policy with errors, a failed demo."""
USAGE = 2
INFRASTRUCTURE = 3
"""A broker, a server, the kernel or the machine is not as it must be."""
