"""`lictor throttling get` and `set`: how many alerts of one rule in one workload are told."""

from typing import Annotated, Literal

import typer
from msgspec import UNSET

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.cli.policy_state import asking, change, in_force
from lictor.exit_codes import USAGE
from policy.changes import SettingsChanged
from policy.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Throttling of alerts: on or off, and how much is told.")

FIELDS = ("alert_throttling", "max_alert_per_sec", "throttle_sec")
MOST = 1_000_000
"""Past any use; a number that no reader of the log takes must not get into it."""


@app.command("get")
def get(context: typer.Context, output: Output = Form.TEXT) -> None:
    """Show what holds, for all namespaces alike."""
    current = in_force(given(context).settings()).settings
    if output is Form.JSON:
        out.print(json_line({name: getattr(current, name) for name in FIELDS}))
    else:
        out.print(_sentence(current))


@app.command("set")
def set_throttling(
    context: typer.Context,
    switch: Annotated[
        Literal["on", "off"] | None, typer.Argument(help="on or off; without it only the numbers change.")
    ] = None,
    alerts_per_second: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="How many alerts of one rule in one workload a second are told."),
    ] = None,
    silence: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="How many seconds are silent after one too many.")
    ] = None,
) -> None:
    """Set how alerts are throttled. Denials and unknowns are always told."""
    if (switch, alerts_per_second, silence) == (None, None, None):
        fail("nothing to set; give on or off, --alerts-per-second or --silence", USAGE)
    patch = SettingsChanged(
        alert_throttling=UNSET if switch is None else switch == "on",
        max_alert_per_sec=UNSET if alerts_per_second is None else alerts_per_second,
        throttle_sec=UNSET if silence is None else silence,
        by=asking(),
    )
    offset = change(given(context).settings(), patch)
    values = {name: getattr(patch, name) for name in FIELDS}
    said = " ".join(f"{name}={str(value).lower()}" for name, value in values.items() if value is not UNSET)
    out.print(f"{said} from policy offset {offset} on")


def _sentence(current: Settings) -> str:
    limits = (
        f"{current.max_alert_per_sec} alerts a second of one rule in one workload are told, and one more "
        f"begins {current.throttle_sec} s of silence"
    )
    if current.alert_throttling:
        return f"on: {limits}; denials and unknowns are always told"
    return f"off: every alert is told. Once on, {limits}"
