"""The `lictor` command, the local runtime, and what composes the services."""
