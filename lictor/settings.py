"""Settings of every command: from a file, then the environment, then flags; the later one wins.

The file is TOML: `--config`, else `LICTOR_CONFIG`, else `/etc/lictor/lictor.toml` where it exists. The
environment has the same names in capitals behind `LICTOR_`. Secrets are settings too, so that they
come from the file or the environment and never stand in argv.
"""

import os
import socket
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import msgspec
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lictor.runtime import elasticsearch_credentials, kafka_credentials
from lictor.runtime.state import Live, default_state, find_live
from wire.errors import OperatorError
from wire.kafka import Kafka
from wire.security import Mechanism, Protocol, Security
from wire.topics import DEFAULT_PREFIX, Topics

if TYPE_CHECKING:
    from dashboards.elastic import Elastic

DEFAULT_FILE = Path("/etc/lictor/lictor.toml")
NO_FILE = "/dev/null"
"""As `LICTOR_CONFIG`: no file is read, the default one neither."""

DEFAULT_BOOTSTRAP = "127.0.0.1:9092"
DEFAULT_ELASTICSEARCH = "http://127.0.0.1:9200"


class SettingsError(OperatorError):
    """A setting is wrong; the message names it and says what would be right."""


class Settings(BaseSettings):
    """What the services and commands can be told. Every field's text is in docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix="LICTOR_", extra="forbid", frozen=True, env_ignore_empty=True
    )
    file: ClassVar[Path | None] = None

    bootstrap: str | None = Field(
        None, description="Kafka brokers as host:port, comma separated. Default: the local `lictor up`'s."
    )
    topic_prefix: str = Field(
        DEFAULT_PREFIX, pattern=r"^[A-Za-z0-9._-]{1,100}$", description="What every topic's name begins with."
    )
    event_partitions: int = Field(4, ge=1, le=1024, description="Partitions of the events topic, fixed once.")
    order_partitions: int = Field(4, ge=1, le=1024, description="Partitions of the orders topic, fixed once.")
    verdict_partitions: int = Field(
        4, ge=1, le=1024, description="Partitions of the verdicts and outcomes topics, fixed once."
    )
    replication: int = Field(1, ge=1, le=9, description="Replicas of every topic that `topics create` makes.")
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
    elasticsearch: str | None = Field(
        None, description="Elasticsearch's base URL. Default: the local `lictor up`'s."
    )
    elasticsearch_api_key: SecretStr | None = Field(None, description="API key for Elasticsearch, encoded.")
    elasticsearch_api_key_file: Path | None = Field(
        None,
        description="File with the API key instead, read anew for each request.",
    )
    elasticsearch_ca: Path | None = Field(
        None, description="Authority that signed Elasticsearch's certificate, PEM. Default: the system's."
    )
    elasticsearch_user: str | None = Field(
        None, min_length=1, description="User that sets up roles, keys and templates; services have API keys."
    )
    elasticsearch_password: SecretStr | None = Field(None, description="That user's password.")
    elasticsearch_password_file: Path | None = Field(
        None,
        description="File with that user's password instead, on its only line.",
    )
    kibana: str | None = Field(
        None, description="Kibana's base URL, where `dashboards install` puts data views and dashboards."
    )
    store_events: bool = Field(
        False, description="Whether the sink stores events too: many times as much as verdicts."
    )
    node: str = Field(
        default_factory=socket.gethostname,
        pattern=r"^[A-Za-z0-9._-]{1,253}$",
        description="This node's name in ids and keys. Default: the host's name.",
    )
    node_labels: dict[str, str] = Field(
        default_factory=dict, description="Labels of this node, for host policies: JSON in the environment."
    )
    node_key_file: Path | None = Field(
        None, description="File with the 32-byte key that sensor and enforcer of a node share."
    )
    identity_map: Path | None = Field(
        None, description="YAML map of cgroups to namespaces, pods and labels, watched for changes."
    )
    args: Literal["full", "redacted", "none"] = Field(
        "redacted", description="What is published of arguments: full, secrets replaced, or none."
    )
    tick_ms: float = Field(2.0, ge=0.5, le=1000, description="How often the sensor drains its rings.")
    ring_kib: int = Field(4096, ge=64, le=1 << 20, description="Size of the process ring, a power of two.")
    run_as: str = Field("lictor", description="Unprivileged user that services become when started as root.")
    enforcer_user: str = Field(
        "lictor-enforcer",
        description="Unprivileged user of enforcer and signaller, who alone may read the node's key.",
    )
    worker: str = Field("judge-0", description="This stream worker's static name within the node.")
    kills_per_minute: int = Field(60, ge=1, description="Cap on what an enforcer kills.")
    protected: list[str] = Field(
        default_factory=list, description="Further executables of the host that are never killed: JSON list."
    )
    signaller_socket: Path = Field(
        Path("/run/lictor/signaller.sock"), description="Where enforcer and signaller meet."
    )
    own_pids_file: Path | None = Field(
        None, description="File of Lictor's own processes on this node, a line `PID START` each."
    )
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Port on loopback for /metrics, /healthz and /readyz; 0 picks one."
    )
    log_format: Literal["text", "json"] = Field("text", description="How services write their log.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags (init) win over the environment, which wins over the file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, cls.file)

    def environment(self) -> dict[str, str]:
        """What was set, wherever that was, as the environment of another process that is to have the same.

        The other one reads no file: it may be a user who cannot.
        """
        texts = {f"LICTOR_{name.upper()}": _text(getattr(self, name)) for name in self.model_fields_set}
        return {name: text for name, text in texts.items() if text} | {"LICTOR_CONFIG": NO_FILE}

    def kafka(self, client_id: str, principal: str = kafka_credentials.OPERATOR) -> Kafka:
        """Where the brokers are and who one is there: as set, else as `principal` of a local `lictor up`.

        Raises:
            SettingsError, CredentialError: a password cannot be read.
        """
        named = "kafka_protocol" in self.model_fields_set
        if self.bootstrap is not None and named:
            return Kafka(bootstrap=self.bootstrap, client_id=client_id, security=self.kafka_security())
        live = _live("--bootstrap where Kafka is", self.bootstrap)
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
            password=_secret("kafka_password", self.kafka_password, self.kafka_password_file),
            ca=self.kafka_ca,
            certificate=self.kafka_certificate,
            key=self.kafka_key,
        )

    @model_validator(mode="after")
    def _kafka_settings_fit(self) -> Self:
        for problem in _kafka_problems(self):
            raise ValueError(problem)
        return self

    def elasticsearch_url(self) -> str:
        """Where Elasticsearch is: as set, else where a local `lictor up` runs one."""
        if self.elasticsearch is not None:
            return self.elasticsearch
        live = _live("--elasticsearch where Elasticsearch is", None)
        return (live and live.elasticsearch) or DEFAULT_ELASTICSEARCH

    def elastic(self, *, setting_up: bool = False) -> "Elastic":
        """Where Elasticsearch is and who one is there: as set, else as admin of a local `lictor up`.

        An API key is used where there is one; `setting_up`, the user, who may more.

        Raises:
            SettingsError, CredentialError: a file cannot be read.
        """
        from dashboards.elastic import Elastic  # noqa: PLC0415  # slow, and most commands do without

        url = self.elasticsearch_url()
        ca = self.elasticsearch_ca
        if ca is not None and not os.access(ca, os.R_OK):
            raise SettingsError(
                f"elasticsearch_ca: {ca} cannot be read; make it readable for whom this runs as"
            )
        found = Elastic(url=url, ca_certs=None if ca is None else str(ca))
        has_key = self.elasticsearch_api_key is not None or self.elasticsearch_api_key_file is not None
        if self.elasticsearch_user is not None and (setting_up or not has_key):
            password = _secret(
                "elasticsearch_password", self.elasticsearch_password, self.elasticsearch_password_file
            )
            return replace(found, user=self.elasticsearch_user, password=password)
        if has_key:
            key = self.elasticsearch_api_key
            return replace(
                found,
                api_key=None if key is None else key.get_secret_value(),
                api_key_file=self.elasticsearch_api_key_file,
            )
        live = _live("--elasticsearch where Elasticsearch is", self.elasticsearch)
        if live is not None and live.elasticsearch_secured and url == live.elasticsearch:
            admin = elasticsearch_credentials.read(default_state(), elasticsearch_credentials.ADMIN)
            return replace(found, user=admin.user, password=admin.password)
        return found

    @model_validator(mode="after")
    def _elasticsearch_settings_fit(self) -> Self:
        for problem in _elasticsearch_problems(self):
            raise ValueError(problem)
        return self

    def topics(self) -> Topics:
        """The topics under the prefix with the partition counts that they were made with."""
        return Topics(
            prefix=self.topic_prefix,
            event_partitions=self.event_partitions,
            order_partitions=self.order_partitions,
            verdict_partitions=self.verdict_partitions,
        )

    def node_key(self) -> bytes | None:
        """The node's seal key, or None where none is set.

        Raises:
            SettingsError: the file cannot be read or is not 32 bytes.
        """
        if self.node_key_file is None:
            return None
        try:
            key = self.node_key_file.read_bytes()
        except OSError as error:
            raise SettingsError(f"node_key_file: {error}; make it with 32 random bytes, mode 0640") from error
        if len(key) != 32:
            raise SettingsError(f"node_key_file: {self.node_key_file} has {len(key)} bytes and must have 32")
        return key


def load(config: Path | None, flags: dict[str, Any]) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a file that is named but missing, or a value that does not fit.
    """
    named = config or (Path(os.environ["LICTOR_CONFIG"]) if os.environ.get("LICTOR_CONFIG") else None)
    try:
        if named is not None and (named.is_dir() or not named.exists()):
            raise SettingsError(f"{named}: no such file; give another --config or leave it out")
        Settings.file = named or (DEFAULT_FILE if DEFAULT_FILE.is_file() else None)
        return Settings(**{name: value for name, value in flags.items() if value is not None})
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from error
    except OSError as error:
        raise SettingsError(
            f"{named or DEFAULT_FILE}: {error.strerror}; make it readable, or set LICTOR_CONFIG={NO_FILE}"
        ) from error
    except ValueError as error:
        # TOML errors and values in the environment that are not the JSON they must be.
        where = f"{Settings.file}: " if isinstance(error, tomllib.TOMLDecodeError) else ""
        raise SettingsError(f"settings: {where}{error}. See docs/settings.md") from error


