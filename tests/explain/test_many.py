"""A table explained: the same numbers as pair by pair, the same bytes after a kill, and what is left out."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Pair
from hairsplit.encoders.dual_encoder import DualEncoder
from hairsplit.explain import contrast_captions, explain_many, explainer_of, lines
from hairsplit.explain.config import Preset
from hairsplit.explain.explainer import Explainer
from hairsplit.explain.many import Many, explained_meta
from hairsplit.explain.margin_row import margin_row
from tests.explain.linear import subject
from tests.explain.small import encoder
from tests.small_world import pair, write_table

TEXTS = (("a red dog", "a blue dog"), ("a red dog", "a dog"), ("two dogs", "two cats"))
"""The second pair is of unequal length."""
KEPT = ("pairs.parquet", "plan.json")
NUMBERS = ("margin", "on_blank_image", "with_image", "edited_with_image", "heat", "blank_margin", "reference_shift")


def table(folder: Path, pairs: Sequence[Pair] | None = None, name: str = "pairs") -> Path:
    """Four pictures of noise, three pairs each, as a pairs table."""
    for number in range(4):
        path = folder / "images" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        draw = np.random.default_rng(number)
        Image.fromarray(draw.integers(0, 255, (16, 20, 3), dtype=np.uint8)).save(path)
    made = [pair(f"{number}.png", *texts, kind=f"kind {n % 2}") for number in range(4) for n, texts in enumerate(TEXTS)]
    return write_table(folder / f"{name}.parquet", made if pairs is None else pairs, folder / "images")


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    return encoder()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, model: DualEncoder) -> Many:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("many")
    return explain_many(explainer_of(model), table(folder), folder / "whole")


def rows(made: Many) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(made.pairs).to_pylist()
    return found


def texts_of(row: dict[str, Any]) -> tuple[str, ...]:
    return row["image"], row["caption"], row["negative"]


@pytest.mark.parametrize(("double", "tolerance"), [(True, 1e-12), (False, 1e-6)])
@pytest.mark.parametrize("options", [{}, {"indirect": True}, {"keep_factors": True}])
def test_numbers_are_those_of_pair_by_pair(
    double: bool, tolerance: float, options: dict[str, Any], tmp_path: Path
) -> None:
    model = encoder() if double else encoder().float()
    file = table(tmp_path)
    found = rows(explain_many(explainer_of(model), file, tmp_path / "out", **options))
    assert len(found) == 12
    for row in found:
        alone = explainer_of(model)  # nothing kept from other pairs
        side = alone.image_side(tmp_path / "images" / row["image"], keep_factors=options.get("keep_factors", False))
        one = contrast_captions(alone, side, row["caption"], row["negative"], indirect=options.get("indirect", False))
        expected = margin_row(row["row"], pair(*texts_of(row)), one)
        for name in NUMBERS:
            assert row[name] == pytest.approx(expected[name], abs=tolerance), name


def test_parts_add_up_to_the_margin_of_the_models_own_scores(made: Many, model: DualEncoder) -> None:
    """Both captions' cosines by the encoder itself; parts within five tolerances."""
    root = made.pairs.parent.parent / "images"
    for row in rows(made):
        pixels = model.preprocess(Image.open(root / row["image"]))
        scores = [score(model, pixels, row[side]) for side in ("caption", "negative")]
        assert row["margin"] == pytest.approx(scores[0] - scores[1], abs=1e-9)
        parts = row["on_blank_image"] + row["with_image"] + row["reference_shift"]
        assert parts == pytest.approx(row["margin"], abs=5e-3)
        assert parts - row["margin"] == pytest.approx(row["gap"], abs=1e-12)


def score(model: DualEncoder, pixels: Any, text: str) -> float:
    with torch.no_grad():
        image = model.model.get_image_features(torch.from_numpy(pixels)[None].double()).pooler_output
        words = model.model.get_text_features(model.tokenize([text])).pooler_output
    return float(torch.nn.functional.cosine_similarity(image, words))


def test_both_ways_are_there_and_unchanged_words_add_nothing_in_the_direct_one(made: Many) -> None:
    found = rows(made)
    assert {row["way"] for row in found} == {"direct", "indirect"}
    for row in found:
        if row["way"] == "direct":
            assert row["edited_with_image"] == pytest.approx(row["with_image"], abs=1e-12)
            assert row["reference_shift"] == 0


