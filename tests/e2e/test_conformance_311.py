"""MQTT 3.1.1 on the wire, clause by clause, in both profiles. docs/mqtt-conformance.md lists them."""
import pytest

from conformance.items import Stage, items

LEVEL = 4


@pytest.fixture(scope="module")
def stage():
    made = Stage(LEVEL)
    yield made
    made.close()


@pytest.mark.parametrize("profile, one", items(LEVEL))
def test_clause(stage, profile, one):
    stage.run(profile, one)
