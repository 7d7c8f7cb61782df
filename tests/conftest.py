"""What all tests share. Servers are started by the fixtures that need them."""

pytest_plugins = ["tests.fixtures.runtime"]
