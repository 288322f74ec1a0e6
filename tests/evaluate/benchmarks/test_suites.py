"""What is particular to one benchmark: its filters, units, samples and files."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Estimate
from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.evaluate.benchmarks import BENCHMARKS, aro_vg_relation, judge_benchmark, prepare, vl_checklist
from tests.evaluate.benchmarks.made import make, questions
from tests.small_world import SHAPE, constant_encoder


def test_valse_keeps_rows_that_two_of_three_annotators_confirmed(tmp_path: Path) -> None:
    rows = {
        f"r{votes}": {
            "image_file": "1.jpg",
            "caption": ["There are cups."] if votes == 3 else "There are cups.",
            "foil": "There is a cup.",
            "mturk": {"caption": votes, "foil": 3 - votes, "other": 0},
        }
        for votes in range(4)
    }
    make("valse", tmp_path, {"plurals.json": json.dumps(rows)})
    found = questions("valse", tmp_path)
    assert [item.id for item in found.items if item.kind == "plurals"] == ["plurals/r2", "plurals/r3"]
    assert found.left_out["fewer_than_2_of_3_annotators_chose_the_caption"] == 2 + 10
    assert {item.captions[0] for item in found.items if item.kind == "plurals"} == {"There are cups."}


def test_whatsup_pairs_opposites_and_sets_of_the_same_things(tmp_path: Path) -> None:
    found = questions("whatsup", make("whatsup", tmp_path))
    units = {(item.kind, item.images[0].path): item.units for item in found.items if item.units}
    pairs = {f"{kind[-1]} {path[4:-11]}": own["pair"].id for (kind, path), own in units.items()}
    assert pairs["A left_of"] == pairs["A right_of"] == "controlled_A/mug/table/sides"
    assert pairs["B left_of"] == pairs["B right_of"] == "controlled_B/mug/table/sides"
    assert pairs["A on"] == pairs["A under"] == "controlled_A/mug/table/other"
    assert pairs["B in-front_of"] == pairs["B behind"] == "controlled_B/mug/table/other"
    assert len(pairs) == 8
    assert {(own["pair"].size, own["set"].size) for own in units.values()} == {(2, 4)}
    images = [item.images[0].path for item in found.items if not item.units]
    assert images == ["000000000001.jpg"] * 2 + ["1.jpg"] * 2


@pytest.mark.parametrize("name", ["mug.jpeg", "mug_near_table.jpeg", "mug_on.jpeg"])
def test_a_photo_of_whatsup_that_is_not_named_by_its_preposition_is_an_error(name: str, tmp_path: Path) -> None:
    row = [{"image_path": name, "caption_options": ["a", "b", "c", "d"]}]
    make("whatsup", tmp_path)
    (tmp_path / "controlled_images_dataset.json").write_text(json.dumps(row))
    with pytest.raises(HairsplitError, match="not four options of a photo named"):
        questions("whatsup", tmp_path)


def test_nlvr_contrasts_drawings_of_one_sentence_and_sentences_of_one_scene(tmp_path: Path) -> None:
    found = questions("nlvr", make("nlvr", tmp_path))
    by_id = {item.id: item for item in found.items}
    contrast = by_id["image_contrast/dev-1-0"]
    assert [p.path for p in contrast.images] == ["dev/images/0/dev-1-0-0.png", "dev/images/0/dev-1-1-0.png"]
    assert contrast.captions == ("There is a red box.",)
    # dev 1-0 and dev 2-0 show the same scene, with its boxes in another order
    shared = by_id["shared_scene/dev-1-0/dev-2-0"]
    assert shared.captions == ("There is a red box.", "Nothing is red.")
    assert [p.path for p in shared.images] == ["dev/images/0/dev-1-0-0.png"]
    assert Counter(item.kind for item in found.items) == {"image_contrast": 2, "shared_scene": 1}
    assert found.left_out == {"sentence_with_one_label_only": 1}


def test_the_chance_that_all_true_drawings_of_nlvr_come_first_is_exact(tmp_path: Path) -> None:
    rows = [
        {"identifier": f"7-{n}", "sentence": "x", "label": "true" if n < 2 else "false", "directory": 0}
        for n in range(4)
    ]
    lines = "\n".join(map(json.dumps, rows))
    make("nlvr", tmp_path, {"dev/dev.json": lines, "test/test.json": lines})
    judged = judge_benchmark(new(SHAPE), prepare("nlvr", BENCHMARKS["nlvr"], tmp_path))
    chance = {number.name: number.estimate.chance for number in judged.numbers if number.estimate is not None}
    assert chance["image contrast"] == pytest.approx(1 / 3)
    assert chance["image contrast, all drawings of a sentence"] == pytest.approx(1 / 6)  # of 24 orders, 2! 2! = 4


def test_vsr_pairs_statements_of_one_photo(tmp_path: Path) -> None:
    found = questions("vsr", make("vsr", tmp_path))
    assert [(item.captions, item.kind) for item in found.items] == [
        (("The cup is on the table.", "The cup is under the table."), "under")
    ]
    assert not found.left_out
    assert found.counts == {"statement_without_one_of_the_other_label_on_its_image": 1}
    assert [(one.image.path, one.true) for one in found.statements] == [
        ("1.jpg", True), ("1.jpg", False), ("2.jpg", True),
    ]  # fmt: skip


def test_the_auc_of_vsr_is_that_of_all_statements_by_a_plain_loop(tmp_path: Path) -> None:
    rows = [
        {"image": f"{n % 4}.jpg", "caption": f"The cup is {word} it.", "label": int(n % 3 == 0), "relation": word}
        for n, word in enumerate(("on", "under", "behind", "near", "over", "inside", "facing", "beside", "at", "above"))
    ]
    make("vsr", tmp_path, {"all_vsr_validated_data.jsonl": "\n".join(map(json.dumps, rows))})
    prepared = prepare("vsr", BENCHMARKS["vsr"], tmp_path)

    def found(encoder: DualEncoder) -> tuple[Estimate, list[dict[str, Any]]]:
        judged = judge_benchmark(encoder, prepared)
        assert judged.statements is not None
        (estimate,) = (number.estimate for number in judged.numbers if number.name == "AUC of all statements")
        assert estimate is not None
        return estimate, judged.statements.to_pylist()

    estimate, told = found(new(SHAPE, seed=1))
    assert {(row["image"], row["caption"], row["true"]) for row in told} == {
        (row["image"], row["caption"], bool(row["label"])) for row in rows
    }
    pairs = [(a["cosine"], b["cosine"]) for a in told if a["true"] for b in told if not b["true"]]
    assert estimate.value == pytest.approx(
        sum((a > b + 1e-6) + (abs(a - b) <= 1e-6) / 2 for a, b in pairs) / len(pairs)
    )
    assert (estimate.n, estimate.chance) == (10, 0.5)
    assert estimate.low < estimate.value < estimate.high
    same = [row["cosine"] for row in found(constant_encoder())[1] if row["image"] == "0.jpg"]
    assert len(set(same)) == 1


def test_a_statement_whose_photo_is_missing_is_counted(tmp_path: Path) -> None:
    make("vsr", tmp_path)
    (tmp_path / "train2017" / "2.jpg").unlink()
    entry = BENCHMARKS["vsr"]
    with pytest.raises(HairsplitError, match="1 of 2 pictures are missing"):
        prepare("vsr", entry, tmp_path)
    judged = judge_benchmark(new(SHAPE, seed=1), prepare("vsr", entry, tmp_path, allow_missing=True))
    assert judged.counts["statement_without_its_image"] == 1
    assert judged.statements is not None
    assert judged.statements.num_rows == 2


def test_the_sample_of_vl_checklist_is_the_same_whatever_the_order_of_rows() -> None:
    rows = [(f"{n}.jpg", "a cup", f"a jug {n}") for n in range(2_100)]
    forward = vl_checklist.sample(rows)
    backward = vl_checklist.sample(rows[::-1])
    assert len(forward) == 2_000
    assert forward == sorted(forward)
    assert {rows[n] for n in forward} == {rows[::-1][n] for n in backward}
    assert vl_checklist.sample(rows[:5]) == [0, 1, 2, 3, 4]
    assert len(set(vl_checklist.sample([("1.jpg", "a", "b")] * 2_100))) == 2_000


def test_vl_checklist_counts_rows_it_cannot_use_and_knows_56_files(tmp_path: Path) -> None:
    found = questions("vl_checklist", make("vl_checklist", tmp_path))
    assert len(BENCHMARKS["vl_checklist"].files) == 56
    assert found.left_out == {"row_without_a_positive_or_a_negative": 56}
    assert {item.images[0].collection for item in found.items} == {"Visual Genome", "HAKE", "SWiG"}
    many = json.dumps([["1.jpg", {"POS": ["a cup"], "NEG": [f"a jug {n}"]}] for n in range(2_001)])
    make("vl_checklist", tmp_path, {"data/Relation/swig_action.json": many})
    assert questions("vl_checklist", tmp_path).left_out["not_in_the_fixed_sample_of_2000_per_file"] == 1


def test_hnc_is_read_as_on_import_with_its_defects_counted(shared: Path, tmp_path: Path) -> None:
    real = shared / "fixtures" / "hnc" / "hnc_test_human_sample.json"
    make("hnc_test", tmp_path, {"filtered_test_data.json": real.read_text("utf-8")})
    found = questions("hnc_test", tmp_path)
    assert len(found.items) > 50
    assert len({item.kind for item in found.items}) > 5
    assert len({item.id for item in found.items}) == len(found.items)
    total = sum(len(captions) for captions in json.loads(real.read_text("utf-8")).values())
    assert 2 * (len(found.items) + sum(found.left_out.values())) == total


def test_aro_relations_are_averaged_with_and_without_those_it_leaves_out(tmp_path: Path) -> None:
    judged = judge_benchmark(
        new(SHAPE), prepare("aro_vg_relation", BENCHMARKS["aro_vg_relation"], make("aro_vg_relation", tmp_path))
    )
    parts = {number.name: set(number.parts) for number in judged.numbers}
    assert parts["mean of the relations that ARO keeps"] == {"on"}
    assert parts["mean of all relations"] == {"on", "near"}
    assert parts["mean of relations that do not hold both ways"] == {"on"}
    assert len(aro_vg_relation.LEFT_OUT_BY_ARO) == 157
    assert {"next to", "on the back of", "wrapped in"} < aro_vg_relation.LEFT_OUT_BY_ARO
    assert aro_vg_relation.SYMMETRIC < aro_vg_relation.LEFT_OUT_BY_ARO


def test_aro_attributes_need_a_name_for_their_pair(tmp_path: Path) -> None:
    text = (
        BENCHMARKS["aro_vg_attribution"].example["visual_genome_attribution.json"].replace('["red", "old"]', '["red"]')
    )
    make("aro_vg_relation", tmp_path)
    (tmp_path / "visual_genome_attribution.json").write_text(text)
    with pytest.raises(HairsplitError, match="is no pair"):
        questions("aro_vg_attribution", tmp_path)
    (tmp_path / "visual_genome_relation.json").write_text(text)
    with pytest.raises(HairsplitError, match="`relation_name` is missing"):
        questions("aro_vg_relation", tmp_path)


def test_winoground_images_may_be_named_without_their_suffix(tmp_path: Path) -> None:
    found = questions("winoground", make("winoground", tmp_path))
    assert [p.path for p in found.items[0].images] == ["ex_0_img_0.png", "ex_0_img_1.png"]


def test_structure_clip_rows_without_a_negative_are_counted(tmp_path: Path) -> None:
    found = questions("structure_clip_coco", make("structure_clip_coco", tmp_path))
    assert (len(found.items), found.left_out) == (1, {"no_negative": 1})
