"""One function per verb: what each gives back, and what only a script can do."""

import inspect
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from hairsplit import api
from hairsplit._verbs.convert import run_conversion
from hairsplit._verbs.thesis import run_thesis
from hairsplit.cli.main import app
from hairsplit.core.errors import HairsplitError
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import CLIPShape, DualEncoder, load, new, save
from tests.small_world import SHAPE, World, make_world, paint, pair, write_table

OPENAI_SHAPE = CLIPShape(
    **{**vars(SHAPE), "vision_width": 64, "text_width": 64, "vision_heads": 1, "text_heads": 1, "embedding": 32}
)
"""Heads of 64 channels and quick_gelu, as OpenAI's code takes for granted."""
LAYOUTS: tuple[tuple[api.Layout, str], ...] = (("open_clip", "b.safetensors"), ("open_clip", "b"), ("openai", "b.pt"))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"))


def equal_weights(one: DualEncoder, two: DualEncoder) -> bool:
    return one.parameters_hash() == two.parameters_hash()


def test_every_verb_of_the_command_line_is_a_function_with_the_same_name() -> None:
    verbs = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    # train, train --thesis-config, captions --from-text, --wise-ft, explain --pairs
    of_other_verbs = {"read_config", "train_thesis", "captions_from_text", "interpolate", "explain_pairs"}
    functions = {name.rstrip("_") for name in api.__all__} - of_other_verbs
    assert verbs == functions


def test_every_option_of_a_verb_is_an_argument_of_its_function() -> None:
    other_names = {"long", "words", "resume", "max_pairs", "negatives", "exclude_images", "format_name", "what", "on"}
    other_names |= {"left_right", "from_text", "judging", "thesis_config", "whole_images"}
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.callback.__name__
        theirs = set(inspect.signature(getattr(api, name)).parameters)
        ours = set(inspect.signature(command.callback).parameters)
        if name == "train":
            theirs |= set(inspect.signature(run_thesis).parameters)
        if name == "explain":
            theirs |= set(inspect.signature(api.explain_pairs).parameters)
        if name == "convert":
            theirs |= set(inspect.signature(run_conversion).parameters)
        if name == "import_":  # `drops`, and the fields of `draw` and `part`
            theirs |= {"drop", "sample_images", "per_image", "sample", "val_share", "seed"}
            theirs |= {"split", "config", "revision", "column", "download"}
        assert ours - theirs <= other_names, name


def test_an_encoder_in_memory_is_judged_like_one_on_disk(world: World, tmp_path: Path) -> None:
    from_disk = api.evaluate(world.model, world.test, tmp_path / "a")
    in_memory = api.evaluate(load(world.model), world.test, tmp_path / "b", device="cpu")
    assert in_memory["overall"] == from_disk["overall"]
    assert in_memory["model"]["hash"] == from_disk["model"]["hash"]
    assert (tmp_path / "a" / from_disk["data"]["images_root"]).resolve() == world.drawn / "images"


def test_what_is_returned_is_what_is_written(world: World, tmp_path: Path) -> None:
    record = api.evaluate(
        world.model,
        world.test,
        tmp_path / "a",
        recognition=world.drawn / "recognition",
        retrieval=world.drawn / "captions.jsonl",
        retrieval_split="test",
    )
    assert json.loads((tmp_path / "a" / "metrics.json").read_text("utf-8")) == {"version": 1, **record}
    assert (record["recognition"]["classes"], record["recognition"]["top1"]["n"]) == (64, 64)
    assert (record["retrieval"]["images"], record["retrieval"]["captions"]) == (10, 10)
    assert record["stamp"]["seed"] == 0


def test_files_that_are_no_pictures_are_told_of(world: World, tmp_path: Path) -> None:
    for name in ("a", "b"):
        paint(tmp_path / "classes" / name / "1.png", "red")
    (tmp_path / "classes" / "a" / "notes.txt").touch()
    record = api.evaluate(world.model, world.test, tmp_path / "e", recognition=tmp_path / "classes")
    assert record["recognition"]["files that are no pictures"] == 1
    assert "recognition: 1 files are no pictures" in record["warnings"][-1]


