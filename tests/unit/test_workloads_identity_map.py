from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from workloads.identity_map import IdentityMap, IdentityMapError, NoIdentities, read_identity_map

GOOD = """\
workloads:
- cgroup: /lictor-sample/dvwa-web
  namespace: dvwa
  pod: dvwa-web-0
  container: web
  image: lictor-sample/dvwa-web
  labels: {app: dvwa-web, tier: frontend}
- cgroup: /lictor-sample
  container_id: outer
  namespace: sample
"""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def refused() -> float:
    return REGISTRY.get_sample_value("lictor_identity_map_refused_total") or 0.0


def write(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)


def test_reads_and_finds_the_deepest(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(GOOD)
    identities = IdentityMap(path)
    web = identities.by_cgroup("/lictor-sample/dvwa-web/below")
    assert web is not None
    assert web.container_id == "dvwa-web"
    assert web.labels == {"app": "dvwa-web", "tier": "frontend"}
    outer = identities.by_cgroup("/lictor-sample/dvwa-webx")
    assert outer is not None
    assert outer.container_id == "outer"
    assert identities.by_cgroup("/lictor") is None
    assert identities.by_cgroup("/") is None


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "workloads:\n- cgroup: /a\n  namespace: x\n  lables: {}\n",
            ["map.yaml:4: workloads.0.lables: Extra"],
        ),
        ("workloads:\n- cgroup: a\n  namespace: x\n", ["map.yaml:2: workloads.0.cgroup: "]),
        ("workloads:\n- cgroup: /\n  namespace: x\n", ["map.yaml:2: "]),
        ("workloads:\n- cgroup: /a/../b\n  namespace: x\n", ["map.yaml:2: "]),
        ("workloads:\n- cgroup: /a/\n  namespace: x\n", ["map.yaml:2: "]),
        ("workloads:\n\n- cgroup: /a\n", ["map.yaml:3: workloads.0.namespace: Field required"]),
        (
            "workloads:\n- cgroup: /a\n  namespace: x\n  labels:\n    n: 1\n",
            ["map.yaml:5: workloads.0.labels.n: "],
        ),
        ("workloads:\n- {cgroup: /a, namespace: x}\n- {cgroup: /a, namespace: y}\n", ["map.yaml:1: "]),
        ("workloads: [\n", ["map.yaml:2: not YAML"]),
        ("- a\n", ["map.yaml:1: "]),
        (
            "workloads:\n- {cgroup: b}\n",
            ["map.yaml:2: workloads.0.cgroup", "map.yaml:2: workloads.0.namespace"],
        ),
    ],
)
def test_every_problem_with_its_line(text: str, problems: list[str]) -> None:
    with pytest.raises(IdentityMapError) as caught:
        read_identity_map(text, "map.yaml")
    assert len(caught.value.problems) == len(problems)
    for problem, start in zip(caught.value.problems, problems, strict=True):
        assert problem.startswith(start)


def test_empty_file_is_an_empty_map() -> None:
    assert read_identity_map("", "map.yaml") == {}


def test_backslash_in_a_cgroup_is_matched_as_decoded() -> None:
    identities = read_identity_map("workloads:\n- {cgroup: '/a\\x2db', namespace: x}\n", "map.yaml")
    assert list(identities) == ["/a\\\\x2db"]


def test_edit_is_taken_in_once_a_second(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "map.yaml"
    path.write_text(GOOD)
    identities = IdentityMap(path, clock=clock)
    before = identities.generation
    write(path, GOOD.replace("dvwa-web-0", "dvwa-web-1"))
    identities.poll()
    assert identities.generation == before
    clock.now += 1.1
    identities.poll()
    assert identities.generation == before + 1
    web = identities.by_cgroup("/lictor-sample/dvwa-web")
    assert web is not None
    assert web.pod == "dvwa-web-1"


@pytest.mark.parametrize("bad", ["workloads: {", "workloads:\n- {cgroup: a}\n", "\udcff"])
def test_bad_edit_keeps_the_last_good_map(tmp_path: Path, bad: str) -> None:
    clock = Clock()
    path = tmp_path / "map.yaml"
    path.write_text(GOOD)
    identities = IdentityMap(path, clock=clock)
    before, counted = identities.generation, refused()
    path.write_bytes(bad.encode(errors="surrogateescape"))
    for _ in range(3):
        clock.now += 1.1
        identities.poll()
    assert identities.generation == before
    assert refused() == counted + 1
    assert identities.by_cgroup("/lictor-sample/dvwa-web") is not None
    write(path, "workloads: []\n")
    clock.now += 1.1
    identities.poll()
    assert identities.generation == before + 1
    assert identities.by_cgroup("/lictor-sample/dvwa-web") is None


def test_file_that_goes_away_keeps_the_map(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "map.yaml"
    path.write_text(GOOD)
    identities = IdentityMap(path, clock=clock)
    counted = refused()
    path.unlink()
    clock.now += 1.1
    identities.poll()
    assert refused() == counted + 1
    assert identities.by_cgroup("/lictor-sample/dvwa-web") is not None


def test_absent_at_the_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(IdentityMapError, match="cannot be read: No such file"):
        IdentityMap(tmp_path / "map.yaml")


def test_no_identities() -> None:
    provider = NoIdentities()
    provider.poll()
    assert provider.by_cgroup("/a") is None
    assert provider.generation == 0
