"""Pairs written in HNC's shapes: read back by our own readers, and of the shape of the published samples."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hairsplit.captions.table import write_captions
from hairsplit.core.errors import HairsplitError
from hairsplit.core.tables import PairsMeta, read_pairs, write_pairs
from hairsplit.core.types import Edit, Pair
from hairsplit.data.formats import FORMATS
from hairsplit.data.hnc_export import HUMAN, MACHINE, SHAPES, Shape, export_hnc, machine_type
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.scenes import drawn


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hnc")
    write_scenes(folder / "g.json", [replace(s, image=None) for s in drawn(30)])
    write_captions(folder / "g.json", None, folder / "p.parquet", world="closed", negatives_per_positive=2)
    return folder / "p.parquet"


def kind_of(pair: Pair, shape: Shape) -> str:
    return machine_type(pair) if shape == "hnc" else HUMAN.get(pair.kind, pair.kind)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_exported_is_imported_again(table: Path, tmp_path: Path, shape: Shape) -> None:
    out = tmp_path / "x.json"
    report = export_hnc(table, out, to=shape)
    pairs = read_pairs(table).pairs
    back = list(FORMATS[shape].read(out))
    assert all(isinstance(row, Pair) for row in back)
    assert [(p.image_id, p.caption, p.negative, p.kind) for p in back if isinstance(p, Pair)] == [
        (p.image_id, p.caption, p.negative, kind_of(p, shape)) for p in pairs
    ]
    assert (report.pairs, report.images, report.rejects) == (len(pairs), len({p.image_id for p in pairs}), {})


def test_the_train_shape_has_the_fields_and_links_of_the_published_sample(
    table: Path, tmp_path: Path, shared: Path
) -> None:
    export_hnc(table, tmp_path / "x.json", to="hnc")
    ours: dict[str, Any] = json.loads((tmp_path / "x.json").read_text())
    theirs = json.loads((shared / "fixtures" / "hnc" / "hnc_train_sample.json").read_text())
    sample = next(iter(next(iter(theirs.values()))["captions"].values()))
    numbers = [int(key) for image in ours.values() for key in image["captions"]]
    assert numbers == list(range(len(numbers)))  # one counter over the whole file
    for image in ours.values():
        captions = image["captions"]
        for key, entry in captions.items():
            assert entry.keys() == sample.keys()
            assert entry["ambiguity"]["ambiguous"] is False
            if entry["label"] == 1:
                assert (entry["cpt_p_id"], entry["replaced"]) == (None, None)
                assert (entry["textual_label"] is None) == (not entry["type"].startswith("relation_"))
            else:
                assert int(key) == entry["cpt_p_id"] + 1
                assert captions[str(entry["cpt_p_id"])]["type"] == entry["type"]
                assert entry["type"] == "xor_logic_rel" or entry["replaced"][0] == entry["textual_label"]
    types = {entry["type"] for image in theirs.values() for entry in image["captions"].values()}
    relations = {f"{kind}{end}" for kind in ("relation", "relation_attr") for end in ("_subj", "_obj", "_pred")}
    assert {*MACHINE.values()} - {"relation", "relation_attr"} | relations == types


def test_the_test_shape_has_the_fields_and_types_of_the_published_sample(
    table: Path, tmp_path: Path, shared: Path
) -> None:
    export_hnc(table, tmp_path / "x.json", to="hnc_test")
    ours = json.loads((tmp_path / "x.json").read_text())
    theirs = json.loads((shared / "fixtures" / "hnc" / "hnc_test_human_sample.json").read_text())
    sample = next(iter(next(iter(theirs.values())).values()))
    for image, captions in ours.items():
        assert image.endswith(".jpg")
        assert list(captions) == [str(n) for n in range(len(captions))]
        assert [entry["label"] for entry in captions.values()] == [1, 0] * (len(captions) // 2)
        assert all(entry.keys() == sample.keys() for entry in captions.values())
    types = {entry["type"] for captions in theirs.values() for entry in captions.values()}
    same = {"relation", "relation_attribute", "attribute_relation"}
    assert types <= {*HUMAN.values()} | same


def test_boxes_stand_in_the_order_subject_replacement_object(tmp_path: Path) -> None:
    boxes = [{"id": r, "noun": n, "role": r, "x": 1, "y": 2, "w": 3, "h": 4} for r, n in
             (("subject", "cup"), ("object", "table"), ("replacement", "plate"))]  # fmt: skip
    pair = Pair(
        image="a/1.jpg",
        image_id="1",
        caption="The cup is on the table.",
        negative="The plate is on the table.",
        kind="relation",
        source="s",
        edit=Edit("subject", "cup", "plate"),
        boxes=json.dumps(boxes),
    )
    write_pairs(tmp_path / "p.parquet", [pair, replace(pair, negative=None)], PairsMeta())
    report = export_hnc(tmp_path / "p.parquet", tmp_path / "x.json", to="hnc")
    assert report.rejects == Counter({"rows without a negative": 1})
    assert "1 pair of 1 image" in str(report)
    (positive, negative) = json.loads((tmp_path / "x.json").read_text())["a/1"]["captions"].values()
    assert [list(entry["bboxes"]) for entry in (positive, negative)] == [
        ["subject", "object"],
        ["subject", "replacement", "object"],
    ]
    assert negative["bboxes"]["replacement"] == {"bbox": {"x": 1, "y": 2, "w": 3, "h": 4}, "name": "plate"}
    assert (negative["type"], negative["noisy"]) == ("relation_subj", None)


def test_images_whose_rows_are_scattered_and_files_that_exist_are_refused(tmp_path: Path) -> None:
    rows = [
        Pair(image=name, image_id=name, caption=f"a {n}", negative=f"b {n}", kind="k", source="s")
        for n, name in enumerate(("a.jpg", "b.jpg", "a.jpg"))
    ]
    write_pairs(tmp_path / "p.parquet", rows, PairsMeta())
    out = tmp_path / "x.json"
    with pytest.raises(HairsplitError, match=r"the rows of a\.jpg do not stand together"):
        export_hnc(tmp_path / "p.parquet", out, to="hnc")
    assert not out.exists()
    out.touch()
    with pytest.raises(HairsplitError, match="exists already"):
        export_hnc(tmp_path / "p.parquet", out, to="hnc")
