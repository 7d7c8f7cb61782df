"""Sets up the local runtime and takes it back: ``python -m lictor.runtime.setup install|clean|lock``.

`install` may be repeated: it makes the system user (when root), fetches and verifies Kafka and
Elasticsearch, and records the broker's class archive. `clean` removes the cache, the state and the user.
`lock` writes the lock file anew after a change of version in the pom. The system packages come first and on
their own: `lictor.runtime.system_packages`.
"""

from __future__ import annotations

# ruff: noqa: T201 - a command that prints
import argparse
import os
import pwd
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from lictor.runtime import account, artifacts, elasticsearch_plugin, java
from lictor.runtime.errors import AccountError, LocalRuntimeError, NoJdkError
from lictor.runtime.state import LocalState, default_cache, default_state
from lictor.sample.rootfs import remove_rootfs

if TYPE_CHECKING:
    from pathlib import Path

COMMENT = "Lictor unprivileged services"
USER_TIMEOUT_S = 60.0
TEST_TOOLS = "test-tools"
"""Folder of the cache into which tests put locked packages of their own."""


def say(text: str) -> None:
    """One line on what is done."""
    print(f"runtime: {text}", flush=True)


def run_as_root(*command: str) -> None:
    """Run a tool of the system; raises AccountError with its own words."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=USER_TIMEOUT_S, check=False)
    if done.returncode != 0:
        msg = f"`{' '.join(command)}` failed: {done.stderr.strip()}"
        raise AccountError(msg)


def make_accounts() -> None:
    """Make the system users that servers and services run as; nothing to do when not root."""
    if os.geteuid() != 0:
        say("not root: everything runs as you, no system user is made")
        return
    make_account(account.NAME, "--user-group")
    make_account(account.ENFORCER, "--gid", account.NAME)


def make_account(name: str, *group: str) -> None:
    """Make one system user, unless there is one of that name."""
    if account.find(name) is not None:
        say(f"the system user {name} exists")
        return
    say(f"making the system user {name} (no login, no home)")
    flags = ("--system", *group, "--no-create-home", "--home-dir", "/nonexistent")
    run_as_root("useradd", *flags, "--shell", "/usr/sbin/nologin", "--comment", COMMENT, name)


def remove_accounts() -> None:
    """Remove the system users that setup made, and only those."""
    if os.geteuid() != 0:
        return
    for name in (account.ENFORCER, account.NAME):
        if account.find(name) is None:
            continue
        if pwd.getpwnam(name).pw_gecos != COMMENT:
            say(f"leaving the user {name}: setup did not make it")
            continue
        say(f"removing the system user {name}")
        run_as_root("userdel", name)


def install(cache: Path) -> None:
    """Everything but the system packages."""
    say(f"cache: {cache} (LICTOR_CACHE), state: {default_state()} (LICTOR_STATE)")
    # Not above: `clean` also works without the virtual environment that this needs.
    from lictor.runtime import class_archive  # noqa: PLC0415

    make_accounts()
    found = artifacts.fetch(cache, say)
    class_archive.record(found, say)
    try:
        jdk = java.find(java.ELASTICSEARCH)
    except NoJdkError as error:
        say(f"Elasticsearch cannot run here yet. {error}")
    else:
        say(f"Elasticsearch will run with {jdk.home}")
        elasticsearch_plugin.ensure(found.elasticsearch, jdk)


def clean(cache: Path, state: Path) -> None:
    """Take back what `install` and later runs left; system packages stay.

    Raises StateError while it is in use.
    """
    if state.exists():
        with LocalState(state, account.find()):
            say(f"removing the state folder {state}")
            shutil.rmtree(state)
    if cache.exists():
        say(
            f"removing Kafka, Elasticsearch, the sample's file system and tests' tools from the cache {cache}"
        )
        if (tools := cache / TEST_TOOLS).exists():
            shutil.rmtree(tools)
        remove_rootfs(cache)
        artifacts.remove(cache)
    remove_accounts()
    say("left as they are: system packages (remove them with apt-get if nothing else needs them)")


def main() -> int:
    """Entry point; 3 with a sentence on what to do when a step fails."""
    parser = argparse.ArgumentParser(prog="python -m lictor.runtime.setup", description=__doc__)
    parser.add_argument("step", choices=("install", "clean", "lock"))
    step = parser.parse_args().step
    try:
        if step == "install":
            install(default_cache())
        elif step == "clean":
            clean(default_cache(), default_state())
        else:
            artifacts.relock(say)
    except (LocalRuntimeError, OSError) as error:
        print(f"runtime: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
