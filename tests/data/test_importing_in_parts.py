"""Large files: cut into parts that any process reads, in bounded memory, with the bytes of a plain reader."""

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import file_hash
from hairsplit.core.tables import read_meta, read_pairs
from hairsplit.core.types import Pair
from hairsplit.data._admit import Seen
from hairsplit.data._import_report import ImportReport
from hairsplit.data.formats import FORMATS
from hairsplit.data.importing import Draw, import_pairs

IMAGES = 24


def is_long(text: str) -> bool:
    return len(text) > 60


def annotations(images: int = IMAGES, filler: int = 8_000, pairs: int = 24) -> dict[str, Any]:
    """HNC of some MB in few captions; with repeats, identical texts, stray spaces and a lonely caption in it."""
    rng = random.Random(0)  # noqa: S311 - for words
    number, found = 0, {}
    for image in range(images):
        captions: dict[str, Any] = {}
        for _ in range(pairs):
            words = [rng.choice(["red", "blue", "red ", "old", "new", "wet"]) for _ in range(2)] + [
                "x" * rng.choice([1, 1, 1, 80])
            ]
            for label, word in ((1, words[0]), (0, words[1])):
                captions[str(number)] = {
                    "caption": f"The {rng.randrange(9)} {words[2]} is {word}" if label else f"The {words[2]} is {word}",
                    "label": label, "type": rng.choice(["attribute", "object"]),
                    "bboxes": {"1": {"name": "x" * filler}}, "ambiguity": {"ambiguous": rng.random() < 0.1},
                    "noisy": rng.random() < 0.1, "cpt_p_id": None if label else number - 1,
                }  # fmt: skip
                number += 1
        captions[str(number)] = {**captions[str(number - 2)], "label": 1}
        number += 1
        found[str(2_300_000 + image)] = {"captions": captions}
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an annotation file of 9 MB and its pictures, of which one is missing and one broken."""
    folder = tmp_path_factory.mktemp("large")
    tree = annotations()
    (folder / "train.json").write_text(json.dumps(tree), "utf-8")
    assert (folder / "train.json").stat().st_size > 2 * 4 * 1024 * 1024
    (folder / "images").mkdir()
    for image in tree:
        Image.new("RGB", (8, 8)).save(folder / "images" / f"{image}.jpg")
    (folder / "images" / "2300003.jpg").unlink()
    (folder / "images" / "2300004.jpg").write_bytes(b"no picture")
    return folder


def run(world: Path, out: Path, file: Path | None = None, **options: Any) -> ImportReport:
    return import_pairs("hnc", file or world / "train.json", world / "images", out, over_long=is_long, **options)


def small(folder: Path, change: Callable[[bytes], bytes]) -> Path:
    """A small file of several images, changed, with pictures for all."""
    path = folder / "small.json"
    path.write_bytes(change(json.dumps(annotations(images=6, filler=5)).encode()))
    (folder / "images").mkdir(exist_ok=True)
    for image in range(6):
        Image.new("RGB", (8, 8)).save(folder / "images" / f"{2_300_000 + image}.jpg")
    return path


def test_the_bytes_are_the_same_for_any_number_of_workers_and_for_a_gzipped_file(world: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "train.json"
    zipped.write_bytes(gzip.compress((world / "train.json").read_bytes()))
    draw = Draw(seed=1, per_image=9, val_share=0.3)
    reports = [
        run(world, tmp_path / f"{n}" / "p.parquet", file, draw=draw, workers=n, drops=["noisy"])
        for n, file in ((1, None), (2, None), (3, zipped))
    ]
    first = reports[0]
    assert first.val is not None
    assert first.pairs > 100
    assert first.rejects.keys() >= {"missing_image", "broken_image", "noisy", "not_drawn", "over_long_tokens"}
    assert first.read == first.pairs + first.val_pairs + sum(first.rejects.values())
    for report in reports[1:2]:
        for one, other in ((first.out, report.out), (first.val, report.val), (first.rejects_file, report.rejects_file)):
            assert other is not None
            assert one.read_bytes() == other.read_bytes()
    assert read_pairs(reports[2].out, world / "images").pairs == read_pairs(first.out, world / "images").pairs


def test_every_row_is_what_the_plain_reader_gives(world: Path, tmp_path: Path) -> None:
    """Oracle: `Format.read`, row by row, with the checks of an import written out again."""
    seen: set[tuple[str, str, str | None]] = set()
    expected: list[tuple[str, str, str | None, str]] = []
    for row in FORMATS["hnc"].read(world / "train.json"):
        if isinstance(row, Pair) and row.image not in {"2300003", "2300004"}:
            key = (row.image, row.caption, row.negative)
            if key not in seen and not is_long(row.caption) and not is_long(str(row.negative)):
                expected.append((row.image_id, row.caption, row.negative, row.kind))
                seen.add(key)
    report = run(world, tmp_path / "p.parquet")
    table = read_pairs(report.out)
    assert [(pair.image_id, pair.caption, pair.negative, pair.kind) for pair in table.pairs] == expected
    assert all(pair.image == f"{pair.image_id}.jpg" and pair.source == "hnc" for pair in table.pairs)
    groups = {(pair.image, pair.caption): pair.group_id for pair in table.pairs}
    assert len(set(groups.values())) == len(groups)
    assert table.meta.counts["rows"] == report.pairs == len(expected)
    assert report.notes == {"stray_spaces": report.notes["stray_spaces"]}
    assert report.rejects["unlinked_positive"] == IMAGES


def test_no_picture_is_looked_at_unless_asked(world: Path, tmp_path: Path) -> None:
    full = run(world, tmp_path / "a.parquet", check_images="none")
    assert full.images == IMAGES
    assert run(world, tmp_path / "b.parquet", check_images="exists").images == IMAGES - 1
    assert run(world, tmp_path / "c.parquet", check_images="decode").images == IMAGES - 2
    elsewhere = import_pairs(
        "hnc", world / "train.json", tmp_path / "none", tmp_path / "d.parquet", check_images="none"
    )
    assert elsewhere.images == IMAGES


def test_kinds_images_marks_and_a_limit_narrow_the_import(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.parquet"
    everything = run(world, out)
    report = run(
        world, out, kinds=["object"], exclude_image_ids=["2300000"], drops=["noisy", "ambiguous"], overwrite=True
    )
    assert report.kinds.keys() == {"object"}
    assert "2300000.jpg" not in {pair.image for pair in read_pairs(out).pairs}
    assert report.read == everything.read == report.pairs + sum(report.rejects.values())
    assert report.rejects.keys() >= {"excluded_kind", "excluded_image", "noisy", "ambiguous"}
    listed = {json.loads(line)["reason"] for line in report.rejects_file.read_text("utf-8").splitlines()}
    assert not listed & {"excluded_kind", "excluded_image", "noisy", "ambiguous"}
    assert "left out as you asked" in str(report)
    report = run(world, out, limit=30, overwrite=True)
    assert report.pairs == 30
    assert report.read == 30 + sum(report.rejects.values()) < everything.read
    with pytest.raises(HairsplitError, match="did you mean 'object'"):
        run(world, out, kinds=["objects"], overwrite=True)
    with pytest.raises(HairsplitError, match="hnc files carry no mark 'noise'"):
        run(world, out, drops=["noise"], overwrite=True)


def test_a_split_is_written_as_two_tables_that_share_no_image(world: Path, tmp_path: Path) -> None:
    report = run(world, tmp_path / "p.parquet", draw=Draw(images=10, val_share=0.2))
    assert report.val == tmp_path / "p.val.parquet"
    train, val = read_pairs(report.out), read_pairs(report.val)
    assert (len({p.image for p in train.pairs}), len({p.image for p in val.pairs})) == (8, 2)
    assert not {p.image for p in train.pairs} & {p.image for p in val.pairs}
    assert (report.pairs, report.val_pairs) == (len(train), len(val))
    assert train.meta.counts["images"] == 8
    assert train.meta.config["draw_val_share"] == 0.2
    assert "of 2 other images" in str(report)
    with pytest.raises(HairsplitError, match="exists already"):
        run(world, tmp_path / "p.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.parquet", "p.rejects.jsonl", "p.val.parquet"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[:-900], "ends in the middle of a value, at byte"),
        (lambda text: text.replace(b'"label": 1', b'"label": NaN', 30), "invalid character at byte"),
        (lambda text: text + b"}", "more text behind the end"),
        (lambda text: text.replace(b"2300005", b"2300001"), "the key '2300001' stands twice"),
        (lambda text: text.replace(b"2300005", b"2300001.jpg"), "the image '2300001.jpg' stands twice"),
        (lambda text: text.replace(b'"289": {', b'"288": {'), "the key '288' stands twice"),
        (lambda text: text[:-9] + b"\xff" + text[-8:], "not UTF-8|not valid JSON"),
        (lambda text: text[:-2] + b', "1": {"captions": ' + b"[" * 5_000, "nested too deeply"),
        (lambda _text: b"", "the file is empty"),
        (lambda text: text.replace(b'"label": 0', b'"label": "no"'), "Expected `int`, got `str`"),
    ],
)  # fmt: skip
def test_a_bad_file_is_one_clear_error_and_leaves_nothing(
    tmp_path: Path, change: Callable[[bytes], bytes], message: str
) -> None:
    file = small(tmp_path, change)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(HairsplitError, match=message) as caught:
        run(tmp_path, tmp_path / "p.parquet", file)
    assert caught.value.where.startswith(str(file))
    assert caught.value.hint
    assert sorted(tmp_path.iterdir()) == before


def test_a_mistake_far_into_the_file_is_said_with_its_byte_by_any_number_of_workers(
    world: Path, tmp_path: Path
) -> None:
    text = bytearray((world / "train.json").read_bytes())
    at = text.index(b'"label": 1', 8_000_000) + len(b'"label": ')
    text[at : at + 1] = b"?"
    file = tmp_path / "train.json"
    file.write_bytes(text)
    for workers in (1, 2):
        with pytest.raises(HairsplitError, match=f"invalid character at byte {at:,}\\n"):
            run(world, tmp_path / "p.parquet", file, workers=workers)
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]


def test_a_file_that_misleads_the_fast_way_is_read_all_the_same(tmp_path: Path) -> None:
    """An image's annotations hold what looks like the border of an image."""
    trap = b'"noise": {"a": {"b": {}}, "x": {"captions": {}}}, "label": 0'
    plain = run(tmp_path, tmp_path / "a.parquet", small(tmp_path, lambda text: text))
    rows = read_pairs(plain.out).pairs
    file = small(tmp_path, lambda text: text.replace(b'"label": 0', trap))
    assert read_pairs(run(tmp_path, tmp_path / "b.parquet", file).out).pairs == rows


