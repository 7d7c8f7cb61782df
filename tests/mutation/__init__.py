"""Mutation testing of policy/: whether a test notices when the judge means something else.

`make mutants` runs it; it takes tens of minutes, so CI does not.
"""
