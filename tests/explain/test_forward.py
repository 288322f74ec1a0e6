"""Forward mode written out: what the tower says, and positions that never move are worked out once."""

import pytest
import torch
from torch import Tensor
from torch.func import jvp

from hairsplit.explain.forward import push
from hairsplit.explain.lines import Line
from hairsplit.explain.towers import undisturbed
from tests.explain.small import encoder, line, text_line

MADE = encoder(sharp=2.0)


def swapped(layer: int = 0) -> Line:
    """From one caption to another, in which two words stand in each other's place."""
    plain = text_line(MADE, layer)
    ids = [MADE.tokenize([text])[0] for text in ("a big red dog is a cat", "a big red cat is a dog")]
    return line(plain.tower, layer, (ids[0], ids[1]), at=len(ids[0]) - 1)


def pushed(one: Line, moves: Tensor, alpha: Tensor, still: int = 0) -> tuple[Tensor, Tensor]:
    assert one.tower.last is not None
    blocks = one.tower.parts[one.layer :]
    return push(blocks, one.tower.last, one.points(alpha), moves, one.at, causal=True, still=still)


@pytest.mark.parametrize("layer", [0, 1])
def test_embeddings_and_moves_are_those_of_the_tower(layer: int) -> None:
    one = swapped(layer)
    alpha = torch.tensor([0.1, 0.7], dtype=torch.float64)
    moves = torch.eye(len(one.start))[one.moving].double().unsqueeze(-1) * one.step
    with undisturbed(MADE):
        found, slopes = pushed(one, moves, alpha)
        points = one.points(alpha)

        def tail(hidden: Tensor) -> Tensor:
            return one.tower.tail(hidden, one.layer, one.at)

        torch.testing.assert_close(found, tail(points), rtol=0, atol=1e-12)
        for number, move in enumerate(moves):
            expected = jvp(tail, (points,), (move.expand_as(points),))[1]
            torch.testing.assert_close(slopes[:, number], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("still", [1, 3, 4])
def test_words_before_the_first_other_one_are_worked_out_once(still: int) -> None:
    one = swapped()
    assert int(one.moving.int().argmax()) == 4  # start token, a, big, red
    alpha = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    moves = torch.eye(len(one.start))[one.moving].double().unsqueeze(-1) * one.step
    with undisturbed(MADE):
        for found, expected in zip(pushed(one, moves, alpha, still), pushed(one, moves, alpha), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-13)
