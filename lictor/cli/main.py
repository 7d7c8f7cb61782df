"""The command's root: global flags, and every command by name."""

from importlib.metadata import version as package_version
from pathlib import Path
from typing import Annotated

import typer

from lictor import logs
from lictor.cli import (
    dashboards,
    demo,
    doctor,
    enforcement,
    follow,
    health,
    play,
    policies,
    posture,
    record_schema,
    services,
    throttling,
    topics,
    up,
)
from lictor.cli.context import Form, Given, Output, json_line, out, say_error
from lictor.exit_codes import INFRASTRUCTURE, USAGE
from lictor.settings import SettingsError
from wire.errors import OperatorError

app = typer.Typer(
    name="lictor",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Keeps workloads to the least access that they need, with evidence.",
)


@app.callback()
def root(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="Settings file (TOML).")] = None,
    bootstrap: Annotated[str | None, typer.Option(help="Kafka brokers, host:port.")] = None,
    topic_prefix: Annotated[str | None, typer.Option(help="What topic names begin with.")] = None,
    elasticsearch: Annotated[str | None, typer.Option(help="Elasticsearch's base URL.")] = None,
) -> None:
    """Keeps workloads to the least access that they need, with evidence."""
    logs.configure_for_commands()
    flags = {"bootstrap": bootstrap, "topic_prefix": topic_prefix, "elasticsearch": elasticsearch}
    context.obj = Given(config, flags)


@app.command()
def version(output: Output = Form.TEXT) -> None:
    """Print the version."""
    number = package_version("lictor")
    out.print(json_line({"version": number}) if output is Form.JSON else f"lictor {number}")


app.command("up")(up.up)
app.command("demo")(demo.demo)
app.command("play")(play.play)
app.command("doctor")(doctor.doctor)
app.command("sensor")(services.sensor)
app.command("streams")(services.streams)
app.command("enforcer")(services.enforcer)
app.command("signaller", hidden=True)(services.signaller)
app.command("sink")(services.sink)
app.add_typer(topics.app, name="topics")
app.add_typer(dashboards.app, name="dashboards")
app.add_typer(policies.app, name="policy")
app.add_typer(posture.app, name="posture")
app.add_typer(enforcement.app, name="enforcement")
app.add_typer(throttling.app, name="throttling")
app.command("events")(follow.events)
app.command("verdicts")(follow.verdicts)
app.command("outcomes")(follow.outcomes)
app.command("health")(health.health)
app.command("schema")(record_schema.schema)


def main() -> None:
    """Run the command; what went wrong ends as a sentence, not as a traceback."""
    try:
        app()
    except OperatorError as error:
        say_error(str(error))
        raise SystemExit(USAGE if isinstance(error, SettingsError) else INFRASTRUCTURE) from error