@pytest.mark.parametrize(
    ("name", "other"),
    [("hnc", "hnc_test"), ("hnc_test", "hnc"), ("hnc", "coco_negatives"), ("jsonl", "csv"), ("csv", "jsonl")],
)
def test_a_file_of_another_format_is_recognised(tmp_path: Path, name: str, other: str) -> None:
    file = tmp_path / "annotations.txt"
    file.write_text(FORMATS[other].example, "utf-8")
    with pytest.raises(HairsplitError, match=f"it looks like a file of the format {other}\n") as caught:
        import_pairs(name, file, tmp_path, tmp_path / "p.parquet")
    assert caught.value.hint.startswith(f"hairsplit import {other} ")


def test_a_file_of_no_format_is_not_guessed_at(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{"info": {}, "images": []}', "utf-8")
    with pytest.raises(HairsplitError) as caught:
        import_pairs("hnc", file, tmp_path, tmp_path / "p.parquet")
    assert "looks like" not in str(caught.value)


def test_an_import_that_is_killed_leaves_no_table(world: Path, tmp_path: Path) -> None:
    """Ctrl-C while it reads: 130 is its exit code, and neither table nor rejects are there."""
    code = """
import sys, os, signal
from pathlib import Path
from hairsplit.data.importing import import_pairs

count = 0
def over_long(text):
    global count
    count += 1
    if count == 200:
        os.kill(os.getpid(), signal.SIGINT)
    return False

signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    import_pairs("hnc", Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), over_long=over_long)
except KeyboardInterrupt:
    sys.exit(130)
"""
    command = [
        sys.executable,
        "-c",
        code,
        str(world / "train.json"),
        str(world / "images"),
        str(tmp_path / "p.parquet"),
    ]
    assert subprocess.run(command, check=False).returncode == 130
    assert list(tmp_path.iterdir()) == []


def test_pairs_seen_before_are_known_however_many_came_between() -> None:
    seen, oracle = Seen(recent=7), set[int]()
    rng = random.Random(0)  # noqa: S311 - for words
    for number in (rng.randrange(300) for _ in range(2_000)):
        assert seen.is_new("a", str(number)) == (number not in oracle)
        oracle.add(number)


def test_the_rows_of_a_format_of_one_piece_are_drawn_too(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.jpg")
    file = tmp_path / "rows.jsonl"
    rows = [{"image": image, "caption": f"cup {n}", "negative": "jug"} for n in range(50) for image in ("a", "b")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    report = import_pairs("jsonl", file, tmp_path, tmp_path / "p.parquet", draw=Draw(pairs=30, seed=3))
    again = import_pairs("jsonl", file, tmp_path, tmp_path / "q.parquet", draw=Draw(pairs=30, seed=3))
    assert (report.pairs, report.read, report.rejects) == (30, 100, {"not_drawn": 70})
    assert file_hash(report.out) == file_hash(again.out)
    assert read_meta(report.out).counts == {"rows": 30, "read": 100, "images": 2, "kind/unnamed": 30}
