"""The client's settings that every part here shares."""

from dataclasses import dataclass, field

from elastic_transport.client_utils import DEFAULT
from elasticsearch import AsyncElasticsearch


@dataclass(frozen=True, kw_only=True)
class Elastic:
    """Where Elasticsearch is. The API key never stands in a log: it is left out of the representation."""

    url: str
    api_key: str | None = field(default=None, repr=False)
    ca_certs: str | None = None
    """PEM file that signed the server's certificate; the system's own authorities without it."""
    request_timeout_s: float = 30.0

    def client(self) -> AsyncElasticsearch:
        """A client that tries each request once: whoever calls knows whether and how to try again."""
        return AsyncElasticsearch(
            self.url,
            ca_certs=self.ca_certs or DEFAULT,
            api_key=self.api_key,
            request_timeout=self.request_timeout_s,
            max_retries=0,
            retry_on_timeout=False,
        )
