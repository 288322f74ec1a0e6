"""Oracle of the loss `structure_clip`: plain float64 loops from its formula, in oracle.py."""

from typing import Any

import pytest

from hairsplit.losses import LOSSES
from tests.losses.oracle import ORACLES, SPECS, assert_agrees, cases

NAME = "structure_clip"


@pytest.mark.parametrize("spec", SPECS[NAME])
def test_agrees_with_the_definition_written_out(spec: Any) -> None:
    for z, teacher in cases():
        assert_agrees(LOSSES[NAME].compute, ORACLES[NAME], spec, z, teacher)
