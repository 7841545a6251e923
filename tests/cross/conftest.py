import pathlib
import sys

for folder in ("support", "e2e"):
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / folder))

import pytest  # noqa: E402

import vouch  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """A server with the workshop's policies and template."""
    with vouch.Server() as running:
        running.prepare_workshop()
        yield running
