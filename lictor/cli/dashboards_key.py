"""`lictor dashboards key`: an API key with the least rights for who stores and for who reads."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lictor.cli.context import fail, given, out
from lictor.exit_codes import USAGE
from lictor.runtime.state import write_atomically

if TYPE_CHECKING:
    from dashboards.access import Key
    from dashboards.elastic import Elastic

STANDARD_OUTPUT = Path("-")


class Holder(StrEnum):
    """Whom a key is for: each has the role `lictor-<name>` of dashboards/security."""

    SINK = "sink"
    ANALYST = "analyst"


def key(
    context: typer.Context,
    holder: Annotated[Holder, typer.Argument(help="Whom it is for.")],
    to: Annotated[Path, typer.Option(help="File to write it to, mode 0600; `-` prints it.")],
    name: Annotated[str | None, typer.Option(help="The key's name. Default: the role's.")] = None,
    expires: Annotated[
        str | None, typer.Option(help="After how long it stops counting, as 90d. Default: never.")
    ] = None,
) -> None:
    """Make an API key; the one of this name before stops counting once the new one is written.

    Come as a user who may make keys: elasticsearch_user and its password, or the local `lictor up`'s admin.
    A sink reads the file anew for each request, so its key is exchanged while it runs.
    """
    if to != STANDARD_OUTPUT and not to.absolute().parent.is_dir():
        fail(f"--to {to}: there is no folder {to.absolute().parent}", USAGE)
    elastic = given(context).settings().elastic(setting_up=True)
    role = f"lictor-{holder.value}"
    made = asyncio.run(_make(elastic, name or role, role, expires, partial(_write, to)))
    until = (
        "does not expire"
        if made.expires_ms is None
        else f"until {datetime.fromtimestamp(made.expires_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
    )
    if to != STANDARD_OUTPUT:
        replaced = f", in place of {made.replaced} before it" if made.replaced else ""
        out.print(f"key {made.name} ({made.id}) written to {to}: the rights of {role}, {until}{replaced}")


async def _make(
    elastic: "Elastic", name: str, role: str, expires: str | None, store: Callable[[str], None]
) -> "Key":
    from elastic_transport import ApiError, TransportError  # noqa: PLC0415

    from dashboards.access import make_key  # noqa: PLC0415  # slow, and the other commands do without
    from dashboards.elastic import explained  # noqa: PLC0415

    client = elastic.client()
    try:
        return await make_key(client, name, role, expiration=expires, store=store)
    except (ApiError, TransportError) as error:
        fail(explained(error))
    finally:
        await client.close()


def _write(to: Path, encoded: str) -> None:
    if to == STANDARD_OUTPUT:
        out.print(encoded)
        return
    try:
        write_atomically(to, encoded + "\n", 0o600)
    except OSError as error:
        fail(f"--to {to}: {error.strerror}", USAGE)
