"""Whose process is it: from a cgroup to a workload with its identity.

`cgroup_paths` finds where a process lives, `cgroups` reads whose place that is by the names that
runtimes give, `identity` is the seam to whatever knows containers, `identity_map` the provider that
reads a YAML file, and `resolver` puts them together.
"""
