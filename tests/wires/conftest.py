"""The servers are no part of the test command: name ``tests/wires`` to run them."""


def pytest_ignore_collect(collection_path, config):
    """Leave them out unless they were asked for."""
    asked = any("wires" in argument for argument in config.invocation_params.args)
    return None if asked else True
