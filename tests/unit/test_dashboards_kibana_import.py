"""What is sent to Kibana and what is made of its answers; a server here says what Kibana's API documents."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dashboards import kibana_import
from dashboards.kibana_import import TAG, VERSION, Kibana, KibanaError, export, import_objects
from lictor.cli.dashboards import app


class Answering(ThreadingHTTPServer):
    """Keeps what is imported, as Kibana does: by type and id."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.saved: dict[tuple[str, str], dict[str, Any]] = {}
        self.refused: set[str] = set()
        self.authorizations: set[str | None] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/s/security"


class Handler(BaseHTTPRequestHandler):
    server: Answering

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.authorizations.add(self.headers["authorization"])
        if self.headers["kbn-xsrf"] is None:
            return self._answer(400, {"message": "Request must contain a kbn-xsrf header."})
        if self.path == "/s/security/api/saved_objects/_export":
            return self._export(json.loads(body))
        assert self.path == "/s/security/api/saved_objects/_import?overwrite=true"
        return self._import(body)

    def _export(self, asked: dict[str, Any]) -> None:
        found = [self.server.saved.get((one["type"], one["id"])) for one in asked["objects"]]
        if None in found:
            return self._answer(400, {"message": "Error fetching objects to export"})
        return self._send(200, b"\n".join(json.dumps(one).encode() for one in found))

    def _import(self, body: bytes) -> None:
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        (part,) = BytesParser().parsebytes(head + body).get_payload()  # type: ignore[misc]
        assert part.get_param("name", header="content-disposition") == "file"
        if not part.get_filename().endswith(".ndjson"):
            return self._answer(400, {"message": "Invalid file extension"})
        objects = [json.loads(line) for line in part.get_payload(decode=True).splitlines()]
        told: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for one in objects:
            if "type" not in one:
                continue
            place = (one["type"], one["id"])
            named = {"type": one["type"], "id": one["id"], "meta": {"title": "a title"}}
            if one["id"] in self.server.refused:
                references = [{"type": "index-pattern", "id": "gone"}]
                errors.append(named | {"error": {"type": "missing_references", "references": references}})
                continue
            told.append(named | ({"overwrite": True} if place in self.server.saved else {}))
            self.server.saved[place] = one
        answer = {"success": not errors, "successCount": len(told), "successResults": told}
        return self._answer(200, answer | ({"errors": errors} if errors else {}))

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def kibana() -> Iterator[Answering]:
    with Answering() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


def test_objects_are_created_and_then_overwritten(kibana: Answering) -> None:
    first = import_objects(Kibana(url=kibana.url))
    objects = [json.loads(line) for line in export().splitlines()][:-1]
    assert [(one.type, one.id) for one in first] == [(one["type"], one["id"]) for one in objects]
    assert {one.done for one in first} == {"created"}
    assert {one.done for one in import_objects(Kibana(url=kibana.url))} == {"overwritten"}
    assert len(kibana.saved) == len(objects)
    assert kibana.authorizations == {None}


def test_identity_is_shown_with_every_request(kibana: Answering) -> None:
    import_objects(Kibana(url=kibana.url, authorization="ApiKey abc"))
    assert kibana.authorizations == {"ApiKey abc"}
    assert "abc" not in repr(Kibana(url=kibana.url, authorization="ApiKey abc"))


def test_newer_releases_objects_stay(kibana: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kibana_import, "VERSION", VERSION + 1)
    import_objects(Kibana(url=kibana.url))
    before = dict(kibana.saved)
    monkeypatch.undo()
    with pytest.raises(KibanaError, match=f"version {VERSION + 1} and this release knows {VERSION}"):
        import_objects(Kibana(url=kibana.url))
    assert kibana.saved == before


def test_what_kibana_refuses_is_told_with_its_reason(kibana: Answering) -> None:
    last = json.loads(export().splitlines()[-2])
    kibana.refused.add(last["id"])
    (failed,) = [one for one in import_objects(Kibana(url=kibana.url)) if one.done == "failed"]
    assert failed.id == last["id"]
    assert str(failed).endswith("failed: missing_references: index-pattern gone")


def test_tag_says_the_version_and_the_last_line_counts_it() -> None:
    tag, *objects, summary = [json.loads(line) for line in export().splitlines()]
    assert (tag["type"], tag["id"]) == ("tag", TAG)
    assert f"version {VERSION}" in tag["attributes"]["description"]
    assert summary["exportedCount"] == len(objects) + 1
    assert export() == export()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [("http://127.0.0.1:9", "no Kibana answers at"), ("file:///etc/passwd", "is no URL of a Kibana")],
)
def test_kibana_that_is_not_there(url: str, sentence: str) -> None:
    with pytest.raises(KibanaError, match=sentence):
        import_objects(Kibana(url=url))


def test_refusal_says_what_kibana_said(kibana: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kibana_import, "_multipart", _named)
    with pytest.raises(KibanaError, match="refuses: 400 Invalid file extension"):
        import_objects(Kibana(url=kibana.url))


def _named(content: bytes, boundary: str) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n'
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


def test_export_for_an_import_by_hand(tmp_path: Path) -> None:
    target = tmp_path / "lictor.ndjson"
    told = CliRunner().invoke(app, ["export", str(target)])
    assert told.exit_code == 0
    assert target.read_bytes() == export()
    nowhere = CliRunner().invoke(app, ["export", str(tmp_path / "no" / "such")])
    assert nowhere.exit_code == 2