def test_killed_at_any_byte_it_goes_on_to_the_same_bytes(made: Many, model: DualEncoder, tmp_path: Path) -> None:
    """What a kill leaves is a prefix of the journal, whose bytes but for the seconds are always the same."""
    file = made.pairs.parent.parent / "pairs.parquet"
    full = journal_of(model, file, tmp_path)
    lines = full.splitlines(keepends=True)
    assert len(lines) == 4
    for end, done in ((0, 0), (5, 0), (len(lines[0]) - 1, 0), (len(lines[0]), 1), (len(full) - 1, 3), (len(full), 4)):
        out = tmp_path / f"cut{end}"
        out.mkdir()
        (out / "plan.json").write_bytes((made.pairs.parent / "plan.json").read_bytes())
        (out / "done.jsonl").write_bytes(full[:end])
        (out / ".pairs.parquet.half").write_bytes(b"PAR1")
        again = explain_many(explainer_of(model), file, out)
        assert again.went_on_from == done
        same_bytes(again, made)


def journal_of(model: DualEncoder, file: Path, folder: Path) -> bytes:
    """The lines of a run, caught by a picture reader that fails behind the last one."""
    process = child(file, folder / "caught", kill_behind=4)
    assert process.returncode == -signal.SIGKILL
    return (folder / "caught" / "done.jsonl").read_bytes()


def same_bytes(one: Many, other: Many) -> None:
    for name in KEPT:
        assert (one.pairs.parent / name).read_bytes() == (other.pairs.parent / name).read_bytes(), name
    assert sorted(child.name for child in one.pairs.parent.iterdir()) == [*KEPT[:2], "seconds.parquet"]


def child(file: Path, out: Path, *, kill_behind: int) -> "subprocess.CompletedProcess[bytes]":
    """A process of its own that explains the table, and kills itself with SIGKILL behind some picture."""
    script = f"""
import os, signal, sys, torch
from pathlib import Path
torch.set_num_threads(1)
from hairsplit.explain import explain_many, explainer_of
from hairsplit.explain.journal import Journal
from tests.explain.small import encoder
add = Journal.add
def dying(self, number, done):
    add(self, number, done)
    if number + 1 == {kill_behind}:
        with self.path.open("ab") as half:
            half.write(b'{{"picture": ' * ({kill_behind} < 4))
        os.kill(os.getpid(), signal.SIGKILL)
Journal.add = dying
explain_many(explainer_of(encoder()), Path({str(file)!r}), Path({str(out)!r}))
"""
    return subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=False, timeout=240)


def test_a_process_killed_midway_is_gone_on_with(made: Many, model: DualEncoder, tmp_path: Path) -> None:
    file = made.pairs.parent.parent / "pairs.parquet"
    assert child(file, tmp_path / "out", kill_behind=2).returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "pairs.parquet").exists()
    again = explain_many(explainer_of(model), file, tmp_path / "out")
    assert again.went_on_from == 2
    same_bytes(again, made)


def test_what_is_done_is_not_done_again(made: Many, model: DualEncoder) -> None:
    before = made.pairs.stat().st_mtime_ns
    (made.pairs.parent / "done.jsonl").write_bytes(b"")  # killed between the last table and tidying up
    again = explain_many(explainer_of(model), made.pairs.parent.parent / "pairs.parquet", made.pairs.parent)
    assert made.pairs.stat().st_mtime_ns == before
    assert again.dropped == made.dropped
    same_bytes(again, made)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"preset": "pixels"}, "settings.image_layer was -2, is now 0"),
        ({"seed": 1}, "seed was 0, is now 1"),
        ({"indirect": True}, "indirect was false, is now true"),
        ({"model": 1}, "model was"),
    ],
)
def test_another_model_or_setting_is_refused(change: dict[str, Any], said: str, made: Many) -> None:
    more = {name: change[name] for name in ("seed", "indirect") if name in change}
    explainer = explainer_of(encoder(seed=change.get("model", 0)), change.get("preset", "words"))
    with pytest.raises(HairsplitError, match="a run of something else") as error:
        explain_many(explainer, made.pairs.parent.parent / "pairs.parquet", made.pairs.parent, **more)
    assert said in str(error.value)


def test_another_table_is_refused(made: Many, model: DualEncoder, tmp_path: Path) -> None:
    other = table(tmp_path, [pair("0.png", *TEXTS[0])])
    with pytest.raises(HairsplitError, match=r"table was .*, is now"):
        explain_many(explainer_of(model), other, made.pairs.parent)


def test_the_order_of_the_rows_changes_no_number(made: Many, model: DualEncoder) -> None:
    folder = made.pairs.parent.parent
    pairs = [
        pair(f"{number}.png", *texts, kind=f"kind {n % 2}") for n, texts in enumerate(TEXTS) for number in (2, 0, 3, 1)
    ]
    other = explain_many(explainer_of(model), table(folder, pairs[::-1], "shuffled"), folder / "shuffled")
    one, two = ({texts_of(row): row | {"row": 0} for row in rows(run)} for run in (made, other))
    assert one == two


