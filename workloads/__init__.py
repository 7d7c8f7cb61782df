"""Whose process is it: from a cgroup to a workload with its identity.

`cgroups` reads where a process lives, `identity` is the seam to whatever knows containers,
`identity_map` the provider that reads a YAML file, and `resolver` puts them together.
"""
