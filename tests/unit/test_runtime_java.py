"""Which JDK is taken, from JDK folders made for the purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from lictor.runtime import java
from lictor.runtime.errors import NoJdkError

VECTOR = "java.base jdk.incubator.vector"


def make_jdk(home: Path, version: str, modules: str | None = VECTOR, launcher: str = "exit 1") -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").write_text(f"#!/bin/sh\n{launcher}\n")
    (home / "bin" / "java").chmod(0o755)
    if modules is not None:
        (home / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\nMODULES="{modules}"\n')
    return home


@pytest.mark.parametrize(
    ("text", "version"), [("17.0.15", 17), ("25", 25), ("26-ea", 26), ("1.8.0_402", 8), ("unknown", None)]
)
def test_feature_version(text: str, version: int | None) -> None:
    assert java.feature_version(text) == version


def test_newest_that_fits_is_taken(tmp_path: Path) -> None:
    make_jdk(tmp_path / "a-17", "17.0.1")
    make_jdk(tmp_path / "b-25", "25.0.3")
    make_jdk(tmp_path / "c-21", "21.0.2")
    jdk = java.find(java.ELASTICSEARCH, {}, tmp_path)
    assert (jdk.home, jdk.version, jdk.full_version) == (tmp_path / "b-25", 25, "25.0.3")
    assert java.VECTOR_MODULE in jdk.modules


def test_newer_without_the_vector_module_serves_kafka_only(tmp_path: Path) -> None:
    make_jdk(tmp_path / "jre-25", "25.0.3", "java.base")
    make_jdk(tmp_path / "jdk-21", "21.0.2")
    assert java.find(java.KAFKA, {}, tmp_path).version == 25
    assert java.find(java.ELASTICSEARCH, {}, tmp_path).version == 21


def test_java_home_goes_before_a_newer_one(tmp_path: Path) -> None:
    preferred = make_jdk(tmp_path / "own", "21.0.2")
    make_jdk(tmp_path / "jvm" / "newer", "25.0.3")
    jdk = java.find(java.ELASTICSEARCH, {"JAVA_HOME": str(preferred)}, tmp_path / "jvm")
    assert jdk.home == preferred


def test_java_home_that_does_not_fit_is_passed_over(tmp_path: Path) -> None:
    old = make_jdk(tmp_path / "own", "11.0.2")
    fitting = make_jdk(tmp_path / "jvm" / "newer", "25.0.3")
    assert java.find(java.KAFKA, {"JAVA_HOME": str(old)}, tmp_path / "jvm").home == fitting


def test_lictor_java_home_is_the_only_candidate(tmp_path: Path) -> None:
    old = make_jdk(tmp_path / "own", "17.0.1")
    make_jdk(tmp_path / "jvm" / "newer", "25.0.3")
    environ = {"LICTOR_JAVA_HOME": str(old)}
    assert java.find(java.KAFKA, environ, tmp_path / "jvm").home == old
    with pytest.raises(NoJdkError, match=r"own is version 17"):
        java.find(java.ELASTICSEARCH, environ, tmp_path / "jvm")


def test_refusal_names_what_was_seen_and_the_way_out(tmp_path: Path) -> None:
    make_jdk(tmp_path / "old", "17.0.1")
    make_jdk(tmp_path / "bare", "25.0.3", "java.base")
    with pytest.raises(NoJdkError) as refusal:
        java.find(java.ELASTICSEARCH, {}, tmp_path)
    sentence = str(refusal.value)
    assert f"{tmp_path / 'old'} is version 17" in sentence
    assert f"{tmp_path / 'bare'} lacks jdk.incubator.vector" in sentence
    assert "LICTOR_JAVA_HOME" in sentence
    assert "--elasticsearch URL" in sentence


def test_no_jdk_at_all(tmp_path: Path) -> None:
    with pytest.raises(NoJdkError, match="none found"):
        java.find(java.KAFKA, {}, tmp_path / "absent")


def test_links_to_one_jdk_are_one(tmp_path: Path) -> None:
    home = make_jdk(tmp_path / "real", "25.0.3")
    (tmp_path / "alias").symlink_to(home)
    assert [jdk.home for jdk in java.installed(java.candidates({}, tmp_path))] == [home]


def test_without_a_release_file_the_launcher_is_asked(tmp_path: Path) -> None:
    launcher = """case "$1" in
    -version) echo 'openjdk version "21.0.7" 2025-04-15' >&2;;
    --list-modules) printf 'java.base@21.0.7\\njdk.incubator.vector@21.0.7\\n';;
    esac"""
    make_jdk(tmp_path / "silent", "", None, launcher)
    jdk = java.find(java.ELASTICSEARCH, {}, tmp_path)
    assert (jdk.version, jdk.modules) == (21, frozenset({"java.base", "jdk.incubator.vector"}))


def test_a_launcher_that_does_not_run_is_no_jdk(tmp_path: Path) -> None:
    make_jdk(tmp_path / "broken", "", None)
    assert java.inspect(tmp_path / "broken") is None
