"""Forgetting in a comparison: drift, a linear probe, the models between two, and the one that is picked."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hairsplit import api
from hairsplit._verbs.drifting import MOST, Watched, drift_json, embedded, watched
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import read_pairs
from hairsplit.encoders import dual_encoder
from hairsplit.encoders.dual_encoder import DualEncoder, new, save
from hairsplit.encoders.interpolate import interpolate
from hairsplit.evaluate.embed import embed_texts
from hairsplit.evaluate.embedding_cache import EmbeddingCache
from hairsplit.evaluate.forgetting import labelled_images, prompted
from tests.small_world import SHAPE, World, draw_pairs

Compared = tuple[dict[str, Any], Path]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Four pictures of each class; `model` is the base, and beside it is `tuned`, which has other texts."""
    folder = tmp_path_factory.mktemp("forgetting")
    world = World(folder / "drawn", folder / "base", folder / "train.parquet", folder / "test.parquet")
    draw_pairs(world.drawn, {"test": world.test}, count=60, recognition=4, max_pairs=6, negatives=1)
    base, other = new(SHAPE, seed=0), new(SHAPE, seed=1)
    other.model.vision_model.load_state_dict(base.model.vision_model.state_dict())
    other.model.visual_projection.load_state_dict(base.model.visual_projection.state_dict())
    save(base, world.model)
    save(other, folder / "tuned")
    return world


def compare(material: World, out: Path, **more: Any) -> dict[str, Any]:
    models = [material.model, material.model.with_name("tuned")]
    return api.compare(
        models,
        [material.test],
        out,
        recognition=material.drawn / "recognition",
        device="cpu",
        cache_megabytes=0,
        **more,
    )


