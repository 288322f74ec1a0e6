"""An evaluation: what a plain loop finds, each thing encoded once, a tie a miss, and files that anyone can read."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.core.tables import PairsTable
from hairsplit.core.types import Edit
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.confusion import edits_json, fooled, strongest
from hairsplit.evaluate.suite import (
    edit_roles,
    item_ids,
    kinds_with_a_say,
    score_pairs,
    summarise,
    validation_metrics,
    warnings_of,
    write_evaluation,
)
from tests.evaluate.test_embed import Counting
from tests.small_world import SHAPE, constant_encoder, made_table, paint, pair

COLOURS = ("red", "green", "blue", "white", "black", "orange", "pink")
THESIS_COLUMNS = [
    *("type", "n", "Avg_Pos", "Avg_Neg", "Margin", "Avg_Rand_Neg"),
    *("Acc@1", "Acc@1.1", "Acc@1.2", "Acc@1.5", "Acc@2", "Acc@3", "Nonpositive"),
]


@pytest.fixture(scope="module")
def encoder() -> DualEncoder:
    return new(SHAPE, seed=1, name="one")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PairsTable:
    """Two kinds of pairs of seven pictures; a tie in lower case, a row without a negative, one with equal texts."""
    folder = tmp_path_factory.mktemp("pairs")
    rows = []
    for n, colour in enumerate(COLOURS):
        name = paint(folder / "images" / f"{n}.png", colour).name
        other = COLOURS[(n + 1) % 7]
        rows.append(pair(name, f"a {colour} wall", f"a {other} wall", "attribute"))
        rows.append(pair(name, f"the wall is {colour}", f"the floor is {colour}"))
        rows.append(pair(name, f"a {colour} wall", f"a {colour} hat"))
    tied = pair("0.png", "a red wall", "A red WALL", "attribute")
    left_out = [pair("1.png", "a wall", None), pair("2.png", "a wall", "a wall")]
    return made_table(folder / "pairs.parquet", [*rows, tied, *left_out], folder / "images")


def plain_cosines(encoder: DualEncoder, table: PairsTable) -> list[tuple[float, float]]:
    """The oracle: picture and texts of each pair encoded anew, one by one, and multiplied out in float64."""

    def text(caption: str) -> torch.Tensor:
        return encoder.encode_text(encoder.tokenize([caption]))[0].double()

    found = []
    with torch.no_grad():
        for row in table.pairs:
            if row.negative is None or row.negative == row.caption:
                continue
            pixels = torch.from_numpy(encoder.preprocess(decode(table.root / row.image)))
            image = encoder.encode_image(pixels[None])[0].double()
            found.append((float(image @ text(row.caption)), float(image @ text(row.negative))))
    return found


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def test_cosines_are_those_of_a_plain_loop(encoder: DualEncoder, table: PairsTable) -> None:
    scores = score_pairs(encoder, table)
    found = np.stack([scores.positive, scores.negative], axis=1)
    np.testing.assert_allclose(found, plain_cosines(encoder, table), atol=1e-6)


def test_each_picture_and_each_text_is_encoded_once(table: PairsTable) -> None:
    made = new(SHAPE)
    counting = Counting(made.model, made.tokenizer, made.preprocess)
    ticks: list[int] = []
    scores = score_pairs(counting, table, tick=ticks.append)
    texts = {text for row in scores.pairs for text in (row.caption, row.negative)}
    assert sum(ticks) == 7 + len(texts)
    assert counting.rows == 7 + len(texts) - 1, "of two texts that differ in case only, the tokens are the same"
    assert len(scores.pairs) == 22


def test_rows_without_a_negative_and_with_equal_texts_are_counted(encoder: DualEncoder, table: PairsTable) -> None:
    assert score_pairs(encoder, table).dropped == {"no_negative": 1, "identical_texts": 1}


def test_a_tie_is_a_miss_and_is_counted(encoder: DualEncoder, table: PairsTable) -> None:
    scores = score_pairs(encoder, table)
    record = summarise(scores)
    hits = scores.positive > scores.negative
    assert not hits[-1], "the same caption in other letters"
    assert (record["overall"]["ties"], record["kinds"]["attribute"]["ties"], record["kinds"]["object"]["ties"]) == (
        *(1, 1),
        0,
    )
    assert record["overall"]["pair_accuracy"]["value"] == pytest.approx(hits.mean())


def test_a_constant_model_scores_nothing(table: PairsTable) -> None:
    scores = score_pairs(constant_encoder(), table)
    record = summarise(scores)
    assert record["overall"]["pair_accuracy"]["value"] == 0
    assert record["overall"]["macro_pair_accuracy"]["value"] == 0
    assert record["overall"]["ties"] == 22
    assert (record["overall"]["margin"]["low"], record["overall"]["margin"]["high"]) == (0, 0)
    assert validation_metrics(constant_encoder(), table)["macro_pair_accuracy"] == 0


def test_the_edits_are_those_of_the_scores(encoder: DualEncoder, table: PairsTable) -> None:
    assert summarise(score_pairs(encoder, table))["edits"] is None, "no edit is known"
    known = [
        replace(row, edit=Edit("object", "wall", "hat") if "hat" in (row.negative or "") else Edit("attribute", "", ""))
        for row in table.pairs[:-3]
    ]
    scores = score_pairs(encoder, replace(table, pairs=[*known, *table.pairs[-3:]]))
    told = summarise(scores, seed=4)["edits"]
    margins, images = scores.positive - scores.negative, [pair.image for pair in scores.pairs]
    roles = edit_roles(scores.pairs)
    assert "" in roles
    cells = fooled(margins, [pair.kind for pair in scores.pairs], roles, images, seed=4)
    assert told == edits_json(cells, strongest(margins, roles, images, seed=4))
    assert sum(cell["share"]["n"] for cell in told["fooled"] if cell["kind"] is None) == sum(map(bool, roles))


def test_what_float32_cannot_tell_apart_is_a_tie(encoder: DualEncoder, table: PairsTable) -> None:
    """Of a constant model, the noise of its sums would be right every other time."""
    noisy = constant_encoder()
    norm = noisy.model.text_model.final_layer_norm
    norm.weight.data.fill_(1e-8)
    scores = score_pairs(noisy, table)
    assert (scores.positive == scores.negative).all()
    real = score_pairs(encoder, table)
    assert np.abs(real.positive - real.negative)[:-1].min() > 0


def test_numbers_are_means_over_the_right_rows(encoder: DualEncoder, table: PairsTable) -> None:
    scores = score_pairs(encoder, table)
    record = summarise(scores)
    kinds = np.array([row.kind for row in scores.pairs])
    hits, margin = scores.positive > scores.negative, scores.positive - scores.negative
    for kind in ("attribute", "object"):
        part = record["kinds"][kind]
        assert part["pair_accuracy"]["value"] == pytest.approx(hits[kinds == kind].mean())
        assert part["margin"]["value"] == pytest.approx(margin[kinds == kind].mean())
        assert part["avg_pos"]["value"] == pytest.approx(scores.positive[kinds == kind].mean())
        assert part["pair_accuracy"]["n"] == (kinds == kind).sum()
        assert part["pair_accuracy"]["chance"] == 0.5
        assert part["avg_rand_neg"]["n"] == 7, "one random negative per picture"
    macro = np.mean([hits[kinds == kind].mean() for kind in ("attribute", "object")])
    assert record["overall"]["macro_pair_accuracy"]["value"] == pytest.approx(macro)
    assert record["sources"]["made by hand"]["pair_accuracy"] == record["overall"]["pair_accuracy"]
    watched = validation_metrics(encoder, table)
    assert watched["macro_pair_accuracy"] == pytest.approx(macro)
    assert watched["pair_accuracy/object"] == pytest.approx(hits[kinds == "object"].mean())


def test_kinds_of_few_pairs_have_no_say_in_what_is_best(encoder: DualEncoder, table: PairsTable) -> None:
    assert kinds_with_a_say(["b"] * 30 + ["c"] * 29 + ["a"] * 31) == ["a", "b"]
    assert kinds_with_a_say(["b"] * 3 + ["a"]) == ["a", "b"], "where all have few, all have"
    first = next(pair for pair in table.pairs if pair.negative is not None)
    many = replace(table, pairs=(*table.pairs, *(replace(first, kind="many") for _ in range(30))))
    watched = validation_metrics(encoder, many)
    assert {"pair_accuracy/attribute", "pair_accuracy/object"} < set(watched), "each is still logged"
    assert watched["macro_pair_accuracy"] == watched["pair_accuracy/many"]


def test_intervals_hold_their_value_and_are_unknown_for_one_picture(encoder: DualEncoder, table: PairsTable) -> None:
    part = summarise(score_pairs(encoder, table))["overall"]["pair_accuracy"]
    assert part["low"] < part["value"] < part["high"]
    one = replace(table, pairs=tuple(row for row in table.pairs if row.image == "1.png"))
    record = summarise(score_pairs(encoder, one))
    assert (record["overall"]["pair_accuracy"]["low"], record["overall"]["pair_accuracy"]["high"]) == (None, None)
    assert record["overall"]["avg_rand_neg"] is None
    json.dumps(record, allow_nan=False)


def written(folder: Path, encoder: DualEncoder, table: PairsTable) -> dict[str, Any]:
    folder.mkdir()
    scores = score_pairs(encoder, table)
    write_evaluation(folder, scores, summarise(scores) | {"warnings": warnings_of(scores)})
    found: dict[str, Any] = json.loads((folder / "metrics.json").read_text("utf-8"))
    return found


def test_the_numbers_are_plain_json(tmp_path: Path, encoder: DualEncoder, table: PairsTable) -> None:
    one = replace(table, pairs=table.pairs[:1])
    for name, part in (("all", table), ("one", one)):
        written(tmp_path / name, encoder, part)
        text = (tmp_path / name / "metrics.json").read_text("utf-8")
        assert json.loads(text, parse_constant=refuse)["version"] == 1


def test_the_csv_has_the_columns_and_the_rows_of_the_thesis(
    tmp_path: Path, encoder: DualEncoder, table: PairsTable
) -> None:
    record = written(tmp_path / "e", encoder, table)
    with (tmp_path / "e" / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == THESIS_COLUMNS
    assert [row["type"] for row in rows] == ["attribute", "object", "overall"]
    assert [int(row["n"]) for row in rows] == [8, 14, 22]
    assert float(rows[2]["Margin"]) == pytest.approx(record["overall"]["margin"]["value"])
    assert float(rows[2]["Acc@1.1"]) == pytest.approx(record["overall"]["acc@1.1"]["value"])
    assert float(rows[2]["Avg_Rand_Neg"]) == pytest.approx(record["overall"]["avg_rand_neg"]["value"])


def test_every_item_is_kept_and_the_numbers_follow_from_them(
    tmp_path: Path, encoder: DualEncoder, table: PairsTable
) -> None:
    record = written(tmp_path / "e", encoder, table)
    items = pq.read_table(tmp_path / "e" / "scores.parquet").to_pydict()
    assert len(items["id"]) == len(set(items["id"])) == 22
    assert items["caption"][0] == "a red wall"
    assert items["negative"][0] == "a green wall"
    hits = np.array(items["positive_cosine"]) > np.array(items["negative_cosine"])
    assert record["overall"]["pair_accuracy"]["value"] == pytest.approx(hits.mean())
    random = pq.read_table(tmp_path / "e" / "random.parquet").to_pydict()
    assert random["image"] == [f"{n}.png" for n in range(7)]
    assert np.mean(random["cosine"]) == pytest.approx(record["overall"]["avg_rand_neg"]["value"])


def test_the_items_of_two_models_can_be_joined_by_id(tmp_path: Path, encoder: DualEncoder, table: PairsTable) -> None:
    other = new(SHAPE, seed=2)
    items = []
    for name, model in (("a", encoder), ("b", other)):
        written(tmp_path / name, model, table)
        items.append(pq.read_table(tmp_path / name / "scores.parquet").to_pydict())
    assert items[0]["id"] == items[1]["id"]
    assert items[0]["positive_cosine"] != items[1]["positive_cosine"]


def test_item_ids_depend_on_nothing_but_the_rows_of_their_own_image_and_kind() -> None:
    rows = [pair("a.png", kind="x"), pair("a.png", "other", kind="x"), pair("a.png", kind="y"), pair("b.png", kind="x")]
    assert item_ids(rows) == ["a.png/x/0", "a.png/x/1", "a.png/y/0", "b.png/x/0"]
    assert item_ids(rows[:2]) == item_ids(rows)[:2]
    assert item_ids(rows[3:]) == item_ids(rows)[3:]


def test_the_same_evaluation_writes_the_same_bytes(tmp_path: Path, encoder: DualEncoder, table: PairsTable) -> None:
    for name in ("a", "b"):
        written(tmp_path / name, encoder, table)
    for file in ("scores.parquet", "random.parquet", "metrics.csv", "metrics.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_reader_is_warned_of_ratios_that_invert(encoder: DualEncoder, table: PairsTable) -> None:
    scores = score_pairs(encoder, table)
    negative = int(((scores.positive <= 0) | (scores.negative <= 0)).sum())
    assert negative > 0, "random models have such cosines"
    assert warnings_of(scores) == [
        f"overall: {negative} of 22 pairs have a cosine <= 0, where the ratio of Acc@τ inverts"
    ]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "it has no rows"),
        ([pair("0.png", negative=None)], "1 x no_negative"),
        ([pair("0.png", "a", "a"), pair("0.png", negative=None)], "1 x identical_texts, 1 x no_negative"),
    ],
)
def test_nothing_to_evaluate_is_an_error_that_counts_why(
    encoder: DualEncoder, table: PairsTable, rows: list[Any], reason: str
) -> None:
    with pytest.raises(HairsplitError, match="no pair to evaluate") as caught:
        score_pairs(encoder, replace(table, pairs=tuple(rows)))
    assert reason in caught.value.message
    assert caught.value.where == str(table.path)


@pytest.mark.parametrize(("name", "message"), [("gone.png", "no such picture"), ("torn.png", "broken picture")])
def test_a_missing_or_broken_picture_is_named(
    tmp_path: Path, encoder: DualEncoder, table: PairsTable, name: str, message: str
) -> None:
    whole = paint(tmp_path / "0.png", "red").read_bytes()
    (tmp_path / "torn.png").write_bytes(whole[: len(whole) // 2])
    broken = replace(table, root=tmp_path, pairs=(pair("0.png"), pair(name)))
    with pytest.raises(HairsplitError, match=message) as caught:
        score_pairs(encoder, broken)
    assert caught.value.where == str(tmp_path / name)


def test_a_model_that_has_diverged_is_an_error_and_no_number(table: PairsTable) -> None:
    spoilt = new(SHAPE)
    spoilt.model.text_projection.weight.data.fill_(float("nan"))
    with pytest.raises(HairsplitError, match="are not finite"):
        score_pairs(spoilt, table)
