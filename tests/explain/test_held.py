"""What is kept from caption to caption of an image changes no bit of any number."""

from dataclasses import replace

import pytest
import torch

from hairsplit.explain import lines
from hairsplit.explain.held import Held
from hairsplit.explain.lines import Line, pulled
from hairsplit.explain.quadrature import Quadrature
from hairsplit.explain.towers import undisturbed
from tests.explain.small import encoder, image_line

VECTORS = torch.randn(5, 8, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


LINE = image_line(encoder(), 1, how=Quadrature(tolerance=1e-4))


def line(held: Held | None = None) -> Line:
    """With a tolerance that takes more than one round."""
    return replace(LINE, held=held)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each graph that is made."""
    made: list[int] = []
    vjp = torch.func.vjp

    def counted(*given: object) -> object:
        made.append(len(made))
        return vjp(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(lines, "vjp", counted)
    return made


@pytest.mark.parametrize("room", [0, 3000, 1 << 25])
def test_the_bits_are_those_of_each_by_itself(room: int) -> None:
    held = line(Held(room))
    with undisturbed(torch.nn.Module()):
        alone = [pulled(line(), one) for one in torch.split(VECTORS, 2)]
        for turn in (alone, alone):
            for one, expected in zip(torch.split(VECTORS, 2), turn, strict=True):
                found = pulled(held, one)
                assert torch.equal(found.parts, expected.parts)
                assert (found.nodes, found.residual) == (expected.nodes, expected.residual)
    assert max(one.nodes for one in alone) > 8  # a second round was needed


def test_a_graph_is_made_once_for_all_captions(graphs: list[int]) -> None:
    held = line(Held())
    with undisturbed(torch.nn.Module()):
        nodes = pulled(held, VECTORS).nodes
        assert len(graphs) == nodes / 8
        pulled(held, VECTORS)
        assert len(graphs) == nodes / 8
        pulled(line(), VECTORS)
        assert len(graphs) == 2 * nodes / 8


def test_without_room_nothing_is_kept(graphs: list[int]) -> None:
    held = line(Held(room=0))
    with undisturbed(torch.nn.Module()):
        nodes = pulled(held, VECTORS).nodes
        pulled(held, VECTORS)
    assert len(graphs) == 2 * nodes / 8
    assert held.held is not None
    assert held.held.room == 0


def test_the_first_that_fit_are_kept() -> None:
    held = Held(room=10)
    made = [held.graph(torch.tensor([n / 4]), 6, lambda n=n: (torch.tensor(n), None)) for n in range(2)]  # type: ignore[misc, arg-type]
    again = [held.graph(torch.tensor([n / 4]), 6, lambda: (torch.tensor(7), None)) for n in range(2)]  # type: ignore[arg-type, return-value]
    assert [int(one[0]) for one in made] == [0, 1]
    assert [int(one[0]) for one in again] == [0, 7]
    assert held.room == 4
