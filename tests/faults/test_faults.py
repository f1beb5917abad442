"""The short form of `make faults`: a few rows of the table, on real processes."""

from collections.abc import Iterator

import pytest

from tests.faults import rows  # noqa: F401  rows enter themselves
from tests.faults.registry import ROWS, Row, play
from tests.faults.rig import Rig, running_rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with running_rig(tmp_path_factory.mktemp("faults")) as running:
        yield running


@pytest.mark.parametrize(
    "one", [one for one in ROWS if one.short], ids=lambda one: one.play.__name__
)
def test_promises_are_kept_under(rig: Rig, one: Row) -> None:
    outcome = play(rig, one)
    assert outcome.passed, (outcome.problems, outcome.notes)
