"""Settings of the way to Kafka: where the brokers are, and who one is there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from lictor.runtime import kafka_credentials
from lictor.runtime.state import default_state
from lictor.setting_values import SettingsError, local_runtime, secret
from wire.kafka import Kafka
from wire.security import Mechanism, Protocol, Security

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"


class KafkaSettings(BaseSettings):
    """What services and commands can be told of Kafka."""

    bootstrap: str | None = Field(
        None, description="Kafka brokers as host:port, comma separated. Default: the local `lictor up`'s."
    )
    kafka_protocol: Protocol = Field(
        "plaintext",
        description="How brokers are spoken to: plaintext, ssl, sasl_plaintext or sasl_ssl. Default for the "
        "local `lictor up`'s broker: as its operator.",
    )
    kafka_mechanism: Mechanism = Field(
        "SCRAM-SHA-512", description="How the password is shown: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_user: str | None = Field(None, min_length=1, description="User name, with sasl protocols.")
    kafka_password: SecretStr | None = Field(None, description="The user's password.")
    kafka_password_file: Path | None = Field(
        None, description="File with the user's password on its only line, instead of kafka_password."
    )
    kafka_ca: Path | None = Field(
        None, description="Authorities that sign the brokers' certificates, PEM. Default: the system's."
    )
    kafka_certificate: Path | None = Field(
        None, description="Client certificate with its chain, PEM, for brokers that ask for one."
    )
    kafka_key: Path | None = Field(None, description="The client certificate's private key, PEM.")

    def kafka(self, client_id: str, principal: str = kafka_credentials.OPERATOR) -> Kafka:
        """Where the brokers are and who one is there: as set, else as `principal` of a local `lictor up`.

        Raises:
            SettingsError, CredentialError: a password cannot be read.
        """
        named = "kafka_protocol" in self.model_fields_set
        if self.bootstrap is not None and named:
            return Kafka(bootstrap=self.bootstrap, client_id=client_id, security=self.kafka_security())
        live = local_runtime("--bootstrap where Kafka is", self.bootstrap)
        bootstrap = self.bootstrap or (live and live.bootstrap) or DEFAULT_BOOTSTRAP
        security = self.kafka_security()
        if not named and live is not None and live.kafka_secured and bootstrap == live.bootstrap:
            security = kafka_credentials.read(default_state(), principal)
        return Kafka(bootstrap=bootstrap, client_id=client_id, security=security)

    def kafka_security(self) -> Security:
        """Who one is at the brokers, as set.

        Raises:
            SettingsError: a file cannot be read, or a password's is not a line.
        """
        for name in ("kafka_ca", "kafka_certificate", "kafka_key"):
            path: Path | None = getattr(self, name)
            if path is not None and not os.access(path, os.R_OK):
                raise SettingsError(f"{name}: {path} cannot be read; make it readable for whom this runs as")
        return Security(
            protocol=self.kafka_protocol,
            mechanism=self.kafka_mechanism,
            user=self.kafka_user,
            password=secret("kafka_password", self.kafka_password, self.kafka_password_file),
            ca=self.kafka_ca,
            certificate=self.kafka_certificate,
            key=self.kafka_key,
        )

    @model_validator(mode="after")
    def _kafka_settings_fit(self) -> Self:
        for problem in _kafka_problems(self):
            raise ValueError(problem)
        return self


def _kafka_problems(settings: KafkaSettings) -> Iterator[str]:
    """What does not go together, in sentences that say what to do."""
    protocol = settings.kafka_protocol
    passwords = [one for one in (settings.kafka_password, settings.kafka_password_file) if one is not None]
    if protocol.startswith("sasl"):
        if settings.kafka_user is None:
            yield f"kafka_protocol is {protocol} and kafka_user is not set: set it"
        if len(passwords) != 1:
            yield f"kafka_protocol is {protocol}: set one of kafka_password and kafka_password_file"
    elif settings.kafka_user is not None or passwords:
        yield (
            f"kafka_protocol is {protocol}, by which neither user nor password is sent: set it to sasl_ssl, "
            "or to sasl_plaintext on loopback"
        )
    files = (settings.kafka_ca, settings.kafka_certificate, settings.kafka_key)
    if not protocol.endswith("ssl") and any(files):
        yield f"kafka_protocol is {protocol} and does not use kafka_ca, kafka_certificate and kafka_key"
    if (settings.kafka_certificate is None) != (settings.kafka_key is None):
        yield "kafka_certificate and kafka_key go together: set both or neither"