@pytest.fixture(scope="module")
def compared(material: World, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    out = tmp_path_factory.mktemp("compared") / "out"
    return compare(material, out, linear_probe=True, wise_ft=[0.5, 0.25], pick="knee"), out


def test_whole_pictures_and_texts_of_all_suites_are_watched() -> None:
    whole, cut = Path("data/whole.png"), Path("data/cut.png")
    found = watched([({(whole, None), (cut, (0, 0, 9, 9))}, {"a dog"}), (set(), {"a cat", "a dog"})], 0)
    assert found.pictures == (whole,)
    assert sorted(found.texts) == ["a cat", "a dog"]


def test_of_many_pictures_those_watched_depend_on_seed_and_name_wherever_they_lie() -> None:
    names = [f"{n:05}.png" for n in range(MOST + 100)]

    def left_out(folder: str, seed: int) -> set[str]:
        found = watched([({(Path(folder, name), None) for name in names}, set(names))], seed)
        assert (len(set(found.pictures)), len(set(found.texts))) == (MOST, MOST)
        return set(names) - {path.name for path in found.pictures}

    assert left_out("here", 0) == left_out("there", 0) != left_out("here", 1)


def test_pictures_of_a_tower_that_is_the_same_have_not_moved_and_texts_have(
    compared: Compared, material: World
) -> None:
    drift = compared[0]["drift"]["tuned"]
    assert drift["images"]["cosine"]["value"] == pytest.approx(1, abs=1e-6)
    assert drift["images"]["cka"]["value"] == pytest.approx(1, abs=1e-6)
    table = read_pairs(material.test, None)
    texts = {text for pair in table.pairs if pair.negative for text in (pair.caption, pair.negative)}
    data = labelled_images(material.drawn / "recognition")
    texts |= set(prompted(data.classes, data.prompts))
    assert drift["texts"]["cka"]["n"] == len(texts)
    both = [dual_encoder.load(material.model), dual_encoder.load(material.model.with_name("tuned"))]
    before, after = (embed_texts(encoder, sorted(texts)) for encoder in both)
    expected = float((before * after).sum(axis=1).mean())
    assert drift["texts"]["cosine"]["value"] == pytest.approx(expected, abs=1e-5)
    assert drift["texts"]["cosine"]["value"] < 0.9


def test_what_was_not_encoded_is_left_out_on_both_sides() -> None:
    """As of an item that was left out, or where a bounded cache had no room."""
    base, tuned = new(SHAPE, seed=0), new(SHAPE, seed=1)
    texts = tuple(f"a cat and {n} dogs" for n in range(9))
    what = Watched((), texts)
    rows = {}
    for encoder, gone in ((base, {0, 1}), (tuned, {1, 8})):
        with closing(EmbeddingCache(None).of(encoder)) as kept:
            embed_texts(encoder, [text for n, text in enumerate(texts) if n not in gone], kept=kept)
            rows[encoder] = embedded(what, encoder, kept)
    found = drift_json(what, rows[base], rows[tuned], seed=0)
    both = texts[2:8]
    before, after = (embed_texts(encoder, both) for encoder in (base, tuned))
    assert found["images"] is None
    assert found["texts"] is not None
    assert found["texts"]["cosine"]["n"] == 6
    assert found["texts"]["cosine"]["value"] == pytest.approx(float((before * after).sum(axis=1).mean()), abs=1e-5)


def test_the_probe_of_the_same_pictures_is_the_same_and_paired(compared: Compared) -> None:
    (suite,) = [one for one in compared[0]["suites"] if one["sort"] == "linear probe"]
    cells = suite["measures"][0]["models"]
    assert cells["tuned"]["estimate"] == cells["base"]["estimate"]
    assert cells["tuned"]["difference"]["value"] == 0
    assert (cells["base"]["estimate"]["n"], cells["base"]["estimate"]["chance"]) == (64, 1 / 64)
    assert cells["base"]["estimate"]["value"] > 3 / 64  # a random tower's features tell colours
    assert (compared[1] / "scores" / "base" / suite["name"] / "hits.parquet").is_file()


def test_models_between_are_judged_like_models_that_are_made_by_hand(
    compared: Compared, material: World, tmp_path: Path
) -> None:
    record, out = compared
    assert [model["label"] for model in record["models"]] == ["base", "tuned", "tuned@0.25", "tuned@0.5"]
    by_hand = interpolate(dual_encoder.load(material.model), dual_encoder.load(material.model.with_name("tuned")), 0.25)
    alone = api.evaluate(by_hand, material.test, tmp_path / "e", device="cpu")
    measures = next(suite for suite in record["suites"] if suite["sort"] == "pairs")["measures"]
    macro = next(one for one in measures if one["name"] == "mean over kinds")["models"]["tuned@0.25"]
    assert macro["estimate"] == alone["overall"]["macro_pair_accuracy"]
    assert macro["difference"] is not None
    assert record["holm"]["tests"] == 3 * len(record["suites"])
    (sweep,) = record["sweeps"]
    assert [point["alpha"] for point in sweep["points"]] == [0, 0.25, 0.5, 1]
    assert [point["gain"] for point in sweep["points"]][1] == macro["estimate"]
    assert json.loads((out / "compare.json").read_text())["sweeps"] == record["sweeps"]


def test_the_model_at_the_knee_is_written(compared: Compared, material: World) -> None:
    record, out = compared
    knee = record["sweeps"][0]["knee"]
    (hash_told,) = [model["hash"] for model in record["models"] if model["label"] == knee]
    assert dual_encoder.load(out / "picked" / "tuned").parameters_hash() == hash_told
    assert "picked" in (out / "trade_off.svg").read_text()


def test_without_a_sweep_nothing_of_it_is_written(material: World, tmp_path: Path) -> None:
    record = compare(material, tmp_path / "out")
    assert record["sweeps"] == []
    assert not (tmp_path / "out" / "trade_off.svg").exists()
    assert not (tmp_path / "out" / "picked").exists()
    assert [suite["sort"] for suite in record["suites"]] == ["pairs", "recognition"]


def test_the_command_line_tells_drift_front_and_where_the_picked_one_is(compared: Compared) -> None:
    from hairsplit.cli.comparing import comparison_lines

    text = "\n".join(comparison_lines(compared[0]))
    assert "drift from the base" in text
    assert "tuned, images" in text
    assert "from the base to tuned: test, mean over kinds | recognition, top1" in text
    assert ", knee" in text


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"wise_ft": [1.5]}, "1.5 is not between 0 and 1"),
        ({"pick": "knee"}, "means nothing without --wise-ft"),
        ({"recognition": None, "wise_ft": [0.5]}, "nothing that may be forgotten"),
        ({"recognition": None, "linear_probe": True}, "--linear-probe: has no pictures"),
    ],
)
def test_mistakes_are_found_before_anything_is_encoded(
    material: World, tmp_path: Path, more: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("something was encoded")

    monkeypatch.setattr(DualEncoder, "encode_image", never)
    monkeypatch.setattr(DualEncoder, "encode_text", never)
    models = [material.model, material.model.with_name("tuned")]
    settings: dict[str, Any] = {"recognition": material.drawn / "recognition", **more}
    with pytest.raises(HairsplitError, match=message):
        api.compare(models, [material.test], tmp_path / "out", **settings)
    assert not (tmp_path / "out").exists()


def test_models_of_other_shapes_have_no_model_between(material: World, tmp_path: Path) -> None:
    from dataclasses import replace

    save(new(replace(SHAPE, text_layers=1)), tmp_path / "other")
    with pytest.raises(HairsplitError, match="no two states of one model"):
        api.compare(
            [material.model, tmp_path / "other"],
            [material.test],
            tmp_path / "out",
            recognition=material.drawn / "recognition",
            wise_ft=[0.5],
        )


def test_lora_at_half_its_scale_is_the_model_half_way(tmp_path: Path) -> None:
    """Adapters add to weights in proportion to their scale, so a sweep of alpha is a sweep of the scale."""
    pytest.importorskip("peft", reason="peft is an extra")
    import torch

    from hairsplit.encoders import lora
    from hairsplit.encoders.trainable import set_trainable

    base, adapted = new(SHAPE, seed=0), new(SHAPE, seed=0)
    set_trainable(adapted, "lora", seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in adapted.model.named_parameters():
            if "lora_B" in name:
                value.normal_(std=0.1, generator=generator)
    half = interpolate(base, adapted, 0.5)
    for module in adapted.model.modules():
        if hasattr(module, "scaling"):
            module.scaling = {name: scale / 2 for name, scale in module.scaling.items()}
    plain = lora.plain_state(adapted.model)
    for name, value in half.model.state_dict().items():
        torch.testing.assert_close(value, plain[name], rtol=1e-5, atol=1e-7)
    assert not np.allclose(embed_texts(half, ["a cat"]), embed_texts(base, ["a cat"]))
