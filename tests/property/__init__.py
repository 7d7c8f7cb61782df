"""Random policy sets, workloads and events: the judge against `tests.reference`, and what must not matter.

Everything is drawn in the reference's form (dicts); `told` puts it into the project's own types.
"""
