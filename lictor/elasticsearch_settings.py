"""Settings of the way to Elasticsearch: where it is, and who one is there."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings

from lictor.runtime import elasticsearch_credentials
from lictor.runtime.state import default_state
from lictor.setting_values import SettingsError, local_runtime, secret

if TYPE_CHECKING:
    from dashboards.elastic import Elastic

DEFAULT_ELASTICSEARCH = "http://127.0.0.1:9200"


class ElasticsearchSettings(BaseSettings):
    """What services and commands can be told of Elasticsearch."""

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

    def elasticsearch_url(self) -> str:
        """Where Elasticsearch is: as set, else where a local `lictor up` runs one."""
        if self.elasticsearch is not None:
            return self.elasticsearch
        live = local_runtime("--elasticsearch where Elasticsearch is", None)
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
            password = secret(
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
        live = local_runtime("--elasticsearch where Elasticsearch is", self.elasticsearch)
        if live is not None and live.elasticsearch_secured and url == live.elasticsearch:
            admin = elasticsearch_credentials.read(default_state(), elasticsearch_credentials.ADMIN)
            return replace(found, user=admin.user, password=admin.password)
        return found

    @model_validator(mode="after")
    def _elasticsearch_settings_fit(self) -> Self:
        for problem in _elasticsearch_problems(self):
            raise ValueError(problem)
        return self


def _elasticsearch_problems(settings: ElasticsearchSettings) -> Iterator[str]:
    for name in ("elasticsearch_api_key", "elasticsearch_password"):
        if getattr(settings, name) is not None and getattr(settings, f"{name}_file") is not None:
            yield f"{name} and {name}_file are both set: set one of them"
    has_password = settings.elasticsearch_password or settings.elasticsearch_password_file
    if (settings.elasticsearch_user is None) != (has_password is None):
        yield "elasticsearch_user and its password belong together: set both, or neither"