def _kafka_problems(settings: Settings) -> Iterator[str]:
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


def _elasticsearch_problems(settings: Settings) -> Iterator[str]:
    for name in ("elasticsearch_api_key", "elasticsearch_password"):
        if getattr(settings, name) is not None and getattr(settings, f"{name}_file") is not None:
            yield f"{name} and {name}_file are both set: set one of them"
    has_password = settings.elasticsearch_password or settings.elasticsearch_password_file
    if (settings.elasticsearch_user is None) != (has_password is None):
        yield "elasticsearch_user and its password belong together: set both, or neither"


def _live(otherwise: str, given: str | None) -> Live | None:
    """What a local `lictor up` offers; `given` is what is used instead where this user may not know."""
    try:
        return find_live()
    except PermissionError as error:
        if given is not None:
            return None
        raise SettingsError(
            f"a `lictor up` may be running whose folder {default_state()} this user may not enter: use "
            f"sudo, or say with {otherwise}"
        ) from error


def _secret(name: str, value: SecretStr | None, path: Path | None) -> str | None:
    """A secret that was set, or that is the only line of a file.

    Raises:
        SettingsError: the file cannot be read, or is not a line.
    """
    if path is None:
        return None if value is None else value.get_secret_value()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}_file: {error}; make it readable for whom the service runs as") from error
    if len(lines) != 1 or not lines[0]:
        raise SettingsError(f"{name}_file: {path} has {len(lines)} lines and must have one, the password")
    return lines[0]


def _text(value: object) -> str:
    """A setting as the environment says it; empty where it says nothing."""
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else str(value)


def _sentence(error: ValidationError) -> str:
    wrong = [": ".join((*_place(one["loc"]), one["msg"])) for one in error.errors()]
    return "settings: " + "; ".join(wrong) + ". See docs/settings.md"


def _place(location: tuple[int | str, ...]) -> tuple[str, ...]:
    """Which setting; nothing where several do not go together."""
    return (".".join(map(str, location)),) if location else ()
