"""The parts of docs/ that are generated from the code, and how they are kept true.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. The test compares it with what the
code says now; `LICTOR_WRITE_DOCS=1` writes it instead.
"""
