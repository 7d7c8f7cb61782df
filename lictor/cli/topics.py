"""`lictor topics create`."""

import typer

from lictor.cli.context import Form, Output, given, json_line, out
from wire import topic_admin

app = typer.Typer(no_args_is_help=True, help="The Kafka topics.")


@app.callback()
def topics() -> None:
    """The Kafka topics."""


@app.command("create")
def create(context: typer.Context, output: Output = Form.TEXT) -> None:
    """Make the topics that are missing and check the others."""
    settings = given(context).settings()
    states = topic_admin.create(settings.kafka("lictor-topics"), settings.topics(), settings.replication)
    for state in states:
        if output is Form.JSON:
            row = {"topic": state.topic.name, "created": state.created, "partitions": state.partitions}
            out.print(json_line(row))
        else:
            done = "created" if state.created else "present"
            out.print(f"{done}  {state.topic.name}  {state.partitions} partition(s)  {state.topic.content}")
