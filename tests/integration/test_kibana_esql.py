"""What alert rules say in ES|QL is ES|QL by Elasticsearch's own grammar."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from dashboards.kibana.rules import ALL
from tests.fixtures import locked_tools

FOLDER = Path(__file__).parents[1] / "esql"
LOCK = FOLDER / "requirements.lock"
PARSE_S = 120


def pip(folder: Path) -> Sequence[str]:
    options = ("--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes", "--target", str(folder))
    return (sys.executable, "-m", "pip", "install", *options, "-r", str(LOCK))


PARSE = """
import sys
from antlr4 import CommonTokenStream, InputStream
from esql_parser.EsqlBaseLexer import EsqlBaseLexer
from esql_parser.EsqlBaseParser import EsqlBaseParser

EsqlBaseParser(CommonTokenStream(EsqlBaseLexer(InputStream(sys.stdin.read())))).singleStatement()
"""
"""The generated lexer and parser say on standard error what they do not understand."""


def wrong(query: str) -> str:
    """What the parser says is wrong with a query."""
    home = locked_tools.installed("esql", LOCK, (), pip, "DO NOT MATCH THE HASHES")
    done = subprocess.run(
        (sys.executable, "-c", PARSE),
        input=query,
        env={**os.environ, "PYTHONPATH": str(home)},
        check=True,
        capture_output=True,
        text=True,
        timeout=PARSE_S,
    )
    return done.stderr


def test_every_query_of_a_rule_parses() -> None:
    parameters = [rule.condition.parameters() for rule in ALL]
    queries = [one["esqlQuery"]["esql"] for one in parameters if "esqlQuery" in one]
    assert len(queries) == 2
    for query in queries:
        # Kibana appends the limit of alerts to what it is given.
        assert wrong(f"{query} | limit 1000") == ""


@pytest.mark.parametrize(
    "query", ["FROM a | WHERE b = = 1", "FROM a | STATS COUNT(* BY c", "FROM a | SORT ;"]
)
def test_what_is_no_query_does_not_parse(query: str) -> None:
    assert wrong(query) != ""
