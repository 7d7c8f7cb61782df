"""What all tests share. Servers are started by the fixtures that need them.

Hypothesis tries the same examples every time, so that a change is judged by what it changed;
`LICTOR_HYPOTHESIS=long` tries many, and others in each run.
"""

import os

from hypothesis import settings

settings.register_profile("lictor", derandomize=os.environ.get("LICTOR_HYPOTHESIS") != "long")
settings.load_profile("lictor")

pytest_plugins = ["tests.fixtures.runtime"]
