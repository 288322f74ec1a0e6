"""From a file of captions to a pairs table."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from hairsplit.captions.from_text import RULES
from hairsplit.captions.from_text._sentence import words_of
from hairsplit.captions.text_table import TextOptions, TextReport, write_text_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import stream
from hairsplit.core.tables import iterate_pairs, read_meta
from hairsplit.core.types import Pair
from tests.captions.from_text.world import caption


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    file = folder / "captions.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def many(folder: Path, images: int = 150) -> Path:
    rows = [{"image": f"{n}.jpg", "caption": caption(stream(n, "caption"))} for n in range(images)]
    return write(folder, rows)


def made(captions: Path, name: str = "pairs.parquet", **options: Any) -> tuple[TextReport, list[Pair]]:
    out = captions.with_name(name)
    return write_text_captions(captions, out, TextOptions(**options)), list(iterate_pairs(out))


def test_the_table_says_where_each_row_is_from(tmp_path: Path) -> None:
    file = many(tmp_path)
    report, pairs = made(file, seed=3)
    assert report.rows == len(pairs) == sum(report.kinds.values())
    assert set(report.kinds) == {name for name in RULES.names() if RULES[name].fluent}
    assert len({pair.pair_id for pair in pairs}) == len(pairs)
    given = {row["caption"] for row in map(json.loads, file.read_text("utf-8").splitlines())}
    for pair in pairs:
        assert pair.edit is not None and pair.negative is not None and pair.plausibility is not None
        assert pair.evidence == "unproven"
        assert (pair.caption in given) == (pair.caption_evidence == "given")
        assert (pair.caption_evidence == "given") or pair.kind == "negation"
        for text, span in ((pair.caption, pair.caption_span), (pair.negative, pair.negative_span)):
            assert span is not None and 0 <= span[0] <= span[1] <= len(text)
    meta = read_meta(tmp_path / "pairs.parquet")
    assert meta.config["seed"] == 3
    assert meta.counts["rows"] == len(pairs)
    assert meta.rejects == report.rejects


def test_no_text_is_true_and_false_of_an_image(tmp_path: Path) -> None:
    rows = [{"image": f"{n % 20}.jpg", "caption": caption(stream(n, "caption"))} for n in range(200)]
    _, pairs = made(write(tmp_path, rows), negatives_per_rule=4, max_pairs_per_image=500)
    said: dict[str, set[tuple[str, ...]]] = {}
    for row in rows:
        said.setdefault(row["image"], set()).add(tuple(words_of(str(row["caption"]))))
    for pair in pairs:
        said[pair.image].add(tuple(words_of(pair.caption)))
    assert not [pair for pair in pairs if tuple(words_of(str(pair.negative))) in said[pair.image]]
    assert max(Counter((p.image, p.caption, p.negative) for p in pairs).values()) == 1


def test_same_bytes_for_any_number_of_workers(tmp_path: Path) -> None:
    file = many(tmp_path)
    for name, workers in (("one.parquet", 1), ("two.parquet", 2)):
        made(file, name, workers=workers, balance=True, negatives_per_rule=2)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    made(file, "other.parquet", seed=1, balance=True, negatives_per_rule=2)
    assert (tmp_path / "one.parquet").read_bytes() != (tmp_path / "other.parquet").read_bytes()


def test_balanced_pairs_are_even_and_word_orders_stay(tmp_path: Path) -> None:
    rules = ["replace_attribute", "replace_object", "shuffle_trigrams"]
    report, pairs = made(many(tmp_path, 400), rules=rules, balance=True)
    for name in rules[:2]:
        likelier = [p.plausibility > 0 for p in pairs if p.kind == name and p.plausibility]
        assert 2 * sum(likelier) == len(likelier) > 20
    edits = Counter((p.kind, p.edit.before, p.edit.after) for p in pairs if p.edit and RULES[p.kind].fluent)
    assert all(edits[kind, after, before] == count for (kind, before, after), count in edits.items())
    assert report.kinds["shuffle_trigrams"] == report.made["shuffle_trigrams"]
    assert report.made["replace_object"] > report.kinds["replace_object"]
    left = sum(count for reason, count in report.rejects.items() if "reader of the texts alone" in reason)
    assert sum(report.made.values()) - sum(report.kinds.values()) == left
    assert {step["family"] for step in report.balance} == {"replace_attribute", "replace_object"}


def test_word_orders_are_made_when_named(tmp_path: Path) -> None:
    names = [name for name in RULES.names() if not RULES[name].fluent]
    report, pairs = made(many(tmp_path, 10), rules=names)
    assert set(report.kinds) == set(names)
    assert all(Counter(words_of(p.caption)) == Counter(words_of(str(p.negative))) for p in pairs)


def test_graphs_prove_or_drop(tmp_path: Path) -> None:
    def thing(name: str, x: int, *attributes: str) -> dict[str, Any]:
        return {"name": name, "x": x, "y": 0, "w": 10, "h": 10, "attributes": list(attributes), "relations": []}

    graph = {"width": 100, "height": 100, "objects": {"1": thing("shirt", 0, "red"), "2": thing("hat", 50, "blue")}}
    (tmp_path / "graphs.json").write_text(json.dumps({"a": graph}), "utf-8")
    rows = [{"image": f"{name}.jpg", "caption": "A red shirt and a red jacket"} for name in "ab"]
    rows += [{"image": "a.jpg", "caption": "A green hat"}]
    report, pairs = made(
        write(tmp_path, rows), graphs=tmp_path / "graphs.json", rules=["replace_attribute"], negatives_per_rule=9
    )
    proofs = {(p.image_id, str(p.caption_span)): p.evidence for p in pairs if p.caption.startswith("A red")}
    assert set(proofs.values()) == {"exclusive_attribute", "unproven"}
    assert {p.evidence for p in pairs if p.image_id == "b"} == {"unproven"}
    assert not [p for p in pairs if p.negative == "A blue hat"]
    assert report.rejects["image: no graph"] == 1
    assert sum(report.evidence.values()) == report.rows


def test_bad_rows_are_counted_and_listed(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"image": "a.jpg", "caption": "A red shirt"}, {"image": "/b.jpg", "caption": "A"}]
    report, _ = made(write(tmp_path, rows))
    assert report.rejects["row: bad_image_path"] == 1
    listed = [json.loads(line) for line in report.rejects_file.read_text("utf-8").splitlines()]
    assert [(row["where"], row["reason"]) for row in listed] == [("captions.jsonl, line 2", "bad_image_path")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rules": ["swap_objects"]}, "did you mean 'swap_object'"),
        ({"rules": []}, "no rule was chosen"),
        ({"negatives_per_rule": 0}, "negatives_per_rule is 0"),
        ({"images": Path("nowhere")}, "does not exist"),
        ({"rules": ["swap_object"]}, "no pair is left of 1 images"),
        ({"split": "test"}, "no row is of the split"),
    ],
)
def test_mistakes(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(HairsplitError, match=message):
        made(write(tmp_path, [{"image": "a.jpg", "caption": "A red shirt"}]), **options)
    assert not (tmp_path / "pairs.parquet").exists()


def test_nothing_is_replaced(tmp_path: Path) -> None:
    file = many(tmp_path, 5)
    made(file)
    with pytest.raises(HairsplitError, match="exists already"):
        made(file)


def test_real_captions(shared: Path, tmp_path: Path) -> None:
    folder = shared / "realdata" / "flickr8k"
    if not folder.is_dir():
        pytest.skip("there are no real captions in the shared folder")
    rows = [json.loads(line) for line in (folder / "captions.jsonl").read_text("utf-8").splitlines()[:300]]
    report, pairs = made(
        write(tmp_path, rows), graphs=folder / "scene_graphs.json.gz", images=folder / "images", split="train"
    )
    assert {"replace_attribute", "replace_object", "replace_relation", "replace_number"} <= set(report.kinds)
    assert report.rows > report.images > 100
    assert {pair.evidence for pair in pairs} >= {"unproven", "exclusive_attribute"}
    bench = {row["image"] for row in rows if row["set"] == "bench"}
    assert not [pair for pair in pairs if pair.image in bench]
