"""`lictor schema`: what records of the topics look like, for those who read them by their own programs."""

from pathlib import Path
from typing import Annotated

import typer

from lictor.cli.context import Form, Output, fail, given, json_line, out
from lictor.cli.schema import write
from lictor.exit_codes import USAGE
from wire.record_schema import RECORDS, file_of, schema_files, text_of


def schema(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The record, such as verdict; without one: all.")] = None,
    folder: Annotated[Path | None, typer.Option(help="Write all of them as files into this folder.")] = None,
    output: Output = Form.TEXT,
) -> None:
    """Print the JSON Schema of a record, or without a name which records there are, and in which topics."""
    if name is not None and folder is not None:
        fail("give a record's name to print its schema, or --folder for files of all; not both", USAGE)
    if folder is not None:
        write(schema_files(), folder)
        return
    if name is not None:
        if name not in RECORDS:
            fail(f"{name}: records are {', '.join(RECORDS)}", USAGE)
        out.print(text_of(name), end="")
        return
    prefix = given(context).settings().topic_prefix
    for one, record in RECORDS.items():
        topic = f"{prefix}.{record.topic}.v1"
        if output is Form.JSON:
            row = {"name": one, "topic": topic, "file": file_of(one), "description": record.description}
            out.print(json_line(row))
        else:
            out.print(f"{one:<14}  {topic:<23}  {record.description.splitlines()[0]}")
