import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

import vouch  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """A server with the workshop's policies and template."""
    with vouch.Server() as running:
        running.prepare_workshop()
        yield running


@pytest.fixture
def clock_server():
    """The same for one test, with a clock that it can move."""
    with vouch.Server("--test-clock") as running:
        running.prepare_workshop()
        yield running
