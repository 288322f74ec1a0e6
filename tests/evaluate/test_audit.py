"""The record of an audit: the known shortcuts of real data, and findings that say what they should."""

import json
from pathlib import Path

import pytest

from hairsplit.core.types import Pair
from hairsplit.data.formats import FORMATS
from hairsplit.evaluate.audit import audit_pairs
from hairsplit.evaluate.audit_columns import PairColumns, columns_of
from tests.evaluate.audits import balanced, planted, table


def read(format_name: str, path: Path) -> PairColumns:
    return columns_of(row for row in FORMATS[format_name].read(path) if isinstance(row, Pair))


def test_the_known_shortcuts_of_flickr8k_are_found(shared: Path) -> None:
    record = audit_pairs(read("jsonl", shared / "realdata" / "flickr8k" / "triplets.jsonl"), resamples=200)
    kinds, readers = record["kinds"], record["attacks"]["readers"]
    experts = [kinds[f"expert_{name}"] for name in ("unrelated", "minor_aspects", "minor_mistakes")]
    pairs = sum(one["pairs"] for one in experts)
    # Share of pairs whose longer text is the true one, and whose negative holds a negation, as known of this data.
    known = {
        "crowd_unanimous_no": (0.51, 0.0),
        "esnlive_entail_vs_contradict": (0.33, 0.05),
        "esnlive_caption_vs_contradict": (0.80, 0.03),
        "sick_negation": (0.17, 1.00),
        "sick_opposite": (0.39, 0.02),
    }
    for kind, (longer, negation) in known.items():
        assert kinds[kind]["longer_is_true"]["value"] == pytest.approx(longer, abs=0.01), kind
        found = kinds[kind]["markers"].get("negation", {"negative": 0.0})["negative"]
        assert found == pytest.approx(negation, abs=0.01), kind
    expert_longer = sum(one["pairs"] * one["longer_is_true"]["value"] for one in experts) / pairs
    assert expert_longer == pytest.approx(0.49, abs=0.01)
    assert readers["markers"]["kinds"]["sick_negation"]["value"] == 1.0  # won by spotting "no" and "not"
    assert readers["length"]["kinds"]["esnlive_caption_vs_contradict"]["low"] > 0.75  # by length
    assert any("sick_negation" in line for line in record["findings"])


def test_the_fixtures_of_hnc_are_audited_without_their_pictures(shared: Path) -> None:
    record = audit_pairs(read("hnc_test", shared / "fixtures" / "hnc" / "hnc_test_human_sample.json"), resamples=200)
    more = record["kinds"][""]["markers"]["more"]
    assert more["caption"] > more["negative"]  # 20 to 9 in the whole test set
    longer = record["kinds"][""]["longer_is_true"]
    assert longer["low"] < 0.5 < longer["high"]  # length says next to nothing
    assert 0.5 < record["kinds"][""]["same_length"] < 0.75


def test_findings_name_the_kind_and_the_reader_and_how_far_it_gets() -> None:
    record = audit_pairs(columns_of([*planted(200, "length"), *balanced(200)]), resamples=200)
    line = next(line for line in record["findings"] if line.startswith("length: "))
    assert "a reader of " in line
    assert "(n = 200)" in line
    assert not any(line.startswith("balanced") for line in record["findings"])


def test_a_balanced_table_has_no_shortcut_among_its_findings() -> None:
    findings = audit_pairs(columns_of(balanced(1_000)), resamples=200)["findings"]
    assert any(line.startswith("no reader blind to the image is clearly above chance") for line in findings)


def test_few_images_give_no_shortcut_but_a_warning() -> None:
    rows = [(f"i{n % 5}", f"a cup {n}", f"not a cup {n}") for n in range(40)]
    findings = audit_pairs(table(*rows), resamples=100)["findings"]
    assert "kinds with fewer than 20 images, too few to find a shortcut in: 1 of 1" in findings
    assert not any(" gets " in line for line in findings)


def test_negatives_learned_by_heart_are_told_from_wording() -> None:
    """All negatives are one text: a reader knows it by heart, and on texts of one image there is nothing to read."""
    rows = [(f"i{n}", f"word{n}", "the same old thing") for n in range(60)]
    record = audit_pairs(table(*rows), resamples=100)
    assert record["attacks"]["readers"]["words"]["overall"]["value"] == 1.0
    assert record["attacks"]["readers"]["words"]["own_texts"] is None
    assert any(line.startswith("negatives recur with other images more") for line in record["findings"])


def test_the_same_table_gives_the_same_record_and_it_is_json() -> None:
    rows = [*planted(60, "markers"), *balanced(60)]
    one, two = (json.dumps(audit_pairs(columns_of(rows), resamples=100), allow_nan=False) for _ in range(2))
    assert one == two
    assert json.loads(one)["told"]
