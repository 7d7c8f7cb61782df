"""The sample's documents are read by the project's own readers."""

from __future__ import annotations

from lictor.sample.container import cgroup_path
from lictor.sample.documents import WORKLOADS_FILE, workload_map
from workloads.identity_map import read_identity_map


def test_the_identity_map_is_read() -> None:
    identities = read_identity_map(WORKLOADS_FILE.read_text(), WORKLOADS_FILE.name)
    assert list(identities) == [cgroup_path()]
    identity = identities[cgroup_path()]
    assert (identity.namespace, identity.container_id) == ("dvwa", "dvwa-web")
    assert identity.labels == {"app": "dvwa-web", "tier": "frontend"}


def test_a_suffix_moves_the_cgroup_and_nothing_of_the_selection() -> None:
    (identity,) = read_identity_map(workload_map("-x"), "generated").values()
    assert (identity.cgroup, identity.container_id) == (cgroup_path("-x"), "dvwa-web-x")
    assert (identity.namespace, identity.labels["app"]) == ("dvwa", "dvwa-web")
