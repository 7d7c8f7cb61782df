"""`lictor demo`: the story once, with an exit code that says whether it was true."""

import os

import typer

from lictor.cli.context import fail, given, out
from lictor.cli.running import run_until_signal
from lictor.cli.up import show_change
from lictor.exit_codes import FINDINGS, USAGE


def demo(context: typer.Context) -> None:
    """Attack a sample container under audit and under block, once, and prove what happened.

    Ends with 0 only if the shell was terminated before its marker command, the allowed requests were
    served, and every verdict and outcome was found in Elasticsearch.
    """
    if os.geteuid() != 0:
        fail("the demo runs a container and eBPF programs: run `sudo lictor demo`", USAGE)
    from lictor.demo.live import demonstrate  # noqa: PLC0415  # it imports much that others do not need

    story = demonstrate(given(context).settings(), out, show_change)
    # Cut short is not proven.
    raise typer.Exit(run_until_signal(story, when_asked=FINDINGS))
