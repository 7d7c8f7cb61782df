"""How a client proves to Kafka who it is, for librdkafka and, through an SSL context, for aiokafka."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True, kw_only=True)
class Security:
    """One identity. What does not belong to the protocol is not used; nothing secret is in its repr.

    `ca`, `certificate` and `key` are PEM files; without `ca` the system's authorities are trusted. Brokers'
    host names are always checked.
    """

    protocol: Protocol = "plaintext"
    mechanism: Mechanism = "SCRAM-SHA-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def encrypts(self) -> bool:
        """Whether the connection is under TLS."""
        return self.protocol.endswith("ssl")

    @property
    def names_user(self) -> bool:
        """Whether a user name and a password are sent."""
        return self.protocol.startswith("sasl")

    @property
    def subject(self) -> str:
        """Who the client says it is, for messages."""
        if self.names_user:
            return f"user {self.user!r}"
        return f"the certificate {self.certificate}" if self.certificate else "a client without a name"

    def client(self) -> dict[str, str | int | float | bool]:
        """The settings of librdkafka."""
        if self.protocol == "plaintext":
            return {}
        config: dict[str, str | int | float | bool] = {"security.protocol": self.protocol}
        if self.names_user:
            config |= {
                "sasl.mechanism": self.mechanism,
                "sasl.username": self.user or "",
                "sasl.password": self.password or "",
            }
        if self.encrypts:
            files = {
                "ssl.ca.location": self.ca,
                "ssl.certificate.location": self.certificate,
                "ssl.key.location": self.key,
            }
            config |= {name: str(path) for name, path in files.items() if path is not None}
        return config

    def context(self) -> ssl.SSLContext | None:
        """The same for clients that take an SSL context; None without TLS.

        Raises:
            OSError: a file cannot be read, or is not what it should be (`ssl.SSLError`).
        """
        if not self.encrypts:
            return None
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate, self.key)
        return context


PLAIN_TEXT = Security()
"""Without encryption or a name: for brokers that let everybody in."""
