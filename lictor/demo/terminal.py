"""The story on a terminal, as it happens, readable at 80 columns."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lictor.cli.record_lines import clock
from lictor.sample.attack import Step
from wire.records import Outcome, VerdictRecord, program_of
from wire.text import printable

_STEPS: dict[Step, str] = {
    "connected": "a shell of the container has connected to the attacker",
    "identified": "`id` has answered",
    "marker-sent": "the attacker types the next command",
    "marker-answered": "the shell has carried it out",
    "closed-by-peer": "the shell is gone before the attacker hung up",
}
_WORD = len("no-longer-denied")
_STYLES = {
    "block": "bold red",
    "audit": "yellow",
    "unknown": "magenta",
    "terminated": "bold green",
    "already-gone": "cyan",
}


class Terminal:
    """An audience that prints. Text from outside is shown with control characters spelled out."""

    def __init__(self, console: Console) -> None:
        """`console` decides on colours and width."""
        self._console = console

    def chapter(self, title: str, text: str) -> None:
        """A new part begins."""
        self._console.print()
        self._console.print(Text(title, style="bold"))
        self._console.print(Text(text, style="dim"))

    def attacker(self, step: Step) -> None:
        """The attacker got one step further."""
        self._console.print(Text(f"    attacker  {_STEPS[step]}", style="italic"))

    def said(self, sentence: str, *, good: bool | None = None) -> None:
        """Something was seen."""
        mark, style = {True: ("ok", "green"), False: ("FAILED", "bold red"), None: ("..", "dim")}[good]
        self._console.print(Text(f"{mark:>12}  ", style=style) + Text(printable(sentence)))

    def happened(self, record: VerdictRecord | Outcome) -> None:
        """A verdict or an outcome came out of the pipeline."""
        at, word, text = _told(record)
        line = Table.grid(padding=(0, 1))
        line.add_column(no_wrap=True)
        line.add_column(no_wrap=True, width=_WORD)
        line.add_column(overflow="fold")
        line.add_row(
            Text(clock(at), style="dim"), Text(word, style=_STYLES.get(word, "")), Text(printable(text))
        )
        self._console.print(line, soft_wrap=False)


def _told(record: VerdictRecord | Outcome) -> tuple[int, str, str]:
    """When, in one word, and in a sentence."""
    if isinstance(record, Outcome):
        return record.carried_out_ns, record.result, _outcome(record)
    return record.event.time_ns, record.verdict.decision, record.verdict.sentence


def _outcome(outcome: Outcome) -> str:
    program = program_of(outcome.record.event)
    path = program.path if program else "a program that is not known"
    if outcome.exec_to_kill_ns is None:
        return f"{path}: {outcome.sentence}"
    return f"{path}, {outcome.exec_to_kill_ns / 1e6:.1f} ms after its exec"
