"""What is in force now, for commands that show or change it."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from lictor.settings import Settings
from policy.changes import Change
from policy.policy_set import PolicySet
from wire.policy_log import PolicyFollower, append_change

CATCH_UP_S = 15.0


@contextmanager
def followed(settings: Settings) -> Iterator[PolicyFollower]:
    """A follower that has caught up, for the length of the block."""
    follower = PolicyFollower(settings.kafka("lictor-cli"), settings.topics())
    follower.start()
    try:
        follower.wait_until_caught_up(CATCH_UP_S)
        yield follower
    finally:
        follower.stop()


def in_force(settings: Settings) -> PolicySet:
    """The policy set as the log stands now."""
    with followed(settings) as follower:
        return follower.current


def change(settings: Settings, one: Change) -> int:
    """Write a change to the log; returns its offset, which names the policy set from there on."""
    return append_change(settings.kafka("lictor-cli"), settings.topics(), one)


def asking() -> str:
    """Who asks, for the record."""
    return getpass.getuser()
