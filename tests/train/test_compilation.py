"""Compiled blocks give the numbers of plain ones, from few graphs that are all made at the start."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._dynamo import config as tracing
from torch._dynamo.backends.debugging import aot_eager
from torch._dynamo.eval_frame import _debug_get_cache_entry_list
from torch._functorch import config as differentiating

from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import blocks
from hairsplit.encoders.dual_encoder import DualEncoder, load, new
from hairsplit.encoders.trainable import TrainableMode, set_trainable
from hairsplit.losses.objectives import OBJECTIVES
from hairsplit.train import loop
from hairsplit.train.compilation import compile_blocks
from hairsplit.train.config import TrainConfig
from hairsplit.train.step import Towers
from tests.train import ranks
from tests.train.small import Material, config, cut_short, rows, same, state, trainer
from tests.train.test_two_pass import assert_same, dropping, spec
from tests.train.two_passes import Case, Taken, on_ranks, steps

LAYERS = 3
TRACED = (blocks.everywhere.__code__, blocks.at_one.__code__)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def deeper(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last block is computed for one position, by parts: there must be others."""
    monkeypatch.setattr(ranks, "SHAPE", replace(ranks.SHAPE, vision_layers=LAYERS, text_layers=LAYERS))


@pytest.fixture(autouse=True)
def settled() -> Iterator[None]:
    """Compiling sets up its process; other tests get theirs back."""
    before = tracing.recompile_limit, tracing.optimize_ddp, differentiating.donated_buffer
    yield
    tracing.recompile_limit, tracing.optimize_ddp, differentiating.donated_buffer = before


class Counting:
    """A backend that counts the graphs that it is given, and the calls of them."""

    def __init__(self) -> None:
        self.graphs = self.calls = 0

    def __call__(self, graph: torch.fx.GraphModule, inputs: list[Tensor]) -> Callable[..., Any]:
        self.graphs += 1
        made = aot_eager(graph, inputs)

        def call(*arguments: Any) -> Any:
            self.calls += 1
            return made(*arguments)

        return call


@pytest.mark.parametrize("name", OBJECTIVES)
def test_each_objective(name: str) -> None:
    case = Case(spec(name))
    assert_same(steps(case.settled(compile=True)), steps(case), rtol=1e-11)


@pytest.mark.parametrize("mode", ["text_encoder", "vision_encoder", "last_encoder"])
def test_each_choice_of_what_learns_in_two_passes(mode: TrainableMode) -> None:
    case = Case(spec("hnc_kl"), mode=mode).settled(chunk=4)
    assert_same(steps(case.settled(compile=True)), steps(case), rtol=1e-11)


@pytest.mark.parametrize("mode", ["full_encoder", "text_encoder"])
def test_the_last_block_at_all_positions(mode: TrainableMode) -> None:
    case = Case(spec("fsc_clip", local_weight=0.7), mode=mode).settled(chunk=4)
    assert_same(steps(case.settled(compile=True)), steps(case), rtol=1e-11)


@pytest.mark.parametrize("chunk", [None, 4])
def test_blocks_that_are_computed_again_and_several_backward_passes(chunk: int | None) -> None:
    case = Case(spec("hnc_l2"), micro=1).settled(chunk=chunk, log_gradient_norms=True)
    found, expected = steps(case.settled(compile=True, activation_checkpointing=True)), steps(case)
    assert_same(found, expected, rtol=1e-11)
    for one, two in zip(found.term_norms, expected.term_norms, strict=True):
        assert one == pytest.approx(two, rel=1e-10)


@pytest.mark.parametrize("settings", [{"chunk": 4}, {"activation_checkpointing": True}])
def test_dropout_drops_the_same_units(settings: dict[str, Any]) -> None:
    case = Case(spec("hnc_l2"), micro=1)
    expected = steps(case.settled(chunk=settings.get("chunk")), change=dropping)
    assert_same(steps(case.settled(compile=True, **settings), change=dropping), expected, rtol=1e-11)
    assert steps(case).norms != pytest.approx(expected.norms, rel=1e-3)


def learner(mode: TrainableMode = "full_encoder") -> DualEncoder:
    made = new(ranks.SHAPE)
    set_trainable(made, mode)
    return made


def settings(mode: TrainableMode, **more: Any) -> TrainConfig:
    return TrainConfig(train=Path("none"), trainable=mode, compile=True, **more)


@pytest.mark.parametrize(
    ("mode", "chunk", "most"), [("full_encoder", 3, 8), pytest.param("lora", None, 6, marks=pytest.mark.slow)]
)
def test_all_graphs_are_made_at_the_start_whatever_the_lengths(
    mode: TrainableMode, chunk: int | None, most: int
) -> None:
    made, counting = learner(mode), Counting()
    towers = Towers(made)
    compile_blocks(towers, settings(mode, chunk=chunk), CPU, backend=counting)
    found = len({id(entry) for code in TRACED for entry in _debug_get_cache_entry_list(code)})
    assert 4 <= found <= most  # the last block and the others, with a gradient and without, behind a learner or not
    graphs = counting.graphs
    made.train()
    before = counting.calls
    for number in range(12):
        for grad in (True, False) if chunk else (True,):
            with torch.set_grad_enabled(grad):
                z = towers(varied(made, images=number % 6 + 1, words=1 + 5 * number % 11))
            if grad:
                torch.autograd.backward(z.image.sum() + z.positive.sum() + z.negative.sum())
    assert counting.graphs == graphs
    assert counting.calls > before + 12


