"""Shapes are annotations; the import hook of tests/conftest.py turns each of them into a check."""

import importlib
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from beartype.roar import BeartypeCallHintParamViolation
from jaxtyping import TypeCheckError
from torch import Tensor

from hairsplit.core.tensors import Batch, Embeddings, LossOutput
from hairsplit.encoders.dual_encoder import new
from hairsplit.losses._scores import mean_over_negatives
from tests.conftest import CHECKED
from tests.losses.oracle import random_batch
from tests.small_world import SHAPE

WRONG = (TypeCheckError, BeartypeCallHintParamViolation)


def _batch() -> Embeddings:
    return random_batch(4, 3, seed=0)


def _one_row_less(z: Embeddings, name: str) -> Tensor:
    value: Tensor = getattr(z, name)
    return value[:-1]


OF_THE_STEP = {"scale", "learned", "carry"}
"""Fields of `Embeddings` that have no rows."""


@pytest.mark.parametrize("name", [field.name for field in fields(Embeddings) if field.name not in OF_THE_STEP])
def test_a_batch_whose_parts_are_not_equally_many_is_caught(name: str) -> None:
    z = _batch()
    changed: dict[str, Any] = {name: _one_row_less(z, name)}
    with pytest.raises(WRONG):
        replace(z, **changed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("scale", torch.ones(4)),
        ("mask", torch.ones(4, 3)),
        ("mask", torch.ones(3, 4, dtype=torch.bool)),
        ("image_keys", torch.ones(4)),
        ("negative", torch.ones(4, 3, 1, dtype=torch.float64)),
    ],
)
def test_a_wrong_shape_or_type_is_caught(name: str, value: Tensor) -> None:
    changed: dict[str, Any] = {name: value}
    with pytest.raises(WRONG):
        replace(_batch(), **changed)


def test_a_loss_that_is_no_single_number_is_caught() -> None:
    with pytest.raises(WRONG):
        LossOutput(torch.ones(2))
    with pytest.raises(WRONG):
        LossOutput(torch.tensor(1.0), {"part": torch.ones(2)})


def test_functions_check_their_arguments_against_each_other() -> None:
    mask = torch.ones(4, 3, dtype=torch.bool)
    assert mean_over_negatives(torch.ones(4, 3), mask).item() == 1
    with pytest.raises(WRONG):
        mean_over_negatives(torch.ones(4, 2), mask)


def test_an_encoder_takes_pictures_and_ids_only() -> None:
    encoder = new(SHAPE)
    assert encoder.encode_image(torch.zeros(2, 3, 24, 24)).shape == (2, SHAPE.embedding)
    with pytest.raises(WRONG):
        encoder.encode_image(torch.zeros(2, 1, 24, 24))
    with pytest.raises(WRONG):
        encoder.encode_text(torch.zeros(2, 5))


def _pairs(rows: int) -> Batch:
    return Batch(
        pixels=torch.rand(rows, 3, 4, 4),
        caption_ids=torch.arange(rows * 5).reshape(rows, 5),
        negative_ids=torch.arange(rows * 6).reshape(rows, 2, 3),
        mask=torch.arange(rows * 2).reshape(rows, 2) % 3 > 0,
        image_keys=torch.arange(rows),
        caption_keys=torch.arange(rows) + 10,
        kinds=tuple("abcdef"[:rows]),
        negative_kinds=torch.arange(rows * 2).reshape(rows, 2),
    )


def test_parts_of_a_batch_make_up_the_batch() -> None:
    whole = _pairs(5)
    parts = [whole.part(0, 2), whole.part(2, 3), whole.part(3, 5)]
    assert [len(part.mask) for part in parts] == [2, 1, 2]
    for field in fields(Batch):
        pieces, expected = [getattr(part, field.name) for part in parts], getattr(whole, field.name)
        if isinstance(expected, Tensor):
            assert torch.equal(torch.cat(pieces), expected)
        elif expected is None:
            assert pieces == [None] * 3
        else:
            assert sum(pieces, ()) == expected


def test_what_a_loss_is_a_function_of_has_names_and_can_be_replaced() -> None:
    z = replace(_batch(), learned={"a": torch.tensor(1.0), "b": torch.tensor(2.0)})
    local = ["local_positive", "local_negative"]
    assert list(z.differentiable()) == ["image", "positive", "negative", "scale", *local, "learned.a", "learned.b"]
    without = replace(z, local_positive=None, local_negative=None).differentiable()
    assert list(without) == ["image", "positive", "negative", "scale", "learned.a", "learned.b"]
    other = z.with_differentiable({"learned.b": torch.tensor(5.0), "scale": torch.tensor(7.0)})
    assert [float(value) for value in (other.learned["a"], other.learned["b"], other.scale)] == [1, 5, 7]
    assert other.image is z.image
    assert other.carry is z.carry


@pytest.mark.parametrize(("start", "stop"), [(0, 6), (-1, 2), (2, 2), (3, 1)])
def test_rows_that_a_batch_has_not_are_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="no rows"):
        _pairs(5).part(start, stop)


@pytest.mark.parametrize("module", CHECKED)
def test_the_checked_modules_are_there(module: str) -> None:
    """A module that was renamed would silently go unchecked."""
    assert importlib.import_module(module).__name__ == module