def test_a_sample_has_the_numbers_of_the_whole(made: Many, model: DualEncoder, tmp_path: Path) -> None:
    file = made.pairs.parent.parent / "pairs.parquet"
    found = rows(explain_many(explainer_of(model), file, tmp_path / "few", sample=2))
    assert sorted(row["kind"] for row in found) == ["kind 0"] * 2 + ["kind 1"] * 2
    whole = {row["row"]: row for row in rows(made)}
    assert all(row == whole[row["row"]] for row in found)


@pytest.mark.parametrize("preset", ["fast", "words"])
def test_a_pairs_bits_are_its_own_whatever_else_is_explained(preset: Preset, tmp_path: Path) -> None:
    """In single precision, in which a matrix product over several pairs would show: each pair in a table of its own."""
    model = encoder().float()
    pairs = [pair("0.png", *texts) for texts in (*TEXTS, ("a red dog", "a red cat"), ("a dog", "a big dog"))]
    whole = rows(explain_many(explainer_of(model, preset), table(tmp_path, pairs), tmp_path / "whole"))
    assert len(whole) == 5
    for number, (one, row) in enumerate(zip(pairs, whole, strict=True)):
        alone = explain_many(explainer_of(model, preset), table(tmp_path, [one], "one"), tmp_path / f"out{number}")
        assert rows(alone) == [row | {"row": 0}]


def test_a_pictures_graphs_are_made_once_for_all_its_pairs(
    model: DualEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, vjp = [], torch.func.vjp

    def counted(*given: Any) -> Any:
        made.append(0)
        return vjp(*given)

    monkeypatch.setattr(lines, "vjp", counted)
    explainer = explainer_of(model, rule="gauss", nodes=8)
    explain_many(explainer, table(tmp_path), tmp_path / "out")
    assert len(made) == 4  # one of eight nodes for each picture


def test_what_cannot_be_explained_is_left_out_and_counted(model: DualEncoder, tmp_path: Path) -> None:
    table(tmp_path)
    (tmp_path / "images" / "torn.png").write_bytes(b"no picture")
    pairs = [
        pair("0.png", *TEXTS[0]),
        pair("0.png", "a dog", None),
        pair("0.png", "a Dog", "a dog"),
        pair("0.png", "  ", "a dog"),
        pair("0.png", "a dog", "dog " * 90),
        pair("gone.png", *TEXTS[0]),
        pair("gone.png", *TEXTS[2]),
        pair("torn.png", *TEXTS[0]),
        pair("../images/0.png", *TEXTS[0]),
    ]
    made = explain_many(explainer_of(model), table(tmp_path, pairs), tmp_path / "out")
    assert len(rows(made)) == 1
    assert made.dropped == {
        "no negative": 1,
        "caption and negative are the same": 1,
        "empty caption": 1,
        "too long for the model": 1,
        "picture missing": 2,
        "picture broken": 1,
        "picture outside of the images root": 1,
    }
    assert explained_meta(made.pairs)["dropped"] == made.dropped


def test_without_any_picture_it_says_where_it_looked(model: DualEncoder, tmp_path: Path) -> None:
    file = table(tmp_path, [pair("gone.png", *TEXTS[0])])
    with pytest.raises(HairsplitError, match="none of the first 1 pictures is in") as error:
        explain_many(explainer_of(model), file, tmp_path / "out")
    assert "--images" in str(error.value)


def test_if_nothing_can_be_explained_the_reasons_are_told_and_it_can_be_tried_again(
    model: DualEncoder, tmp_path: Path
) -> None:
    file = table(tmp_path, [pair("0.png", *TEXTS[0])])
    good = (tmp_path / "images" / "0.png").read_bytes()
    (tmp_path / "images" / "0.png").write_bytes(b"torn")
    with pytest.raises(HairsplitError, match="no pair can be explained: picture broken 1"):
        explain_many(explainer_of(model), file, tmp_path / "out")
    (tmp_path / "images" / "0.png").write_bytes(good)
    assert len(rows(explain_many(explainer_of(model), file, tmp_path / "out"))) == 1


def test_a_file_that_holds_no_explained_pairs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="holds no explained pairs"):
        explained_meta(table(tmp_path))


def test_a_model_of_another_library_is_explained_too(tmp_path: Path) -> None:
    """The linear encoder that can be worked out by hand: red against green on a red and a green picture."""
    (tmp_path / "images").mkdir()
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        Image.new("RGB", (6, 6), colour).save(tmp_path / "images" / f"{name}.png")
    pairs = [pair(f"{name}.png", "red square", "green square") for name in ("red", "green")]
    file = write_table(tmp_path / "pairs.parquet", pairs, tmp_path / "images")
    explainer = Explainer(subject(), explainer_of(subject(), text_layer=0, image_layer=0, score="dot").config)
    margins = [row["margin"] for row in rows(explain_many(explainer, file, tmp_path / "out"))]
    assert margins == pytest.approx([0.5, -0.5])
