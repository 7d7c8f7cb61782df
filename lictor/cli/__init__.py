"""The `lictor` command: one module a group of commands, `main` puts them together."""

from lictor.cli.main import main

__all__ = ["main"]
