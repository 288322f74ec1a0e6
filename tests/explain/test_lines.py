"""Every engine gives the integrated Jacobians of the oracle, of every layer, side and scaling."""

import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.func import vjp
from torch.nn.functional import pad
from torch.testing import assert_close

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders.lora import LoraConfig
from hairsplit.encoders.trainable import set_trainable
from hairsplit.encoders.weights import Activation
from hairsplit.explain import lines
from hairsplit.explain.lines import Engine, Line, contributions, pulled
from hairsplit.explain.quadrature import Quadrature, fixed_nodes
from hairsplit.explain.towers import clip_towers, undisturbed
from tests.explain import oracle
from tests.explain.small import SHAPE, each, encoder, image_line, text_line
from tests.explain.small import line as line_of

exact = partial(assert_close, rtol=0.0, atol=1e-12)
LINES: dict[str, tuple[Callable[..., Line], int]] = {
    "text 0": (text_line, 0),
    "text 1": (text_line, 1),
    "image 0": (image_line, 0),
    "image 1": (image_line, 1),
    "image 2": (image_line, 2),
}
LAST = ("text 1", "image 2")


def make(name: str, *, sharp: float = 1.0, **more: object) -> Line:
    build, layer = LINES[name]
    return build(encoder(sharp=sharp), layer, **more)


def expected(line: Line) -> Tensor:
    at, weight = (torch.from_numpy(one) for one in fixed_nodes(line.how.rule, line.how.nodes))
    return oracle.factors(lambda x: line.embed(x.unsqueeze(0))[0], line.start, line.stop, at, weight)


def found(line: Line) -> Tensor:
    with undisturbed(torch.nn.Module()):
        return contributions(line, each(line)).parts


@pytest.mark.parametrize("length", [None, 2.5])
@pytest.mark.parametrize("name", LINES)
def test_forward_mode_is_the_jacobian(name: str, length: float | None) -> None:
    line, written = (make(name, sharp=4.0, length=length, engine=engine) for engine in ("mixed", "auto"))
    assert (line.closed, line.known) == (False, False)
    assert written.closed == (name in LAST)
    assert written.known
    exact(found(line), oracle_rows := expected(line))
    exact(found(written), oracle_rows)


@pytest.mark.parametrize("length", [None, 2.5])
@pytest.mark.parametrize("sharp", [1.0, 4.0])
@pytest.mark.parametrize("name", LAST)
def test_the_closed_form_is_the_jacobian(name: str, sharp: float, length: float | None) -> None:
    line = make(name, sharp=sharp, length=length, engine="closed_form")
    assert line.closed
    exact(found(line), expected(line))
    nodes = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    with undisturbed(torch.nn.Module()):
        exact(line.values(nodes), line.embed(line.points(nodes)))


