"""The types that flow: what they compute, and that nothing can be changed behind a reader's back."""

import dataclasses
import inspect
import math
import subprocess
import sys
from typing import Any

import pytest

from hairsplit.core import types
from hairsplit.core.types import Box, Estimate, ItemScore

CLASSES = [thing for _, thing in inspect.getmembers(types, inspect.isclass) if dataclasses.is_dataclass(thing)]


def test_the_centre_of_a_box() -> None:
    assert Box(2, 4, 10, 5).centre == (7, 6.5)


@pytest.mark.parametrize(("positive", "negative", "correct"), [(0.3, 0.2, True), (0.2, 0.3, False), (0.2, 0.2, False)])
def test_an_item_is_correct_only_if_the_true_caption_is_strictly_closer(
    positive: float, negative: float, correct: bool
) -> None:
    score = ItemScore("1", "a.png", "object", "a.png", "a cat", "a dog", positive, negative)
    assert score.correct is correct


def test_an_estimate_shows_its_interval_and_its_size() -> None:
    assert str(Estimate(0.5, 0.25, 0.75, 40, 0.5)) == "50.0 % [25.0, 75.0] (n = 40)"


def test_an_interval_that_is_not_known_is_not_shown_as_a_number() -> None:
    assert str(Estimate(0.5, math.nan, math.nan, 1)) == "50.0 % [interval unknown] (n = 1)"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_type_is_frozen(kind: Any) -> None:
    assert kind.__dataclass_params__.frozen


def test_the_light_core_does_not_import_torch() -> None:
    modules = "types, catalog, config, errors, run, tables, images"
    code = f"import sys; from hairsplit.core import {modules}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