def varied(made: DualEncoder, images: int, words: int) -> Any:
    """A batch of so many images whose captions have up to so many words."""
    whole = ranks.batch(made, slice(0, images), 2)
    ids = made.tokenize([" ".join(["dog"] * (1 + row % words)) for row in range(images)])
    assert whole.pixels is not None
    return replace(whole, pixels=whole.pixels.float(), caption_ids=ids)


def test_the_encoder_is_left_alone() -> None:
    made, counting = learner().eval(), Counting()
    pixels, ids = torch.randn(2, 3, 16, 16), made.tokenize(["a dog", "two cats"])
    before = made.encode_image(pixels), made.encode_text(ids), made.state_dict()
    random = torch.get_rng_state()
    compile_blocks(Towers(made), settings("full_encoder"), CPU, backend=counting)
    assert not made.training
    assert torch.equal(torch.get_rng_state(), random)
    assert all(p.grad is None for p in made.parameters())
    calls = counting.calls
    assert same(before, (made.encode_image(pixels), made.encode_text(ids), made.state_dict()))
    assert counting.calls == calls


def test_a_missing_compiler_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor import config as inductor

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))  # what was compiled before is not asked for
    with (
        inductor.patch({"cpp.cxx": ("no-such-compiler",), "fx_graph_cache": False}),
        pytest.raises(HairsplitError) as caught,
    ):
        compile_blocks(Towers(learner("last_encoder")), settings("last_encoder"), CPU)
    assert caught.value.where == "compile"
    assert "no-such-compiler" in caught.value.message
    assert "\n" not in caught.value.message
    assert "g++" in caught.value.hint


def test_attention_of_another_kind_is_refused() -> None:
    made = learner()
    made.model.config.text_config._attn_implementation = "eager"
    with pytest.raises(HairsplitError, match="sdpa"):
        compile_blocks(Towers(made), settings("full_encoder"), CPU, backend=Counting())


@pytest.mark.parametrize(
    ("wrong", "message"), [({"engine": "fsdp2"}, "shards"), ({"trainable": "projections"}, "none does")]
)
def test_what_cannot_be_compiled_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainConfig(train=Path("none"), compile=True, **wrong)


@pytest.mark.parametrize(
    ("mode", "precision"),
    [("text_encoder", "bf16"), ("last_encoder", "fp32"), pytest.param("lora", "fp32", marks=pytest.mark.slow)],
)
def test_a_training_with_it_is_the_training_without(
    material: Material, tmp_path: Path, mode: str, precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting = Counting()
    monkeypatch.setattr(loop, "compile_blocks", partial(compile_blocks, backend=counting))
    for on in (False, True):
        chosen = config(material, trainable=mode, precision=precision, compile=on)
        trainer(chosen, load(material.model), tmp_path / f"{on}").fit(resume=False)
    assert counting.calls > 10
    for mine, theirs in zip(rows(tmp_path / "True"), rows(tmp_path / "False"), strict=True):
        assert mine.pop("kind") == theirs.pop("kind")
        # bf16 has three digits, and autocast casts in other places within a graph
        rel, near = (1e-4, 1e-6) if precision == "fp32" else (2e-2, 5e-3)
        assert mine == pytest.approx(theirs, rel=rel, abs=near)
    names = [list(state(tmp_path / f"{on}")["model"]) for on in (False, True)]
    assert names[0] == names[1]


@pytest.mark.slow
def test_machine_code_has_the_numbers_of_plain_blocks_and_a_resumed_run_its_bits(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = config(material, trainable="last_encoder", steps=4, save_every=2)
    trainer(chosen, load(material.model), tmp_path / "plain").fit(resume=False)
    chosen = replace(chosen, compile=True)
    trainer(chosen, load(material.model), tmp_path / "whole").fit(resume=False)
    short = trainer(chosen, load(material.model), tmp_path / "cut")
    cut_short(short, monkeypatch, at=3)  # behind the state of its second step
    assert state(tmp_path / "cut")["step"] == 2
    trainer(chosen, load(material.model), tmp_path / "cut").fit(resume=True)
    whole, cut, plain = (state(tmp_path / name)["model"] for name in ("whole", "cut", "plain"))
    assert same(whole, cut)
    assert not same(whole, plain)  # compiled it was
    for mine, theirs in zip(rows(tmp_path / "whole", "train"), rows(tmp_path / "plain", "train"), strict=True):
        assert mine.pop("kind") == theirs.pop("kind")
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-6)
    first = [rows(tmp_path / name, "train")[0] for name in ("whole", "plain")]
    assert [first[0][key] for key in ("loss", "grad_norm")] == pytest.approx(
        [first[1][key] for key in ("loss", "grad_norm")], rel=1e-5
    )


@pytest.mark.slow
def test_two_ranks_are_one_process_without_it(tmp_path: Path) -> None:
    case = Case(spec("hnc_kl"))
    chosen = [case.settled(compile=True, activation_checkpointing=True)]
    assert ranks.launch(on_ranks, chosen, tmp_path, ranks.SHAPE) == [0, 0]
    expected = steps(case)
    for rank in range(ranks.RANKS):
        found = Taken(**torch.load(tmp_path / f"0-{rank}.pt", weights_only=True))
        assert found.norms == pytest.approx(expected.norms, rel=1e-9)
        torch.testing.assert_close(found.weights, expected.weights, rtol=1e-9, atol=1e-12)
