"""Settings of every command: from a file, then the environment, then flags; the later one wins.

The file is TOML: `--config`, else `LICTOR_CONFIG`, else `/etc/lictor/lictor.toml` where it exists. The
environment has the same names in capitals behind `LICTOR_`. Secrets are settings too, so that they
come from the file or the environment and never stand in argv.
"""

import os
import socket
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from lictor.elasticsearch_settings import ElasticsearchSettings
from lictor.kafka_settings import KafkaSettings
from lictor.setting_values import SettingsError
from wire.topics import DEFAULT_PREFIX, Topics

__all__ = ["Settings", "SettingsError", "load"]

DEFAULT_FILE = Path("/etc/lictor/lictor.toml")
NO_FILE = "/dev/null"
"""As `LICTOR_CONFIG`: no file is read, the default one neither."""


class Settings(ElasticsearchSettings, KafkaSettings):
    """What the services and commands can be told. Every field's text is in docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix="LICTOR_", extra="forbid", frozen=True, env_ignore_empty=True
    )
    file: ClassVar[Path | None] = None

    topic_prefix: str = Field(
        DEFAULT_PREFIX, pattern=r"^[A-Za-z0-9._-]{1,100}$", description="What every topic's name begins with."
    )
    event_partitions: int = Field(4, ge=1, le=1024, description="Partitions of the events topic, fixed once.")
    order_partitions: int = Field(4, ge=1, le=1024, description="Partitions of the orders topic, fixed once.")
    verdict_partitions: int = Field(
        4, ge=1, le=1024, description="Partitions of the verdicts and outcomes topics, fixed once."
    )
    replication: int = Field(1, ge=1, le=9, description="Replicas of every topic that `topics create` makes.")
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
