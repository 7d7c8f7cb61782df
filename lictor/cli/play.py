"""`lictor play`: recorded events into a running pipeline."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.exit_codes import USAGE
from lictor.pipeline.playback import RecordingError, check
from lictor.pipeline.playback import play as send


def play(
    context: typer.Context,
    recording: Annotated[Path, typer.Argument(help="What `lictor events -o json` printed.")],
    output: Output = Form.TEXT,
) -> None:
    """Send recorded events to the events topic again: judged like any others, never enforced.

    The whole recording is read before anything of it is sent. Sent twice, an event is counted once.
    """
    settings = given(context).settings()
    try:
        check(recording)
    except RecordingError as error:
        fail(str(error), USAGE)
    count = asyncio.run(send(settings.kafka("lictor-play", "sensor"), settings.topics(), recording))
    if output is Form.JSON:
        out.print(json_line({"recording": str(recording), "events": count}))
    else:
        out.print(f"{count} recorded events sent; recordings are judged and never enforced")
