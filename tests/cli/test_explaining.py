"""`hairsplit explain` on the command line: files, what is told, and mistakes."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from hairsplit import api
from hairsplit.core.attribution import Attribution, Contrast
from hairsplit.core.attribution_file import load_explanation
from tests.cli.conftest import Hairsplit, refused
from tests.small_world import World

CAPTION, NEGATIVE = "a red circle", "a blue circle"
FILES = ["explanation.html", "explanation.json", "explanation.npz", "explanation.png", "explanation.svg"]


def picture(world: World) -> Path:
    return sorted((world.drawn / "images").iterdir())[0]


@pytest.fixture(scope="module")
def image(world: World) -> Path:
    return picture(world)


def test_a_caption_is_explained_in_five_files(world: World, image: Path, hairsplit: Hairsplit, tmp_path: Path) -> None:
    out = tmp_path / "e"
    done = hairsplit("explain", world.model, image, CAPTION, "--span", "red circle", "--preset", "pixels", "-o", out)
    assert done.code == 0, done
    assert sorted(file.name for file in out.iterdir()) == FILES
    record = json.loads((out / "explanation.json").read_text("utf-8"))
    made = load_explanation(out / "explanation.npz")
    assert isinstance(made, Attribution)
    assert record["score"] == pytest.approx(made.score)
    assert record["preset"] == "pixels"
    assert record["config"]["image_layer"] == 0
    numbers = [float(n) for n in re.findall(r"^  .{34}([+-]\d\.\d{4})", done.out, re.MULTILINE)]
    assert round(sum(numbers[:5]), 4) == round(made.score, 4)
    assert done.out.startswith(f"score {made.score:+.4f}")
    assert f"'red circle'{'':<22}{numbers[-1]:+.4f}" in done.out
    assert f"open {out}/explanation.html" in done.out


def test_of_a_contrast_the_words_that_differ_are_told(
    world: World, image: Path, hairsplit: Hairsplit, tmp_path: Path
) -> None:
    done = hairsplit("explain", world.model, image, CAPTION, "--against", NEGATIVE, "-o", tmp_path / "e")
    assert done.code == 0, done
    made = load_explanation(tmp_path / "e" / "explanation.npz")
    assert isinstance(made, Contrast)
    assert done.out.startswith(f"margin {made.margin:+.4f}")
    assert "words on the blank image" in done.out
    if made.direct is not None:
        assert made.positive_side is not None
        assert made.negative_side is not None
        assert made.margin == pytest.approx(made.positive_side.score - made.negative_side.score, abs=1e-6)


def test_unequal_lengths_are_told_of(world: World, image: Path, hairsplit: Hairsplit, tmp_path: Path) -> None:
    done = hairsplit("explain", world.model, image, CAPTION, "--against", "a circle", "-o", tmp_path / "e")
    assert "unequal numbers of tokens" in done.out
    assert "blank captions of unequal length" in done.out


def test_same_inputs_same_bytes(world: World, image: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        api.explain(world.model, image, CAPTION, tmp_path / name, against=NEGATIVE, spans=[(1, 2)], device="cpu")
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_a_layer_of_ones_own_is_taken(world: World, image: Path, tmp_path: Path) -> None:
    record = api.explain(
        world.model, image, CAPTION, tmp_path / "e", text_layer=-1, image_layer=0, tolerance=0.01, device="cpu"
    )
    config = record["config"]
    assert (config["text_layer"], config["image_layer"], config["tolerance"]) == (1, 0, 0.01)
    assert record["sides"][0]["words"][-1]["word"] == "start and end"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"image": "gone.png"}, ("gone.png", "no such picture")),
        ({"image": "{model}/config.json"}, ("not a picture",)),
        ({"caption": "  "}, ("CAPTION: the caption is empty",)),
        ({"more": ["--against", ""]}, ("--against: the caption is empty",)),
        ({"more": ["--against", CAPTION]}, ("the caption and the negative are the same",)),
        ({"more": ["--span", "cat"]}, ("'cat' is not in the caption", "0: a, 1: red, 2: circle")),
        ({"more": ["--span", "2:4"]}, ("no words 2 to 4", "0: a, 1: red, 2: circle")),
        ({"caption": "red or red", "more": ["--span", "red"]}, ("2 times", "(0, 1) or (2, 3)")),
        ({"more": ["--preset", "pixel"]}, ("--preset: no preset is called 'pixel'", "did you mean 'pixels'?")),
        ({"more": ["--tolerance", "2"]}, ("tolerance=2.0 is not in (0, 1)",)),
        ({"more": ["--text-layer", "9"]}, ("layer",)),
        ({"model": "tniy"}, ("no such file or folder", "did you mean 'tiny'?")),
        ({"out": "{drawn}"}, ("exists already",)),
    ],
)
def test_mistakes_are_one_clear_message_and_leave_nothing(
    changes: dict[str, Any], said: tuple[str, ...], world: World, hairsplit: Hairsplit, tmp_path: Path
) -> None:
    words = {
        "model": str(world.model),
        "image": str(picture(world)),
        "caption": CAPTION,
        "out": str(tmp_path / "e"),
    } | {key: value.format(model=world.model, drawn=world.drawn) for key, value in changes.items() if key != "more"}
    done = hairsplit(
        "explain", words["model"], words["image"], words["caption"], "-o", words["out"], *changes.get("more", [])
    )
    message = refused(done)
    for part in said:
        assert part in message
    assert not (tmp_path / "e").exists()
