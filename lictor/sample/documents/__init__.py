"""The sample's policy and identity, as the files that a person would apply."""

from __future__ import annotations

from pathlib import Path

import yaml

from lictor.sample.container import CONTAINER_ID, cgroup_path

FOLDER = Path(__file__).parent

POLICY_FILE = FOLDER / "policy.yaml"
"""KubeArmorPolicy ``allow-web-and-ping`` of namespace ``dvwa``."""

WORKLOADS_FILE = FOLDER / "workloads.yaml"
"""The identity map of the container without a suffix."""


def workload_map(suffix: str = "") -> str:
    """The identity map, in YAML, of the container with this suffix: another cgroup, the same workload."""
    document = yaml.safe_load(WORKLOADS_FILE.read_text(encoding="utf-8"))
    for workload in document["workloads"]:
        workload["cgroup"] = cgroup_path(suffix)
        workload["container_id"] = CONTAINER_ID + suffix
    return str(yaml.safe_dump(document, sort_keys=False))
