"""What can go wrong with the local runtime; every message says what to do about it.

::

    LocalRuntimeError
    ├── PackageError       a system package is missing and cannot be installed
    ├── ArtifactError      Kafka or Elasticsearch is not set up, not to be had, or not what is locked
    ├── NoJdkError         no JDK on this machine fits
    ├── AccountError       an unprivileged user is missing or cannot be made
    ├── StateError         the state folder is in use, or is not one
    ├── NoFreePortError    no loopback port is free
    ├── CannotStartError   a command cannot be executed
    ├── ChildFailedError   a child did not become ready, or died too often (with the end of its log)
    ├── CredentialError    a credential of the state folder cannot be read
    ├── CannotCertifyError no certificate can be made
    ├── CannotFormatError  Kafka's data folder cannot be formatted
    └── CannotRecordError  the broker's class archive cannot be recorded
"""

from __future__ import annotations

from wire.errors import OperatorError


class LocalRuntimeError(OperatorError):
    """Any failure of the local runtime."""


class PackageError(LocalRuntimeError):
    """A system package is missing and cannot be installed."""


class ArtifactError(LocalRuntimeError):
    """An artifact is missing, cannot be fetched, or is not what the lock file says."""


class NoJdkError(LocalRuntimeError):
    """No JDK on this machine fits."""


class AccountError(LocalRuntimeError):
    """The unprivileged user is missing, or cannot be made or removed."""


class StateError(LocalRuntimeError):
    """The state folder is in use by another run, or is not a state folder."""


class NoFreePortError(LocalRuntimeError):
    """No loopback port could be bound."""


class CannotStartError(LocalRuntimeError):
    """A command could not be executed."""


class ChildFailedError(LocalRuntimeError):
    """A child did not become ready, or died too often; the message has the end of its log."""

    def __init__(self, name: str, reason: str, tail: str) -> None:
        super().__init__(f"{name} {reason}" + (f"; its log ends:\n{tail}" if tail else ""))
        self.name = name
        self.reason = reason
        self.tail = tail


class CredentialError(LocalRuntimeError):
    """A credential of the state folder is missing, or not for this user's eyes."""


class CannotCertifyError(LocalRuntimeError):
    """openssl is missing or refused to make a certificate."""


class CannotFormatError(LocalRuntimeError):
    """Kafka's storage tool refused to make the data folder."""


class CannotRecordError(LocalRuntimeError):
    """The broker's class archive could not be recorded."""
