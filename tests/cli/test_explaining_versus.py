"""`hairsplit explain A IMAGE CAPTION --versus B`: two models beside each other."""

import json
from pathlib import Path

import pytest
import torch

from hairsplit import api
from hairsplit.core.attribution import Attribution
from hairsplit.core.attribution_file import load_explanation
from hairsplit.encoders.dual_encoder import load, save
from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World

CAPTION, NEGATIVE = "a red circle", "a circle red"
FILES = ["a.npz", "b.npz", "explanation.html", "explanation.json", "explanation.png", "explanation.svg"]


@pytest.fixture(scope="module")
def image(world: World) -> Path:
    return sorted((world.drawn / "images").iterdir())[0]


@pytest.fixture(scope="module")
def other(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model, moved a little."""
    encoder = load(world.model)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    folder = tmp_path_factory.mktemp("other") / "model"
    save(encoder, folder)
    return folder


@pytest.fixture(scope="module")
def pair(world: World, other: Path, image: Path) -> tuple[Path, Path, Path]:
    return world.model, other, image


def test_a_model_beside_itself_differs_by_nothing(
    world: World, image: Path, hairsplit: Hairsplit, tmp_path: Path
) -> None:
    out = tmp_path / "e"
    done = hairsplit("explain", world.model, image, CAPTION, "--versus", world.model, "-o", out)
    assert done.code == 0, done
    assert sorted(file.name for file in out.iterdir()) == FILES
    assert (out / "a.npz").read_bytes() == (out / "b.npz").read_bytes()
    record = json.loads((out / "explanation.json").read_text("utf-8"))
    assert {row["difference"] for row in (*record["parts"], *record["words"])} == {0.0}
    assert f"open {out}/explanation.html" in done.out


def test_each_model_is_explained_as_it_is_alone(
    world: World, other: Path, image: Path, hairsplit: Hairsplit, tmp_path: Path
) -> None:
    out = tmp_path / "e"
    done = hairsplit("explain", world.model, image, CAPTION, "--versus", other, "--span", "red circle", "-o", out)
    assert done.code == 0, done
    record = json.loads((out / "explanation.json").read_text("utf-8"))
    score = next(row for row in record["parts"] if row["name"] == "= score")
    for key, name, model in (("first", "a", world.model), ("second", "b", other)):
        alone = api.explain(model, image, CAPTION, tmp_path / name, device="cpu")
        made = load_explanation(out / f"{name}.npz")
        assert isinstance(made, Attribution)
        assert made.score == alone["score"] == record[key]["score"]
        assert score[key] == pytest.approx(made.score * load(model).scale.item(), rel=1e-5)
    assert score["difference"] == pytest.approx(score["second"] - score["first"])
    assert score["difference"] != 0
    assert f"{score['first']:>+9.3f}{score['second']:>+9.3f}{score['difference']:>+9.3f}" in done.out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--versus", "gone"], "gone"),
        (["--versus", "{other}", "--against", CAPTION], "the caption and the negative are the same"),
        (["--versus", "{other}", "--span", "green"], "green"),
    ],
)
def test_a_mistake_is_one_message_and_leaves_nothing(
    pair: tuple[Path, Path, Path], hairsplit: Hairsplit, tmp_path: Path, more: list[str], said: str
) -> None:
    model, other, picture = pair
    words = [word.format(other=other) for word in more]
    assert said in refused(hairsplit("explain", model, picture, CAPTION, *words, "-o", tmp_path / "e"))
    assert not list(tmp_path.iterdir())


def test_a_margin_of_both_is_compared_and_same_inputs_give_same_bytes(
    world: World, other: Path, image: Path, tmp_path: Path
) -> None:
    for name in ("x", "y"):
        record = api.explain(world.model, image, CAPTION, tmp_path / name, against=NEGATIVE, versus=other, device="cpu")
        assert record["negative"] == NEGATIVE
    for name in FILES:
        assert (tmp_path / "x" / name).read_bytes() == (tmp_path / "y" / name).read_bytes(), name


def test_a_negative_of_another_length_is_compared_the_indirect_way(
    world: World, other: Path, image: Path, hairsplit: Hairsplit, tmp_path: Path
) -> None:
    out = tmp_path / "e"
    done = hairsplit("explain", world.model, image, CAPTION, "--against", "a circle", "--versus", other, "-o", out)
    assert done.code == 0, done
    assert sorted(file.name for file in out.iterdir()) == FILES
    rows = {row["name"]: row for row in json.loads((out / "explanation.json").read_text("utf-8"))["parts"]}
    whole = rows.pop("= margin")
    rows.pop("margin on the blank image")
    for which in ("first", "second", "difference"):
        assert sum(row[which] for row in rows.values()) == pytest.approx(whole[which], abs=1e-4)
    assert "blank captions of unequal length" in done.out
    assert "unequal numbers of tokens" in done.out
