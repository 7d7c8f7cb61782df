"""Kibana's saved objects into a Kibana, and what it said of each.

Kibana keeps no version of a set of objects, so the set carries one: a tag named `Lictor` whose description
says it. Before anything is imported, that tag is asked for.
"""

import json
import re
import secrets
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboards.kibana import saved_objects
from wire.errors import OperatorError

VERSION = 1
"""Of the objects; grows with every change of them."""

TAG = "lictor-version"
"""Id of the tag that says the version."""

_TIMEOUT_S = 60.0
_VERSION_TEXT = re.compile(r"version (\d+)")

Done = Literal["created", "overwritten", "failed"]


class KibanaError(OperatorError):
    """Kibana cannot be asked, or refuses; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What became of one saved object. `reason` is empty unless it failed."""

    type: str
    id: str
    title: str
    done: Done
    reason: str = ""

    def __str__(self) -> str:
        """One line for people."""
        why = f": {self.reason}" if self.reason else ""
        return f"kibana {self.type} {self.id} ({self.title}): {self.done}{why}"


@dataclass(frozen=True, kw_only=True)
class Kibana:
    """Where Kibana is, and who asks. A space's base URL ends in `/s/SPACE`."""

    url: str
    authorization: str | None = field(default=None, repr=False)
    """Value of the header of that name, as for Elasticsearch."""
    ca: str | None = None
    """PEM file that signed the server's certificate; the system's own authorities without it."""


def export() -> bytes:
    """All objects as one file for Kibana's import, by hand or by `import_objects`."""
    tag = {
        "attributes": {
            "name": "Lictor",
            "description": f"Lictor's dashboards, version {VERSION}",
            "color": "#54B399",
        },
        "id": TAG,
        "references": [],
        "type": "tag",
    }
    *objects, summary = saved_objects.ndjson().splitlines()
    counted = json.loads(summary) | {"exportedCount": len(objects) + 1}
    return b"".join(line + b"\n" for line in (_line(tag), *objects, _line(counted)))


def _line(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def import_objects(kibana: Kibana) -> list[Imported]:
    """Import this release's objects over those that are there; edits of them are lost, copies stay.

    Raises:
        KibanaError: it cannot be reached, refuses, or has the objects of a newer release.
    """
    found = installed_version(kibana)
    if found is not None and found > VERSION:
        raise KibanaError(
            f"{kibana.url} has Lictor's dashboards of version {found} and this release knows {VERSION}: run "
            f"the newer release, or delete the tag {TAG!r} there to go back"
        )
    boundary = secrets.token_hex(16)
    answer = _post(
        kibana,
        "/api/saved_objects/_import?overwrite=true",
        _multipart(export(), boundary),
        f"multipart/form-data; boundary={boundary}",
    )
    told: dict[str, Any] = json.loads(answer)
    done = [_imported(one) for one in told.get("successResults", [])]
    return done + [_failed(one) for one in told.get("errors", [])]


def installed_version(kibana: Kibana) -> int | None:
    """The version of the objects that are there; None where there are none."""
    asked = {"objects": [{"type": "tag", "id": TAG}], "excludeExportDetails": True}
    try:
        answer = _post(kibana, "/api/saved_objects/_export", json.dumps(asked).encode(), "application/json")
    except _RefusedError as error:
        if error.status == 400:  # "Error fetching objects to export": there is no such tag
            return None
        raise
    for line in answer.splitlines():
        attributes = json.loads(line).get("attributes", {})
        said = _VERSION_TEXT.search(str(attributes.get("description", "")))
        if said is not None:
            return int(said[1])
    return None


class _RefusedError(KibanaError):
    """An answer that is no success."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _post(kibana: Kibana, path: str, body: bytes, content_type: str) -> bytes:
    headers = {"kbn-xsrf": "true", "content-type": content_type}
    if kibana.authorization is not None:
        headers["authorization"] = kibana.authorization
    if not kibana.url.startswith(("http://", "https://")):
        raise KibanaError(f"{kibana.url} is no URL of a Kibana: it begins with http:// or https://")
    request = urllib.request.Request(kibana.url.rstrip("/") + path, body, headers)  # noqa: S310  # looked at above
    context = ssl.create_default_context(cafile=kibana.ca) if kibana.url.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=context) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        raise _RefusedError(error.code, f"{kibana.url} refuses: {error.code} {_message(error)}") from error
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise KibanaError(f"no Kibana answers at {kibana.url}: {reason}") from error


def _message(error: urllib.error.HTTPError) -> str:
    body = error.read()
    try:
        return str(json.loads(body).get("message", error.reason))
    except (ValueError, AttributeError):
        return str(error.reason)


def _multipart(content: bytes, boundary: str) -> bytes:
    """One file in a form. Kibana takes it only if its name ends in `.ndjson`."""
    head = (
        f"--{boundary}\r\n"
        'Content-Disposition: form-data; name="file"; filename="lictor.ndjson"\r\n'
        "Content-Type: application/ndjson\r\n\r\n"
    )
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


def _imported(one: dict[str, Any]) -> Imported:
    return Imported(
        type=one["type"],
        id=one["id"],
        title=one.get("meta", {}).get("title", ""),
        done="overwritten" if one.get("overwrite") else "created",
    )


def _failed(one: dict[str, Any]) -> Imported:
    error = one.get("error", {})
    missing = ", ".join(f"{ref['type']} {ref['id']}" for ref in error.get("references", []))
    reason = ": ".join(
        part for part in (error.get("type", "unknown"), missing or error.get("message")) if part
    )
    return Imported(
        type=one["type"],
        id=one["id"],
        title=one.get("meta", {}).get("title", ""),
        done="failed",
        reason=reason,
    )
