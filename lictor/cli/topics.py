"""`lictor topics create` and `lictor topics acls`."""

from typing import Annotated

import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.exit_codes import USAGE
from lictor.settings import Settings
from wire import access_admin, topic_admin
from wire.access import ADMIN, PRINCIPALS

app = typer.Typer(no_args_is_help=True, help="The Kafka topics, and who may do what with them.")

Names = Annotated[
    list[str] | None,
    typer.Option(
        "--principal",
        metavar="NAME=PRINCIPAL",
        help="What the cluster calls one of the table, where that is not its name: sink=CN=sink,O=Example.",
    ),
]


@app.callback()
def topics() -> None:
    """The Kafka topics, and who may do what with them."""


@app.command("create")
def create(
    context: typer.Context,
    acls: Annotated[bool, typer.Option("--acls", help="Make the ACLs too, as `topics acls` does.")] = False,
    output: Output = Form.TEXT,
) -> None:
    """Make the topics that are missing and check the others."""
    settings = given(context).settings()
    states = topic_admin.create(
        settings.kafka("lictor-topics", ADMIN), settings.topics(), settings.replication
    )
    for state in states:
        if output is Form.JSON:
            row = {"topic": state.topic.name, "created": state.created, "partitions": state.partitions}
            out.print(json_line(row))
        else:
            done = "created" if state.created else "present"
            out.print(f"{done}  {state.topic.name}  {state.partitions} partition(s)  {state.topic.content}")
    if acls:
        _make_acls(settings, {}, output)


@app.command("acls")
def make_acls(context: typer.Context, names: Names = None, output: Output = Form.TEXT) -> None:
    """Make the ACLs of docs/security.md that are missing, and show those that go beyond; removes none.

    Come as a super user of the cluster. With `store_events` set, the sink may read events.
    """
    _make_acls(given(context).settings(), _called(names or []), output)


def _called(names: list[str]) -> dict[str, str]:
    found = {}
    for name in names:
        principal, separator, called = name.partition("=")
        if principal not in PRINCIPALS or not separator or not called:
            fail(f"--principal {name}: give NAME=PRINCIPAL, NAME one of {', '.join(PRINCIPALS)}", USAGE)
        found[principal] = called.removeprefix("User:")
    return found


def _make_acls(settings: Settings, names: dict[str, str], output: Form) -> None:
    state = access_admin.create(
        settings.kafka("lictor-topics", ADMIN),
        settings.topics(),
        store_events=settings.store_events,
        names=names,
    )
    for done, acls in (("created", state.created), ("present", state.present), ("beyond", state.beyond)):
        for acl in acls:
            said = access_admin.described(acl)
            out.print(json_line({"acl": said, "state": done}) if output is Form.JSON else f"{done}  {said}")
    if state.beyond and output is Form.TEXT:
        out.print(f"{len(state.beyond)} ACL(s) go beyond the table; see whether they are meant to be there")
