"""What a table's margins are made of: sums by hand, heat in boxes by hand, going on after a stop, mistakes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hairsplit import api
from hairsplit._verbs.explaining_many import summary_of
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import KEY
from hairsplit.core.types import Edit, Pair
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.statistics import clustered_mean, estimate_json
from hairsplit.explain import Explainer, explain_many
from hairsplit.explain.config import ExplainConfig
from hairsplit.explain.journal import Journal
from hairsplit.explain.margin_row import COLUMNS, SCHEMA
from tests.explain.linear import subject
from tests.small_world import SHAPE, paint, pair, write_table

PLAN = {
    "names": {"model": "m", "table": "t.parquet"},
    "model": "abc",
    "table": "def",
    "settings": {"score": "cosine"},
    "indirect": False,
    "sample": 5,
    "seed": 7,
    "pairs": 4,
    "logit_scale": 10.0,
}
BLANK: dict[str, Any] = {
    name: "" if field.type == pa.string() else 0 if field.type == pa.int64() else 0.0 for name, field in COLUMNS.items()
}
UNBOXED: dict[str, Any] = {"box": "no boxes in the table", "heat_inside": None, "positive_heat_inside": None}


def row(kind: str, image: str, parts: tuple[float, float], **more: Any) -> dict[str, Any]:
    """A row whose margin is the sum of `parts`, on the blank image and with the image; the edited words carry it."""
    blank, seen = parts
    made = BLANK | {"kind": kind, "image": image, "image_id": image, "way": "direct", "box": "yes", "box_area": 0.5}
    made |= {"on_blank_image": blank, "with_image": seen, "margin": blank + seen, "blank_margin": blank}
    return made | {"edited_on_blank_image": blank, "edited_with_image": seen} | more


ROWS = (
    row("colour", "a", (0.1, 0.4), positive_heat=0.8, positive_heat_inside=0.6, box_area=0.25, gap=-3e-3),
    row("colour", "a", (-0.3, 0.1), positive_heat=0.2, positive_heat_inside=0.1, residual_text=2e-4),
    row("colour", "b", (0.25, -0.25), positive_heat=9.0, box_area=None, blank_margin=0.0, gap=1e-3, **UNBOXED),
    row("count", "a", (0.2, 0.3), way="indirect", margin=0.6, reference_shift=0.1, residual_image=5e-4)
    | {"edited_on_blank_image": 0.1, "edited_with_image": 0.2, "positive_heat_inside": 0.0},
)
"""The third is a tie, with the image and without; boxes are unknown there. The last has no positive heat."""


@pytest.fixture(scope="module")
def summary(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("summary") / "pairs.parquet"
    meta = json.dumps({"plan": PLAN, "dropped": {"picture missing": 2}}).encode()
    pq.write_table(pa.Table.from_pylist(list(ROWS), schema=SCHEMA.with_metadata({KEY: meta})), file)
    return summary_of(file)


def value(summary: dict[str, Any], kind: str, name: str) -> float:
    found: float = summary["kinds"][kind][name]["value"]
    return found


def test_means_and_shares_of_a_kind_are_those_worked_out_by_hand(summary: dict[str, Any]) -> None:
    assert list(summary["kinds"]) == ["colour", "count"]
    expected = {
        "pair_accuracy": 1 / 3,  # the tie is a miss
        "blank_accuracy": 1 / 3,
        "margin": (0.5 - 0.2 + 0) / 3,
        "on_blank_image": (0.1 - 0.3 + 0.25) / 3,
        "with_image": (0.4 + 0.1 - 0.25) / 3,
        "reference_shift": 0.0,
        "blank_share": (0.1 - 0.3 + 0.25) / (0.5 - 0.2 + 0),
        "blank_weight": (0.1 + 0.3 + 0.25) / (0.5 + 0.4 + 0.5),
        "edited_share": 1.0,
        "heat_inside": (0.6 + 0.1) / (0.8 + 0.2),  # the pair without a box is left out
    }
    for name, number in expected.items():
        assert value(summary, "colour", name) == pytest.approx(number, abs=1e-12), name
    assert summary["kinds"]["colour"]["heat_inside"]["chance"] == pytest.approx(0.8 * 0.25 + 0.2 * 0.5)
    assert value(summary, "count", "edited_share") == pytest.approx(0.3 / 0.6)
    assert value(summary, "count", "blank_share") == pytest.approx(0.2 / 0.6)
    assert value(summary, "count", "reference_shift") == pytest.approx(0.1)


def test_all_pairs_weigh_the_same_whatever_their_kind(summary: dict[str, Any]) -> None:
    whole = summary["overall"]
    assert whole["pairs"] == 4
    assert whole["images"] == 2
    assert whole["pair_accuracy"]["value"] == 2 / 4
    assert whole["edited_share"]["value"] == pytest.approx((0.3 + 0.3) / (0.3 + 0.6))
    assert whole["heat_inside"]["value"] == pytest.approx(0.7)  # one without positive heat has no weight


def test_pairs_are_counted_by_way_and_by_box_and_the_worst_is_told(summary: dict[str, Any]) -> None:
    colour, count = summary["kinds"]["colour"], summary["kinds"]["count"]
    assert (colour["pairs"], colour["images"], colour["direct"], colour["indirect"]) == (3, 2, 3, 0)
    assert (count["pairs"], count["images"], count["direct"], count["indirect"]) == (1, 1, 0, 1)
    assert (colour["with_box"], colour["without_box"]) == (2, {"no boxes in the table": 1})
    assert count["heat_inside"] is None
    assert colour["gap"] == {"largest": 3e-3, "mean": pytest.approx((3e-3 + 0 + 1e-3) / 3)}
    assert (colour["residual"], count["residual"], summary["overall"]["residual"]) == (2e-4, 5e-4, 5e-4)


def test_intervals_are_of_whole_pictures_with_the_seed_and_chance_is_told(summary: dict[str, Any]) -> None:
    images = ["a", "a", "b"]
    colour = summary["kinds"]["colour"]
    assert colour["pair_accuracy"] == estimate_json(clustered_mean([1, 0, 0], images, chance=0.5, seed=7))
    means = clustered_mean([0.5, 0.1 - 0.3, 0.0], images, share=False, seed=7)
    assert colour["margin"] == pytest.approx(estimate_json(means))
    count = summary["kinds"]["count"]
    assert count["margin"]["low"] is count["margin"]["high"] is None  # of one picture nothing is known


def test_what_was_asked_for_and_left_out_is_told(summary: dict[str, Any]) -> None:
    assert summary["model"] == {"name": "m", "hash": "abc"}
    assert summary["data"] == {"name": "t.parquet", "hash": "def", "chosen": 4}
    assert summary["dropped"] == {"picture missing": 2}
    told = {name: summary[name] for name in ("sample", "seed", "indirect", "settings", "logit_scale")}
    assert told == {name: PLAN[name] for name in told}


def test_heat_in_the_edited_objects_box_is_that_of_the_linear_encoder(tmp_path: Path) -> None:
    """Heat of a patch is (red - green) / (2 words x 6 patches); of 3 px each, the first lies in the subject's box.

    Red patches: two; green: one. The object's box holds the other red one, and is of no concern.
    """
    cells = np.zeros((2, 3, 3), np.uint8)
    cells[0, 0, 0] = cells[1, 1, 0] = cells[0, 2, 1] = 255
    (tmp_path / "images").mkdir()
    Image.fromarray(cells.repeat(3, 0).repeat(2, 1)).save(tmp_path / "images" / "a.png")
    boxes = [{"id": "0", "noun": "n", "w": 3, "h": 3, "role": "subject", "x": 0, "y": 0}]
    boxes.append({"id": "1", "noun": "n", "w": 3, "h": 3, "role": "object", "x": 3, "y": 3})

    def edited(role: str) -> Pair:
        more: dict[str, Any] = {"boxes": json.dumps(boxes), "edit": Edit(role, "red", "green")}
        one = pair("a.png", "red square", "green square", kind=role)
        return Pair(**{name: getattr(one, name) for name in one.__dataclass_fields__} | more)

    file = write_table(tmp_path / "pairs.parquet", map(edited, ("subject", "roles")), tmp_path / "images")
    explainer = Explainer(subject(), ExplainConfig(text_layer=0, image_layer=0, score="dot"))
    made = explain_many(explainer, file, tmp_path / "out")
    one, both = pq.read_table(made.pairs).to_pylist()
    assert one["margin"] == pytest.approx(1 / 12)  # two red patches less a green one
    assert one["heat"] == pytest.approx(1 / 12)
    assert one["positive_heat"] == both["positive_heat"] == pytest.approx(2 / 12)
    assert (one["heat_inside"], one["positive_heat_inside"]) == (pytest.approx(1 / 12), pytest.approx(1 / 12))
    assert both["positive_heat_inside"] == pytest.approx(2 / 12)
    summary = summary_of(made.pairs)
    assert value(summary, "subject", "heat_inside") == pytest.approx(0.5)
    assert value(summary, "roles", "heat_inside") == pytest.approx(1.0)
    assert summary["kinds"]["subject"]["heat_inside"]["chance"] == pytest.approx(one["box_area"])
    for kind in ("subject", "roles"):
        assert value(summary, kind, "edited_share") == pytest.approx(1.0)
        assert value(summary, kind, "blank_weight") == 0.0  # grey is 0 here: on it every text scores 0


@pytest.fixture(scope="module")
def model() -> DualEncoder:
    return new(SHAPE)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    for name, colour in (("a", "red"), ("b", "green")):
        paint(tmp_path / "images" / f"{name}.png", colour)
    pairs = [pair(f"{name}.png", "a cat", text) for name in "ab" for text in ("a dog", "two cats")]
    return write_table(tmp_path / "pairs.parquet", pairs, tmp_path / "images")


def test_stopped_anywhere_it_goes_on_to_the_same_files(
    model: DualEncoder, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = api.explain_pairs(model, table, tmp_path / "whole", preset="fast")
    assert told["went_on_from"] == 0
    add = Journal.add

    def stopped(self: Journal, number: int, done: Any) -> None:
        add(self, number, done)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Journal, "add", stopped)
        api.explain_pairs(model, table, tmp_path / "cut", preset="fast")
    assert sorted(file.name for file in (tmp_path / "cut").iterdir()) == ["done.jsonl", "plan.json"]
    assert api.explain_pairs(model, table, tmp_path / "cut", preset="fast") == told | {"went_on_from": 1}
    same(tmp_path / "cut", tmp_path / "whole")
    for name in ("summary.json", "summary.html"):  # killed behind the pairs, before the summary
        (tmp_path / "cut" / name).unlink()
    (tmp_path / "cut" / ".summary.json.half").write_text("{")
    assert api.explain_pairs(model, table, tmp_path / "cut", preset="fast") == told
    same(tmp_path / "cut", tmp_path / "whole")


def same(one: Path, other: Path) -> None:
    names = ["pairs.parquet", "plan.json", "seconds.parquet", "summary.html", "summary.json"]
    assert sorted(file.name for file in one.iterdir()) == names
    for name in names:
        assert name == "seconds.parquet" or (one / name).read_bytes() == (other / name).read_bytes(), name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sample": 0}, "a sample of 0 pairs is none"),
        ({"sample": -1}, "a sample of -1 pairs is none"),
        ({"text_layer": 9}, "text layer 9 does not exist"),
        ({"image_layer": -9}, "image layer -9 does not exist"),
        ({"tolerance": 2.0}, "not in \\(0, 1\\)"),
        ({"device": "nowhere"}, "device 'nowhere' cannot be used"),
        ({"images": Path("gone")}, "images root .* does not exist"),
    ],
)
def test_a_mistake_leaves_nothing_behind(
    options: dict[str, Any], said: str, model: DualEncoder, table: Path, tmp_path: Path
) -> None:
    with pytest.raises(HairsplitError, match=said):
        api.explain_pairs(model, table, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    assert api.explain_pairs(model, table, tmp_path / "out", preset="fast")["overall"]["pairs"] == 4


def test_bad_tables_are_one_clear_error_each(model: DualEncoder, table: Path, tmp_path: Path) -> None:
    images = tmp_path / "images"
    (tmp_path / "text.parquet").write_text("no table")
    (tmp_path / "torn.parquet").write_bytes(table.read_bytes()[:-9])
    pq.write_table(pa.table({"image": ["a.png"]}), tmp_path / "other.parquet")
    write_table(tmp_path / "empty.parquet", [], images)
    write_table(tmp_path / "bare.parquet", [pair("a.png", negative=None)], images)
    write_table(tmp_path / "far.parquet", [pair("gone.png")], images)
    write_table(tmp_path / "useless.parquet", [pair("a.png", "a cat", "a  CAT"), pair("b.png", " ")], images)
    expected = {
        "gone": "no such pairs table",
        "text": "not a Parquet file",
        "torn": "not a Parquet file",
        "other": "lacks the columns image_id, caption",
        "empty": "the table has no rows",
        "bare": "no row has a negative",
        "far": "none of the first 1 pictures is in",
        "useless": "no pair can be explained: caption and negative are the same 1, empty caption 1",
    }
    for name, said in expected.items():
        with pytest.raises(HairsplitError, match=said) as error:
            api.explain_pairs(model, tmp_path / f"{name}.parquet", tmp_path / "out", preset="fast")
        assert "hint: " in str(error.value), name
        assert not (tmp_path / "out").exists(), name
