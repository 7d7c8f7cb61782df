"""A slow, plain second opinion, written from docs/semantics.md and sharing no code with what it checks.

Documents, workloads and events are dicts; there are no indexes and nothing is remembered. The way of a
question: `selection` (which documents), `rules` (what they say), `questions` (what an event is judged as),
`matching` (which rules are about it), `qualifiers`, `ruling` (which decides), `standing` (posture, mode,
visibility); `judge.says` is the face.
"""
