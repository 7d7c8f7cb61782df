"""Slow, plain second opinions, written from docs/semantics.md and sharing no code with what they check."""
