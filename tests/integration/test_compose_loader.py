"""The compose file as compose loads it, without an engine: by compose-go, which `docker compose` has too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.compose_model import FILE, ROOT, services

LOADER = ROOT / "tests/compose/loader"
BUILD_S = 150.0
LOAD_S = 30.0


def go(*words: str) -> str:
    done = subprocess.run(
        ["go", *words], cwd=LOADER, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("go") is None:
        pytest.skip("there is no Go, which compose-go's loader is built with")
    program = tmp_path_factory.mktemp("loader") / "loader"
    go("build", "-mod=readonly", "-o", str(program), ".")
    return program


def load(loader: Path, file: Path, *profiles: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environ = {
        name: text for name, text in os.environ.items() if not name.startswith(("LICTOR_", "COMPOSE_"))
    }
    return subprocess.run(
        [str(loader), str(file), *profiles],
        capture_output=True,
        text=True,
        timeout=LOAD_S,
        check=False,
        env=environ | environment,
    )


def loaded(loader: Path, *profiles: str, **environment: str) -> dict[str, Any]:
    done = load(loader, FILE, *profiles, **environment)
    assert done.returncode == 0, done.stderr
    # A warning is a variable that is not set, or a part that is obsolete.
    assert done.stderr == ""
    project = json.loads(done.stdout)
    assert isinstance(project, dict)
    return project


@pytest.mark.parametrize("profiles", [(), ("node",), ("load",), ("node", "load")])
def test_each_profile_adds_its_services_and_no_other(loader: Path, profiles: tuple[str, ...]) -> None:
    wanted = {one.name for one in services() if set(one.parts.get("profiles", profiles)) <= set(profiles)}
    assert set(loaded(loader, *profiles)["services"]) == wanted


def test_what_is_merged_is_what_the_other_tests_read(loader: Path) -> None:
    project = loaded(loader, "node", "load")
    for one in services():
        found = project["services"][one.name]
        assert found["cap_drop"] == one.parts["cap_drop"]
        assert set(found.get("cap_add") or ()) == one.capabilities
        assert found["user"] == one.parts["user"]
        assert found.get("environment", {}) == one.environment
        assert {secret["source"]: secret["target"] for secret in found.get("secrets", ())} == one.secrets
        assert all(port["host_ip"] == "127.0.0.1" for port in found.get("ports", ()))


def test_node_and_workloads_can_be_named_from_outside(loader: Path) -> None:
    project = loaded(loader, "node", LICTOR_NODE="n7", LICTOR_WORKLOADS="/etc/w.yaml")
    sensor = project["services"]["sensor"]
    assert sensor["environment"]["LICTOR_NODE"] == "n7"
    assert "/etc/w.yaml" in {mount["source"] for mount in sensor["volumes"]}


@pytest.mark.parametrize(
    ("part", "instead", "reason"),
    [
        ("secrets: [ca.crt, kafka-admin]", "secrets: [ca.crt, kafka-nobody]", "kafka-nobody"),
        ("      topics: {condition", "      topic: {condition", "topic"),
        ("    cap_add:", "    cap_ad:", "cap_ad"),
        ("source: keys,", "source: key,", "key"),
    ],
)
def test_the_loader_refuses_what_does_not_hold_together(
    loader: Path, tmp_path: Path, part: str, instead: str, reason: str
) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert part in text
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(text.replace(part, instead), encoding="utf-8")
    done = load(loader, wrong, "node", "load")
    assert done.returncode == 1
    assert reason in done.stderr


def test_the_schema_that_is_kept_is_the_loader_s(loader: Path) -> None:
    assert loader.is_file()
    module = Path(go("list", "-m", "-f", "{{.Dir}}", "github.com/compose-spec/compose-go/v2"))
    kept = ROOT / "tests/golden/compose-spec/compose-spec.json"
    assert kept.read_bytes() == (module / "schema/compose-spec.json").read_bytes()
