"""Where Elasticsearch is, who one is there, and what its refusals mean: what every part here shares."""

from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from elastic_transport import (
    ApiError,
    AsyncTransport,
    HttpHeaders,
    TlsError,
    TransportApiResponse,
    TransportError,
)
from elastic_transport.client_utils import DEFAULT, basic_auth_to_header
from elasticsearch import AsyncElasticsearch


class KeyFileError(TransportError):
    """The file with the API key cannot be used now. Of the client's own errors: it may be mended."""


@dataclass(frozen=True, kw_only=True)
class Elastic:
    """Where Elasticsearch is, and who one is there: by an API key, a file with one, or name and password.

    Nothing secret stands in a log: it is left out of the representation.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    """As Elasticsearch encodes it: `id:key` in base64."""
    api_key_file: Path | None = None
    """Read for each request, so that a new key counts at once. It wins over the others."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_certs: str | None = None
    """PEM file that signed the server's certificate; the system's own authorities without it."""
    request_timeout_s: float = 30.0

    def client(self) -> AsyncElasticsearch:
        """A client that tries each request once: whoever calls knows whether and how to try again."""
        transport = AsyncTransport
        if self.api_key_file is not None:
            # Elasticsearch's client calls it and does nothing else with it.
            transport = cast("type[AsyncTransport]", partial(_Keyed, self.api_key_file))
        named = self.user is not None and self.api_key is None and self.api_key_file is None
        return AsyncElasticsearch(
            self.url,
            ca_certs=(self.ca_certs if self.url.startswith("https:") else None) or DEFAULT,
            api_key=None if self.api_key_file is not None else self.api_key,
            basic_auth=(self.user or "", self.password or "") if named else None,
            request_timeout=self.request_timeout_s,
            max_retries=0,
            retry_on_timeout=False,
            transport_class=transport,
        )

    @property
    def authorization(self) -> str | None:
        """The header's value, for a single request by other means; None without an identity.

        Raises:
            KeyFileError: the file cannot be read.
        """
        if self.api_key_file is not None:
            return f"ApiKey {_read_key(self.api_key_file)}"
        if self.api_key is not None:
            return f"ApiKey {self.api_key}"
        if self.user is not None:
            return basic_auth_to_header((self.user, self.password or ""))
        return None


def explained(error: ApiError | TransportError) -> str:
    """The error in one sentence, with what to do where it is a matter of identity, rights or certificates."""
    if isinstance(error, ApiError) and error.meta.status == HTTPStatus.UNAUTHORIZED:
        return (
            f"Elasticsearch does not know who this is: {_reason(error)}. Give it a key that counts, in "
            "elasticsearch_api_key_file (`lictor dashboards key sink --to FILE` makes one; the file is read "
            "anew for each request) or elasticsearch_api_key"
        )
    if isinstance(error, ApiError) and error.meta.status == HTTPStatus.FORBIDDEN:
        return (
            f"Elasticsearch does not allow it: {_reason(error)}. What each identity needs is in "
            "dashboards/security; `lictor dashboards key` makes keys with just that"
        )
    if isinstance(error, TlsError):
        return (
            f"the server's certificate is not trusted: {error}. elasticsearch_ca must name the PEM file of "
            "the authority that signed it"
        )
    if isinstance(error, ApiError):
        return f"Elasticsearch answers {error.meta.status}: {_reason(error)}"
    return str(error)


class _Keyed(AsyncTransport):
    """A transport that reads the API key from its file for each request: some 20 us beside milliseconds."""

    def __init__(self, key_file: Path, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._key_file = key_file

    async def perform_request(  # type: ignore[override]
        self, method: str, target: str, *, headers: Any = DEFAULT, **options: Any
    ) -> TransportApiResponse:
        """As the client's own, with the key of now."""
        keyed = HttpHeaders() if headers is DEFAULT else HttpHeaders(headers)
        keyed["authorization"] = f"ApiKey {_read_key(self._key_file)}"
        return await super().perform_request(method, target, headers=keyed, **options)


def _read_key(path: Path) -> str:
    try:
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"elasticsearch_api_key_file: {path} cannot be read: {error}") from error
    if not key or not key.isprintable():
        raise KeyFileError(f"elasticsearch_api_key_file: {path} has no API key in its first line")
    return key


def _reason(error: ApiError) -> str:
    """Elasticsearch's own reasons, the first cause last, without the rest of its answer."""
    body = error.body
    details = body.get("error") if isinstance(body, dict) else None
    reasons: list[str] = []
    while isinstance(details, dict):
        if "reason" in details:
            reasons.append(f"{details.get('type', 'error')}: {details['reason']}")
        details = details.get("caused_by")
    return "; ".join(reasons) or str(error)