def test_pictures_of_any_mode_are_judged(world: World, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), dtype=np.uint8)
    picture = Image.fromarray(noise)
    picture.save(tmp_path / "rgb.png")
    picture.convert("CMYK").save(tmp_path / "cmyk.jpg")
    picture.convert("P").save(tmp_path / "palette.png")
    picture.convert("RGBA").save(tmp_path / "clear.png")
    picture.convert("1").save(tmp_path / "bits.png")
    Image.fromarray(noise[:, :, 0].astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    names = sorted(f.name for f in tmp_path.iterdir())
    table = write_table(tmp_path / "pairs.parquet", [pair(name) for name in names], tmp_path)
    record = api.evaluate(world.model, table, tmp_path / "e")
    assert record["overall"]["pair_accuracy"]["n"] == 6
    cosines = dict(
        zip(names, pq.read_table(tmp_path / "e" / "scores.parquet")["positive_cosine"].to_pylist(), strict=True)
    )
    assert len(names) == 6
    assert cosines["clear.png"] == pytest.approx(cosines["rgb.png"], abs=1e-6)


@pytest.mark.parametrize(("layout", "name"), LAYOUTS)
def test_a_model_goes_to_another_layout_and_back_bit_for_bit(tmp_path: Path, layout: api.Layout, name: str) -> None:
    save(new(OPENAI_SHAPE, seed=3), tmp_path / "a")
    said = api.convert(tmp_path / "a", tmp_path / name, to=layout)
    assert "read back" in said
    # Loaded by file: a folder of open_clip's and a state dict with OpenAI's numbers tell their activation themselves.
    api.convert(tmp_path / name, tmp_path / "c", to="transformers")
    first, last = load(tmp_path / "a"), load(tmp_path / "c")
    assert equal_weights(first, last)
    assert last.model.config.text_config.hidden_act == last.model.config.vision_config.hidden_act == "quick_gelu"
    ids = first.tokenize(["a red circle", "x"])
    assert torch.equal(first.encode_text(ids), last.encode_text(ids))


def test_the_activation_of_a_bare_state_dict_must_be_told_and_is_kept(tmp_path: Path) -> None:
    save(new(OPENAI_SHAPE), tmp_path / "a")
    api.convert(tmp_path / "a", tmp_path / "b.pt", to="open_clip")
    (tmp_path / "b.json").unlink()
    with pytest.raises(HairsplitError, match="does not tell the activation"):
        api.convert(tmp_path / "b.pt", tmp_path / "c", to="transformers")
    assert not (tmp_path / "c").exists()
    api.convert(tmp_path / "b.pt", tmp_path / "c", to="transformers", activation="gelu")
    assert load(tmp_path / "c").model.config.vision_config.hidden_act == "gelu"
    api.convert(f"{tmp_path / 'b.pt'}@quick_gelu", tmp_path / "d", to="transformers")
    assert load(tmp_path / "d").model.config.vision_config.hidden_act == "quick_gelu"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"activation": "gelu"}, "OpenAI's code has quick_gelu only"), ({"text_heads": 2}, "a head has 32 channels")],
)
def test_what_openai_s_code_would_run_wrongly_is_not_written(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    save(new(CLIPShape(**{**vars(OPENAI_SHAPE), **changes})), tmp_path / "a")
    with pytest.raises(HairsplitError, match=message):
        api.convert(tmp_path / "a", tmp_path / "b.pt", to="openai")
    assert not (tmp_path / "b.pt").exists()


def test_conversion_refuses_what_exists_and_what_is_no_model(world: World, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(HairsplitError, match="exists already"):
        api.convert(world.model, tmp_path / "taken", to="open_clip")
    with pytest.raises(HairsplitError, match="holds no model"):
        api.convert(world.drawn, tmp_path / "b", to="transformers")
    with pytest.raises(HairsplitError, match="the model has quick_gelu, you say gelu"):
        api.convert(world.model, tmp_path / "b", to="open_clip", activation="gelu")


def test_a_model_that_cannot_be_compared_with_itself_is_no_success(tmp_path: Path, world: World) -> None:
    encoder = load(world.model)
    encoder.model.visual_projection.weight.data.fill_(float("nan"))
    save(encoder, tmp_path / "a")
    with pytest.raises(HairsplitError, match="reads back differently"):
        api.convert(tmp_path / "a", tmp_path / "b", to="open_clip")


def test_lists_name_what_can_be_chosen() -> None:
    known = api.list_()
    assert {"losses", "objectives", "formats", "families", "benchmarks"} <= set(known)
    assert all(name and line for rows in known.values() for name, line in rows)
    assert api.list_("formats") == {"formats": known["formats"]}
    ((name, facts),) = api.list_("sugarcrepe").items()
    told = "\n".join(f"{what} {answer}" for what, answer in facts)
    assert name == "sugarcrepe"
    for fact in ("items 7,511", "chance correct 50.0 %", "strictly", "licence MIT", "NeurIPS 2023 (arXiv:2306.14610)",
                 "number all items (micro average)", "file add_att.json  https://", "val2017.zip"):  # fmt: skip
        assert fact in told, fact
    with pytest.raises(HairsplitError, match="nothing is listed under 'formts'") as caught:
        api.list_("formts")
    assert caught.value.hint == "did you mean 'formats'?"


def test_a_configuration_made_in_code_equals_one_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("train: a.parquet\nlr: 1e-5\nobjective: {name: hnc_kl, lam: 2}\n")
    made = api.read_config(None, ["lr=1e-5", "objective.name=hnc_kl", "objective.lam=2"], train="a.parquet")
    assert api.read_config(tmp_path / "run.yaml") == made


def test_loading_asks_nothing_of_the_network() -> None:
    with pytest.raises(HairsplitError, match="nor a hub model that was fetched before"):
        dual_encoder.load("someone/some-model")
