"""What Elasticsearch's own security index needs and this distribution lacks, compiled by the JDK at hand.

See `compose/runtime/analysis`. Without it there are no API keys: the index that holds them cannot be made.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from lictor.runtime.artifacts import RUNTIME, open_to_all
from lictor.runtime.errors import ArtifactError

if TYPE_CHECKING:
    from lictor.runtime.java import Jdk

SOURCE = RUNTIME / "analysis" / "SecurityIndexAnalysis.java"
NAME = "lictor-security-index"
JAVA_VERSION = 21
COMPILE_TIMEOUT_S = 120.0

DESCRIPTOR = f"""\
name={NAME}
description=The analysis that the security index names, where the module analysis-common is missing
version={{version}}
elasticsearch.version={{version}}
java.version={JAVA_VERSION}
classname=lictor.elasticsearch.SecurityIndexAnalysis
"""


def ensure(distribution: Path, jdk: Jdk) -> Path:
    """The plugin's folder in the distribution, compiled if this release's is not there yet.

    Raises ArtifactError when it cannot be compiled or put there.
    """
    folder = distribution / "plugins" / NAME
    jar = folder / f"{hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]}.jar"
    if jar.is_file():
        return folder
    try:
        with tempfile.TemporaryDirectory(prefix="plugin-", dir=distribution) as scratch:
            fresh = Path(scratch) / NAME
            fresh.mkdir()
            compile_into(fresh / jar.name, distribution, jdk, Path(scratch))
            version = distribution.name.removeprefix("elasticsearch-")
            (fresh / "plugin-descriptor.properties").write_text(
                DESCRIPTOR.format(version=version), encoding="utf-8"
            )
            open_to_all(fresh)
            if folder.exists():
                shutil.rmtree(folder)
            fresh.rename(folder)
    except OSError as error:
        if jar.is_file():  # another run was faster
            return folder
        msg = f"Elasticsearch's plugin {NAME} cannot be made in {distribution}: {error}. Run `make setup`"
        raise ArtifactError(msg) from error
    return folder


def compile_into(jar: Path, distribution: Path, jdk: Jdk, scratch: Path) -> None:
    """Compile the source against the distribution's own classes."""
    classes = scratch / "classes"
    command = (
        *(str(jdk.home / "bin" / "javac"), "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1"),
        *("-proc:none", "-Xlint:all", "-Werror", "--release", str(JAVA_VERSION)),
        *("-cp", str(distribution / "lib" / "*"), "-d", str(classes), str(SOURCE)),
    )
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_TIMEOUT_S, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        msg = f"Elasticsearch's plugin {NAME} cannot be compiled: {error}. {jdk.home} must be a whole JDK"
        raise ArtifactError(msg) from error
    if done.returncode != 0:
        msg = f"Elasticsearch's plugin {NAME} does not compile with {jdk.home}:\n{done.stderr[-2000:]}"
        raise ArtifactError(msg)
    with zipfile.ZipFile(jar, "w") as bundle:
        for path in sorted(classes.rglob("*.class")):
            bundle.write(path, path.relative_to(classes))