@pytest.mark.parametrize("name", LINES)
def test_reverse_mode_is_the_jacobian(name: str) -> None:
    line = make(name, sharp=4.0)
    vectors = torch.randn(4, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    vectors[2] = 0
    with undisturbed(torch.nn.Module()):
        rows = pulled(line, vectors).parts
    exact(rows, oracle.interactions(expected(line), vectors))


@pytest.mark.parametrize("name", LINES)
def test_a_row_is_the_slope_of_the_tail(name: str) -> None:
    """Central differences, position by position, at one point of the line."""
    line = make(name, sharp=2.0, how=Quadrature(rule="midpoint", nodes=1))
    half, step = line.points(torch.tensor([0.5], dtype=torch.float64))[0], line.step
    rows = []
    for position in range(len(half)):
        move = torch.zeros_like(half)
        move[position] = 1e-5 * step[position]
        rows.append((line.embed((half + move).unsqueeze(0)) - line.embed((half - move).unsqueeze(0)))[0] / 2e-5)
    assert_close(found(line), torch.stack(rows).detach(), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("tolerance", [1e-2, 1e-3, 1e-6])
def test_rows_add_up_to_the_change(name: str, tolerance: float) -> None:
    line = make(name, sharp=4.0, how=Quadrature(tolerance=tolerance))
    with undisturbed(torch.nn.Module()):
        all_rows = contributions(line, each(line))
    change = line.ends[1] - line.ends[0]
    missing = float((all_rows.parts.sum(0) - change).norm() / change.norm())
    assert missing <= tolerance
    assert all_rows.residual == pytest.approx(missing, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("name", LAST)
def test_float32_is_as_close_as_rounding_lets_it_be(name: str) -> None:
    build, layer = LINES[name]
    exactly, roughly = build(encoder(sharp=4.0), layer), _single(build, layer)
    for engine in ("closed_form", "mixed"):
        rows = found(replace(roughly, engine=engine))
        assert rows.dtype == torch.float32
        assert_close(rows.double(), found(exactly), rtol=0.0, atol=1e-5)


def _single(build: Callable[..., Line], layer: int) -> Line:
    """The same line with weights and states rounded."""
    line, made = build(encoder(sharp=4.0), layer), encoder(sharp=4.0).float()
    text, image = clip_towers(made)
    tower = text if line.tower.side == "text" else image
    ends = (line.ends[0].float(), line.ends[1].float())
    return replace(line, tower=tower, start=line.start.float(), stop=line.stop.float(), ends=ends)


@pytest.mark.parametrize("engine", ["closed_form", "mixed"])
@pytest.mark.parametrize("layer", [0, 1])
def test_what_lies_behind_the_end_contributes_nothing(layer: int, engine: Engine) -> None:
    if layer == 0 and engine == "closed_form":
        engine = "auto"
    made = encoder(sharp=4.0)
    tower, ids = clip_towers(made)[0], made.tokenize(["a red dog"])[0]
    blank = torch.zeros_like(ids)
    blank[0], blank[-1] = ids[0], ids[-1]
    end = len(ids) - 1
    long = [pad(one, (0, 4), value=filler) for one, filler in ((blank, 3), (ids, 9))]
    padded = line_of(tower, layer, (long[0], long[1]), at=end, engine=engine)
    plain = line_of(tower, layer, (blank, ids), at=end, engine=engine)
    assert (padded.step[end + 1 :] != 0).any()
    assert padded.moving.tolist() == [*plain.moving.tolist(), *[False] * 4]  # no pass is spent on them
    rows = found(padded)
    assert not rows[end + 1 :].any()
    assert_close(rows[: end + 1], found(plain), rtol=0.0, atol=1e-12)
    with undisturbed(torch.nn.Module()):
        back = pulled(padded, torch.eye(8, dtype=torch.float64)).parts
    assert_close(back, rows, rtol=0.0, atol=1e-12)
    assert not back[end + 1 :].any()


@pytest.mark.parametrize("engine", ["auto", "mixed"])
@pytest.mark.parametrize("name", LINES)
def test_groups_are_sums_of_their_positions(name: str, engine: Engine) -> None:
    line = make(name, sharp=4.0, engine=engine)
    shares = torch.linspace(0, 1, len(line.start), dtype=torch.float64)
    with undisturbed(torch.nn.Module()):
        groups = contributions(line, torch.stack([shares, 1 - shares])).parts
    rows = found(line)
    exact(groups, torch.stack([shares @ rows, (1 - shares) @ rows]))


@pytest.mark.parametrize("engine", ["auto", "mixed"])
@pytest.mark.parametrize("name", LINES)
def test_an_input_that_is_its_reference_explains_nothing(name: str, engine: Engine) -> None:
    line = make(name, engine=engine, how=Quadrature())
    line = replace(line, start=line.stop, ends=(line.ends[1], line.ends[1]))
    assert line.scale > 0  # nothing is ever divided by nothing
    with undisturbed(torch.nn.Module()):
        rows, back = contributions(line, each(line)), pulled(line, torch.eye(8, dtype=torch.float64))
    assert not rows.parts.any()
    assert not back.parts.any()
    assert (rows.residual, rows.nodes, back.residual, back.nodes) == (0, 0, 0, 0)


def test_nodes_in_small_parts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = [make(name, engine=engine) for name, engine in (("text 1", "closed_form"), ("image 0", "mixed"))]
    vectors = torch.eye(8, dtype=torch.float64)
    with undisturbed(torch.nn.Module()):
        before = [(contributions(line, each(line)).parts, pulled(line, vectors).parts) for line in plain]
        monkeypatch.setattr(lines, "HIDDEN", 1)
        monkeypatch.setattr(lines, "GRAPH", 1)
        assert [len(one) for one in plain[0].chunks(torch.zeros(3))] == [1, 1, 1]
        after = [(contributions(line, each(line)).parts, pulled(line, vectors).parts) for line in plain]
    for old, new in zip(before, after, strict=True):
        exact(new[0], old[0])
        exact(new[1], old[1])


def test_the_graph_of_some_nodes_is_gone_before_the_next_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once would take twice the memory."""
    line = make("image 0", engine="mixed")
    graphs: list[weakref.ref[Tensor]] = []

    def noted(function: Any, points: Tensor) -> Any:
        assert [graph for graph in graphs if graph() is not None] == []
        embeddings, back = cast(Any, vjp(function, points))
        graphs.append(weakref.ref(embeddings))
        return embeddings, back

    monkeypatch.setattr(lines, "vjp", noted)
    monkeypatch.setattr(lines, "GRAPH", 1)
    with undisturbed(torch.nn.Module()):
        pulled(line, torch.eye(8, dtype=torch.float64))
    assert len(graphs) == line.how.nodes


def test_no_closed_form_is_pretended() -> None:
    with pytest.raises(HairsplitError, match="no closed form for layer 0"):
        found(make("text 0", engine="closed_form"))
    made = encoder()
    made.model.vision_model.encoder.layers[-1].layer_norm1 = torch.nn.Identity()
    assert clip_towers(made)[1].last is None
    assert clip_towers(made)[0].last is not None


def test_adapters_are_part_of_the_closed_form() -> None:
    made = encoder(sharp=4.0)
    set_trainable(made, "lora", lora=LoraConfig())
    with torch.no_grad():
        for name, p in made.named_parameters():
            if "lora_B" in name:
                p.add_(0.3 * torch.randn(p.shape, generator=torch.Generator().manual_seed(3), dtype=p.dtype))
    made.double().eval()
    plain, line = text_line(encoder(sharp=4.0), 1), text_line(made, 1, engine="closed_form")
    assert line.closed
    assert not torch.allclose(found(plain), found(line), rtol=0, atol=1e-3)
    exact(found(line), expected(line))


@pytest.mark.parametrize("activation", ["gelu", "quick_gelu"])
def test_either_activation_and_plain_attention_will_do(activation: Activation) -> None:
    made = encoder(replace(SHAPE, activation=activation), sharp=4.0)
    for build, layer in (LINES[name] for name in LAST):
        line = build(made, layer, engine="closed_form")
        exact(found(line), expected(line))
    made.model.set_attn_implementation("eager")
    for build, layer in LINES.values():
        plain = found(build(encoder(replace(SHAPE, activation=activation), sharp=4.0), layer))
        assert_close(found(build(made, layer)), plain, rtol=0.0, atol=1e-5)  # its softmax is in float32
    made.model.config.text_config._attn_implementation = "flex_attention"
    with pytest.raises(HairsplitError, match="no forward-mode derivative"):
        clip_towers(made)


def test_a_change_of_next_to_nothing_is_no_reason_for_more_nodes() -> None:
    """Held to its own size in single precision it would be halved to the end, for its last digits are rounding."""
    line = replace(_single(image_line, 0), how=Quadrature(tolerance=1e-5))
    near = line.stop - 1e-4 * line.step
    with torch.no_grad():
        short = replace(line, start=near, ends=(line.embed(near.unsqueeze(0))[0], line.ends[1]))
    with undisturbed(torch.nn.Module()):
        assert contributions(short, torch.ones(1, len(near))).nodes == 8
