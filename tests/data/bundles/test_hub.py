"""Data sets in the hub's layout, from folders on this machine: streamed row by row, nothing fetched."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Reject
from hairsplit.data.bundles import BUNDLES, Choice, Sample
from tests.data.bundles.shards import picture

READ = BUNDLES["hub"].read


@pytest.fixture(autouse=True)
def needs_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = pytest.importorskip("datasets", reason="the extra `hub` is not installed").config
    monkeypatch.setattr(config, "HF_DATASETS_CACHE", tmp_path / "cache")


def image_folder(root: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    (root / "train").mkdir(parents=True)
    for row in rows:
        (root / "train" / str(row["file_name"])).write_bytes(picture())
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (root / "train" / "metadata.jsonl").write_text(lines, "utf-8")
    return root


def parquet(root: Path, columns: Mapping[str, Sequence[object]], split: str = "train") -> Path:
    (root / "data").mkdir(parents=True, exist_ok=True)
    images = [{"bytes": data, "path": f"{n}.jpg"} for n, data in enumerate(columns["image"])]
    table = pa.table({**columns, "image": images})
    features = {"image": {"_type": "Image"}} | {
        name: {"dtype": "string", "_type": "Value"} for name in columns if name != "image"
    }
    info = json.dumps({"info": {"features": features}})
    pq.write_table(
        table.replace_schema_metadata({"huggingface": info}), root / "data" / f"{split}-00000-of-00001.parquet"
    )
    return root


def read(root: Path, **choice: object) -> list[Sample | Reject]:
    return list(READ(str(root), Choice(**choice)))  # type: ignore[arg-type]


def rows(found: Sequence[Sample | Reject]) -> list[dict[str, object]]:
    return [dict(row) for entry in found if isinstance(entry, Sample) for row in entry.rows]


def test_a_folder_of_images_with_metadata(tmp_path: Path) -> None:
    root = image_folder(
        tmp_path / "cups",
        [
            {"file_name": "a.jpg", "text": "a cup", "negative": "a jug", "kind": "object"},
            {"file_name": "b.jpg", "text": "two cups", "negative": None, "kind": "count"},
        ],
    )
    found = read(root)
    assert rows(found) == [
        {"source": "cups", "kind": "object", "image_id": "a", "caption": "a cup", "negative": "a jug"},
        {"source": "cups", "kind": "count", "image_id": "b", "caption": "two cups", "negative": None},
    ]
    assert all(isinstance(entry, Sample) and entry.picture == picture() for entry in found)


def test_parquet_with_columns_of_other_names_and_lists(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    root = parquet(
        tmp_path / "set", {"image": [picture("red"), picture("blue")], "gut": ["a", "b"], "schlecht": ["x", "y"]}
    )
    found = read(root, columns={"caption": "gut", "negative": "schlecht"})
    assert [(row["caption"], row["negative"], row["image_id"]) for row in rows(found)] == [
        ("a", "x", "0"),
        ("b", "y", "1"),
    ]
    assert [entry.picture for entry in found if isinstance(entry, Sample)] == [picture("red"), picture("blue")]


def test_lists_of_captions_make_several_rows(tmp_path: Path) -> None:
    root = image_folder(
        tmp_path / "lists",
        [
            {"file_name": "a.jpg", "captions": ["p", "q"], "negatives": ["x", "y"]},
            {"file_name": "b.jpg", "captions": ["p"], "negatives": ["x", "y", "z"]},
            {"file_name": "c.jpg", "captions": ["p", "q", "r"], "negatives": ["x", "y"]},
            {"file_name": "d.jpg", "captions": [], "negatives": []},
        ],
    )
    found = read(root)
    assert [(r["caption"], r["negative"]) for r in rows(found)] == [
        ("p", "x"), ("q", "y"), ("p", "x"), ("p", "y"), ("p", "z"),
    ]  # fmt: skip
    assert [entry.reason for entry in found if isinstance(entry, Reject)] == ["uneven_texts", "missing_caption"]


def test_a_split_must_be_named_if_there_are_several(tmp_path: Path) -> None:
    for split in ("train", "test"):
        parquet(tmp_path / "set", {"image": [picture()], "caption": [split]}, split)
    with pytest.raises(HairsplitError, match="has the splits") as caught:
        read(tmp_path / "set")
    assert "--split" in caught.value.hint
    assert [r["caption"] for r in rows(read(tmp_path / "set", split="test"))] == ["test"]
    with pytest.raises(HairsplitError, match=r"cannot be read \(ValueError"):
        read(tmp_path / "set", split="nope")


def test_columns_that_are_not_there_or_not_known_say_what_there_is(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "set", [{"file_name": "a.jpg", "words": "a cup"}])
    with pytest.raises(HairsplitError, match="which column is the caption\\? It has image, words"):
        read(root)
    with pytest.raises(HairsplitError, match="has no column 'wrods'") as caught:
        read(root, columns={"caption": "wrods"})
    assert "did you mean 'words'" in caught.value.hint
    with pytest.raises(HairsplitError, match="no column is called 'captoin'"):
        read(root, columns={"captoin": "words"})
    with pytest.raises(HairsplitError, match="'words' holds no pictures"):
        pytest.importorskip("datasets")
        read(
            image_folder(tmp_path / "two", [{"file_name": "a.jpg", "words": 3, "text": "x"}]),
            columns={"image": "words"},
        )


def test_nothing_is_fetched_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="nothing is fetched unless asked") as caught:
        list(READ("someone/something", Choice()))
    assert "HAIRSPLIT_DOWNLOAD=1" in caught.value.hint
    root = image_folder(tmp_path / "set", [{"file_name": "a.jpg", "text": "a cup"}])
    card = "---\nconfigs:\n- config_name: default\n  data_files: https://example.org/x.parquet\n---\nhello"
    (root / "README.md").write_text(card, "utf-8")
    with pytest.raises(HairsplitError, match="its card names files to fetch"):
        read(root)
    (root / "README.md").write_text("See https://example.org, and data_files: https://example.org\n", "utf-8")
    assert len(rows(read(root))) == 1


def test_a_picture_that_lies_elsewhere_is_refused_and_counted(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(picture())
    root = tmp_path / "set"
    root.mkdir()
    paths = [str(tmp_path / "secret.jpg"), "../secret.jpg", "https://example.org/a.jpg", "gone.jpg", "in.jpg"]
    (root / "in.jpg").write_bytes(picture())
    lines = "".join(json.dumps({"image": path, "text": "a"}) + "\n" for path in paths)
    (root / "train.jsonl").write_text(lines, "utf-8")
    found = read(root)
    assert [entry.reason if isinstance(entry, Reject) else "kept" for entry in found] == [
        "image_outside_root", "image_outside_root", "not_fetched", "missing_image", "kept",
    ]  # fmt: skip


def test_a_script_is_not_run(tmp_path: Path) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (root / "set.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n", "utf-8")
    with pytest.raises(HairsplitError, match="cannot be read"):
        read(root)
    assert not (tmp_path / "ran").exists()
