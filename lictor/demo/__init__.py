"""The demonstration: a real container is attacked under audit, and again under block.

`scenario` is the story and its proof, `terminal` shows it as it happens, `report` is the table at the end.
"""
