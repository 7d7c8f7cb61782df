"""The Dockerfile and what is sent to be built, read as far as that goes; tests/e2e builds it for real."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.fixtures.compose_model import FOLDER, ROOT, services
from tests.fixtures.dockerfile import sent, stages

FILE = FOLDER / "images/Dockerfile"
STAGES = stages(FILE.read_text(encoding="utf-8"))
IGNORE = (ROOT / ".dockerignore").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = FOLDER / "images/requirements.lock"


def pins(lock: Path) -> dict[str, str]:
    text = lock.read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z0-9,]+\])?==(\S+)", text, re.MULTILINE))


def copied() -> list[str]:
    return [
        source
        for stage in STAGES.values()
        for copy in stage.all("COPY")
        if not copy.text.startswith("--from=")
        for source in copy.words[:-1]
    ]


def test_the_targets_are_those_of_compose() -> None:
    assert {one.parts["build"]["target"] for one in services() if one.ours} <= set(STAGES)
    assert all((FOLDER / one.parts["build"]["context"]).resolve() == ROOT for one in services() if one.ours)
    assert all(ROOT / one.parts["build"]["dockerfile"] == FILE for one in services() if one.ours)


def test_the_base_is_pinned_and_told() -> None:
    outside = {stage.base for stage in STAGES.values()} - set(STAGES)
    (base,) = outside
    assert re.fullmatch(r"docker\.io/library/debian:12\.\d+-slim", base)
    assert f'org.opencontainers.image.base.name="{base}"' in STAGES["lictor"].all("LABEL")[0].text


def test_the_labels_say_what_the_project_says() -> None:
    labels = dict(re.findall(r'([\w.]+)="([^"]*)"', STAGES["lictor"].all("LABEL")[0].text))
    assert labels["org.opencontainers.image.version"] == PROJECT["version"]
    assert labels["org.opencontainers.image.licenses"] == PROJECT["license"]["text"]


def test_services_are_not_root_unless_they_load_programs() -> None:
    assert STAGES["lictor"].all("USER")[-1].text == "10001:10001"
    assert STAGES["node"].all("USER")[-1].text == "0:0"
    used = {one.parts["user"] for one in services() if one.ours and one.parts["build"]["target"] == "lictor"}
    assert used == {"10001:10001"}


def test_users_have_the_numbers_that_secrets_are_given_to() -> None:
    script = (FOLDER / "secrets.sh").read_text(encoding="utf-8")
    numbers = dict(re.findall(r"^(lictor|enforcer)=(\d+)", script, re.MULTILINE))
    made = " ".join(step.text for step in STAGES["lictor"].all("RUN"))
    assert f"groupadd --gid {numbers['lictor']} lictor" in made
    assert f"useradd --uid {numbers['lictor']} " in made
    assert re.search(rf"useradd --uid {numbers['enforcer']} .*lictor-enforcer", made)


def test_packages_come_without_recommended_ones_and_leave_no_lists() -> None:
    for stage in STAGES.values():
        for step in stage.all("RUN"):
            for install in re.findall(r"apt-get install[^&]*", step.text):
                assert "--no-install-recommends" in install
                assert step.text.startswith("apt-get update")
                assert "rm -rf /var/lib/apt/lists/*" in step.text


def test_python_s_packages_are_checked_against_hashes() -> None:
    installs = [
        install
        for step in STAGES["builder"].all("RUN")
        for install in re.findall(r"pip install[^&]*", step.text)
    ]
    first, own = installs
    assert {"--require-hashes", "--only-binary"} <= set(first.split())
    assert {"--no-deps", "--no-build-isolation"} <= set(own.split())


def test_no_secret_is_needed_to_build() -> None:
    assert not any(stage.all("ARG") or stage.all("ADD") for stage in STAGES.values())
    assert not re.search(
        "--mount=type=secret|password|token", FILE.read_text(encoding="utf-8"), re.IGNORECASE
    )


def test_the_images_have_what_the_project_is_tested_with_and_nothing_for_developers() -> None:
    images, project = pins(LOCK), pins(ROOT / "requirements.lock")
    assert images.items() <= project.items()
    names = {re.split(r"[\[<>=]", text, maxsplit=1)[0].lower() for text in PROJECT["dependencies"]}
    assert names <= set(images)
    assert not {"pytest", "mypy", "ruff", "hypothesis", "jsonschema", "import-linter"} & set(images)


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_is_there_and_sent(source: str) -> None:
    path = ROOT / source
    assert path.exists()
    inside = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
    kept = [one for one in inside if "__pycache__" not in one.parts]
    assert kept
    assert all(sent(str(one.relative_to(ROOT)), IGNORE) for one in kept)


def test_every_package_of_the_project_is_copied() -> None:
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {name.removesuffix("*") for name in found["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert wanted <= set(copied())


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "compose/secrets/ca.key",
        "compose/compose.yaml",
        "tests/conftest.py",
        "lictor/__pycache__/health.cpython-311.pyc",
        "requirements.lock",
        ".state/keys/node.key",
    ],
)
def test_nothing_else_is_sent(path: str) -> None:
    assert not sent(path, IGNORE)
