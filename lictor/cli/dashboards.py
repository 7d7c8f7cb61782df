"""`lictor dashboards`: what Elasticsearch and Kibana need to have, put there once or after an upgrade.

Elasticsearch's client is imported by the commands that use it, so that the others start fast.
"""
# ruff: noqa: PLC0415

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lictor.cli import dashboards_key
from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.exit_codes import USAGE
from lictor.settings import Settings

if TYPE_CHECKING:
    from dashboards.install import Installed

app = typer.Typer(
    no_args_is_help=True, help="Elasticsearch's templates and roles, Kibana's dashboards and rules."
)


@app.callback()
def dashboards() -> None:
    """Elasticsearch's templates and roles, Kibana's dashboards and rules."""


app.command("key")(dashboards_key.key)


@app.command("install")
def install(
    context: typer.Context,
    roles: Annotated[bool, typer.Option("--roles", help="Make the roles too.")] = False,
    kibana: Annotated[str | None, typer.Option(help="Kibana's base URL; its objects are made too.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Put this release's templates, roles and dashboards where they belong, and say what was done.

    Running it again changes nothing. What a newer release installed stays, and the command fails.
    """
    settings = given(context).settings(kibana=kibana)
    _say(asyncio.run(_in_elasticsearch(settings, roles=roles)), output)
    if settings.kibana is None:
        return
    failed = _say(_in_kibana(settings), output)
    if failed:
        fail(f"Kibana did not take {failed} of the objects; the reasons stand above")


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="Where to write it; `-` prints it.")],
) -> None:
    """Write Kibana's objects as a file for its own import: Stack Management, Saved Objects, Import."""
    from dashboards.kibana_import import export as exported

    content = exported()
    if file == Path("-"):
        out.file.write(content.decode())
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        fail(f"{file}: {error.strerror}", USAGE)
    objects = content.count(b"\n") - 1  # the last line sums the others up
    out.print(f"{objects} objects written to {file}")


Row = tuple[str, dict[str, Any]]
"""A line for people, and the same as an object."""


async def _in_elasticsearch(settings: Settings, *, roles: bool) -> list[Row]:
    from elastic_transport import ApiError, TransportError

    from dashboards.access import install_roles
    from dashboards.elastic import explained
    from dashboards.install import install_all

    rows: list[Row] = []
    client = settings.elastic(setting_up=True).client()
    try:
        for one in await install_all(client):
            rows += _rows(one)
        if roles:
            for role in await install_roles(client):
                rows.append((str(role), {"kind": "role", "name": role.name, "done": role.role}))
    except (ApiError, TransportError) as error:
        fail(f"Elasticsearch at {settings.elasticsearch_url()}: {explained(error)}")
    finally:
        await client.close()
    return rows


def _rows(one: "Installed") -> list[Row]:
    name, stream = one.of.template, one.of.name
    return [
        (
            f"index template {name} version {one.version}: {one.template}",
            {"kind": "template", "name": name, "version": one.version, "done": one.template},
        ),
        (f"data stream {stream}: {one.stream}", {"kind": "stream", "name": stream, "done": one.stream}),
    ]


def _in_kibana(settings: Settings) -> Iterable[Row]:
    from dashboards.kibana_import import Kibana, import_objects

    elastic = settings.elastic(setting_up=True)
    kibana = Kibana(url=settings.kibana or "", authorization=elastic.authorization, ca=elastic.ca_certs)
    for one in import_objects(kibana):
        row = {"kind": one.type, "name": one.id, "title": one.title, "done": one.done}
        yield str(one), row | ({"reason": one.reason} if one.reason else {})


def _say(rows: Iterable[Row], output: Form) -> int:
    """Print them; how many failed."""
    failed = 0
    for text, row in rows:
        out.print(json_line(row) if output is Form.JSON else text)
        failed += row["done"] == "failed"
    return failed
