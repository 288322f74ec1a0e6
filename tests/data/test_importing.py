"""Import: every row ends up in the table or in the rejects file, and the table holds nothing that stops a run."""

import json
import threading
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode
from hairsplit.core.run import file_hash
from hairsplit.core.tables import read_meta, read_pairs
from hairsplit.data._parallel import in_background, parallel_map
from hairsplit.data._pictures import Pictures
from hairsplit.data.formats import REASONS
from hairsplit.data.importing import ImportReport, import_pairs


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of five sound pictures and five that are not."""
    root = tmp_path / "images"
    (root / "sub").mkdir(parents=True)
    for number, name in enumerate(["a.jpg", "b.png", "c.jpeg", "sub/d.jpg", "photo.v1.png"]):
        Image.new("RGB", (16, 16), (50 * number, 0, 0)).save(root / name)
    whole = (root / "a.jpg").read_bytes()
    (root / "torn.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "words.jpg").write_text("no picture")
    (root / "empty.jpg").touch()
    (tmp_path / "secret.jpg").write_bytes(whole)
    (root / "out.jpg").symlink_to(tmp_path / "secret.jpg")
    (root / "circle.jpg").symlink_to(root / "circle.jpg")
    return root


def write(path: Path, rows: Iterable[tuple[str, str, str | None]], kind: str = "object") -> Path:
    lines = (json.dumps({"image": i, "caption": c, "negative": n, "kind": kind}) + "\n" for i, c, n in rows)
    path.write_text("".join(lines), "utf-8")
    return path


def rejects_of(report: ImportReport) -> list[dict[str, str]]:
    return [json.loads(line) for line in report.rejects_file.read_text("utf-8").splitlines()]


def test_a_clean_file_becomes_a_table_with_its_origin(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [("a.jpg", "a cup", "a jug"), ("b.png", "a cup", None)])
    report = import_pairs("jsonl", file, images, tmp_path / "tables" / "pairs.parquet")
    table = read_pairs(report.out)
    assert [(p.image, p.image_id, p.negative) for p in table.pairs] == [("a.jpg", "a", "a jug"), ("b.png", "b", None)]
    assert table.root.resolve() == images.resolve()
    assert table.meta.images_root == "../images"
    assert table.meta.sources == {"rows.jsonl": file_hash(file)}
    assert table.meta.counts == {"rows": 2, "read": 2, "images": 2, "kind/object": 2}
    assert table.meta.config["format"] == "jsonl"
    assert (report.pairs, report.images, report.read, report.rejects) == (2, 2, 2, {})
    assert rejects_of(report) == []
    assert str(tmp_path) not in json.dumps(table.meta.__dict__)


def test_bare_names_find_their_suffix_and_names_with_a_dot_too(tmp_path: Path, images: Path) -> None:
    names = ["a", "b", "c", "sub/d", "photo.v1", "./a.jpg"]
    file = write(tmp_path / "rows.jsonl", [(name, f"cup {n}", "a jug") for n, name in enumerate(names)])
    table = read_pairs(import_pairs("jsonl", file, images, tmp_path / "p.parquet").out)
    assert [p.image for p in table.pairs] == ["a.jpg", "b.png", "c.jpeg", "sub/d.jpg", "photo.v1.png", "a.jpg"]
    assert [p.image_id for p in table.pairs] == ["a", "b", "c", "sub/d", "photo.v1", "a"]


def test_every_bad_row_is_counted_and_listed_and_none_stops_the_import(tmp_path: Path, images: Path) -> None:
    rows: list[tuple[str, str, str | None]] = [
        ("a.jpg", "a cup", "a jug"),
        ("none.jpg", "a cup", "a jug"),
        ("sub", "a cup", "a jug"),
        ("x" * 300, "a cup", "a jug"),
        ("circle.jpg", "a cup", "a jug"),
        ("torn.jpg", "a cup", "a jug"),
        ("words.jpg", "a cup", "a jug"),
        ("empty.jpg", "a cup", "a jug"),
        ("out.jpg", "a cup", "a jug"),
        ("../secret.jpg", "a cup", "a jug"),
        ("/etc/passwd", "a cup", "a jug"),
        ("a.jpg", "a cup", "A CUP"),
        ("a.jpg", "", "a jug"),
        ("a", "a cup", "a jug"),
        ("b.png", "much too long", "a jug"),
        ("b.png", "a cup", None),
    ]
    file = write(tmp_path / "rows.jsonl", rows)
    report = import_pairs("jsonl", file, images, tmp_path / "p.parquet", over_long=lambda text: len(text) > 10)
    expected = {
        "missing_image": 4, "broken_image": 3, "image_outside_root": 1, "bad_image_path": 2, "identical_texts": 1,
        "empty_caption": 1, "duplicate_pair": 1, "over_long_tokens": 1,
    }  # fmt: skip
    assert report.rejects == dict(sorted(expected.items()))
    assert expected.keys() <= REASONS.keys()
    assert Counter(entry["reason"] for entry in rejects_of(report)) == expected
    assert report.read == len(rows) == report.pairs + sum(report.rejects.values())
    table = read_pairs(report.out)
    assert table.meta.rejects == report.rejects
    for pair in table.pairs:
        assert decode(table.root / pair.image).mode == "RGB"
    assert "missing_image: no such file" in str(report)


def test_a_broken_picture_can_be_left_to_the_training_but_a_missing_one_cannot(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [("torn.jpg", "a cup", "a jug"), ("none", "a cup", "a jug")])
    report = import_pairs("jsonl", file, images, tmp_path / "p.parquet", check_images="exists")
    assert report.rejects == {"missing_image": 1}
    assert [pair.image for pair in read_pairs(report.out).pairs] == ["torn.jpg"]


def test_negatives_of_one_caption_share_a_group(tmp_path: Path, images: Path) -> None:
    rows: list[tuple[str, str, str | None]] = [
        ("a.jpg", "a cup", "a jug"), ("a", "a cup", "a pot"), ("a.jpg", "a mug", "a pot"), ("b", "a cup", "a jug")
    ]  # fmt: skip
    table = read_pairs(import_pairs("jsonl", write(tmp_path / "r.jsonl", rows), images, tmp_path / "p.parquet").out)
    groups = [pair.group_id for pair in table.pairs]
    assert groups[0] == groups[1]
    assert len(set(groups)) == 3


def test_kinds_images_and_a_limit_narrow_the_import(tmp_path: Path, images: Path) -> None:
    file = tmp_path / "rows.csv"
    cells = "a,1,x,k\nb,2,x,other\nc,3,x,k\nsub/d,4,x,k\na,5,x,k\n"
    file.write_text("image,caption,negative,kind\n" + cells, "utf-8")
    out = tmp_path / "p.parquet"
    report = import_pairs("csv", file, images, out, kinds=["k"], exclude_image_ids=["sub/d"])
    assert [pair.caption for pair in read_pairs(out).pairs] == ["1", "3", "5"]
    assert report.rejects == {"excluded_image": 1, "excluded_kind": 1}
    assert report.kinds == {"k": 3}
    report = import_pairs("csv", file, images, out, limit=2, overwrite=True)
    assert (report.pairs, report.read) == (2, 2)
    with pytest.raises(HairsplitError, match="limit is 0"):
        import_pairs("csv", file, images, out, limit=0, overwrite=True)


def test_a_misspelt_kind_is_an_error_with_the_nearest_one(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [("a.jpg", "a cup", "a jug")])
    with pytest.raises(HairsplitError, match="did you mean 'object'"):
        import_pairs("jsonl", file, images, tmp_path / "p.parquet", kinds=["objects"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "rows.jsonl", "secret.jpg"]


def test_no_pair_left_is_an_error_with_the_counts_and_only_the_rejects_are_written(
    tmp_path: Path, images: Path
) -> None:
    file = write(tmp_path / "rows.jsonl", [("none", "a cup", "a jug"), ("torn.jpg", "a cup", "a jug"), ("b", "x", "X")])
    out = tmp_path / "p.parquet"
    with pytest.raises(HairsplitError, match="no pair is left of 3 rows") as caught:
        import_pairs("jsonl", file, images, out)
    for reason in ("1  missing_image", "1  broken_image", "1  identical_texts"):
        assert reason in caught.value.message
    assert "p.rejects.jsonl" in caught.value.hint
    assert not out.exists()
    assert len((tmp_path / "p.rejects.jsonl").read_text("utf-8").splitlines()) == 3


def test_an_empty_file_is_an_error(tmp_path: Path, images: Path) -> None:
    (tmp_path / "rows.jsonl").touch()
    with pytest.raises(HairsplitError, match="the file has no rows"):
        import_pairs("jsonl", tmp_path / "rows.jsonl", images, tmp_path / "p.parquet")


def test_wrong_places_are_errors_that_say_which(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [("a.jpg", "a cup", "a jug")])
    out = tmp_path / "p.parquet"
    with pytest.raises(HairsplitError, match="did you mean 'jsonl'"):
        import_pairs("json", file, images, out)
    with pytest.raises(HairsplitError, match="no such annotation file"):
        import_pairs("jsonl", tmp_path / "none.jsonl", images, out)
    with pytest.raises(HairsplitError, match="is a folder"):
        import_pairs("jsonl", tmp_path, images, out)
    with pytest.raises(HairsplitError, match="images folder does not exist"):
        import_pairs("jsonl", file, tmp_path / "none", out)
    with pytest.raises(HairsplitError, match="replace the annotation file"):
        import_pairs("jsonl", file, images, file, overwrite=True)
    trap = write(tmp_path / "p.rejects.jsonl", [("a.jpg", "a cup", "a jug")])
    with pytest.raises(HairsplitError, match="replace the annotation file"):
        import_pairs("jsonl", trap, images, out)
    assert not out.exists()


def test_an_existing_table_is_kept_unless_told_otherwise(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [("a.jpg", "a cup", "a jug")])
    out = tmp_path / "p.parquet"
    out.write_text("mine")
    with pytest.raises(HairsplitError, match="nothing was changed"):
        import_pairs("jsonl", file, images, out)
    assert out.read_text() == "mine"
    import_pairs("jsonl", file, images, out, overwrite=True)
    assert read_meta(out).counts["rows"] == 1


def test_a_torn_file_leaves_nothing_behind(tmp_path: Path, images: Path) -> None:
    file = write(tmp_path / "rows.jsonl", [("a.jpg", "a cup", "a jug")] * 3)
    file.write_text(file.read_text("utf-8")[:-5], "utf-8")
    before = sorted(tmp_path.iterdir())
    for limit in (None, 100):
        with pytest.raises(HairsplitError, match="line 3"):
            import_pairs("jsonl", file, images, tmp_path / "p.parquet", limit=limit)
    assert sorted(tmp_path.iterdir()) == before


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["a", "a.jpg", "b.png", "torn.jpg", "none", "../x", "out.jpg"]),
            st.sampled_from(["a cup", "a jug ", ""]),
            st.sampled_from(["a cup", "a jug", None]),
        ),
        max_size=12,
    )
)
def test_every_row_is_kept_or_counted_and_the_bytes_are_the_same_for_any_number_of_workers(
    tmp_path: Path, images: Path, rows: list[tuple[str, str, str | None]]
) -> None:
    file = write(tmp_path / "rows.jsonl", rows)
    hashes = set()
    for workers in (1, 3):
        out = tmp_path / "p.parquet"
        out.unlink(missing_ok=True)
        try:
            report = import_pairs("jsonl", file, images, out, workers=workers)
        except HairsplitError as error:
            hashes.add(str(error))
        else:
            assert report.read == len(rows) == report.pairs + sum(report.rejects.values())
            assert read_meta(out).counts["rows"] == report.pairs
            hashes.add(file_hash(out) + file_hash(report.rejects_file))
    assert len(hashes) == 1


def test_checking_pictures_in_threads_leaves_the_warning_filters_alone(images: Path) -> None:
    before = list(warnings.filters)
    pictures = Pictures(images, check="decode")
    pictures.look_at(["a", "b", "c", "torn.jpg", "words.jpg", "empty.jpg"] * 3, workers=4)
    assert [one for one in warnings.filters if one in before] == before
    assert [pictures[name].reason for name in ("a", "torn.jpg", "words.jpg")] == ["", "broken_image", "broken_image"]


def test_an_error_in_a_thread_drops_the_jobs_that_wait() -> None:
    done: list[int] = []
    lock = threading.Lock()

    def job(number: int) -> int:
        with lock:
            done.append(number)
        if number == 0:
            raise KeyboardInterrupt
        threading.Event().wait(0.01)
        return number

    with pytest.raises(KeyboardInterrupt):
        parallel_map(job, range(200), label="jobs", workers=1)
    assert len(done) < 100


def test_an_error_in_the_background_comes_with_the_result() -> None:
    assert in_background(abs, -3).result() == 3
    with pytest.raises(ZeroDivisionError):
        in_background(lambda number: 1 // number, 0).result()


def test_jobs_come_back_in_order() -> None:
    assert parallel_map(lambda number: number**2, range(50), label="squares", workers=4) == [n**2 for n in range(50)]


@pytest.mark.parametrize(("folder", "rows", "bare"), [("coco_bench", 92, 1), ("flickr8k", 300, 0), ("nlvr", 300, 200)])
def test_real_photos_and_captions_are_imported(shared: Path, tmp_path: Path, folder: str, rows: int, bare: int) -> None:
    lines = (shared / "realdata" / folder / "triplets.jsonl").read_text("utf-8").splitlines(keepends=True)
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(lines[-rows:]), "utf-8")
    report = import_pairs("jsonl", file, shared / "realdata" / folder / "images", tmp_path / "p.parquet")
    assert (report.read, report.pairs, report.rejects) == (rows, rows, {})
    table = read_pairs(report.out)
    assert sum(pair.negative is None for pair in table.pairs) >= bare
    assert table.root.resolve() == (shared / "realdata" / folder / "images").resolve()


@pytest.mark.parametrize(
    ("name", "read", "rejects"),
    [
        ("hnc", 115, {"duplicate_pair": 1, "identical_texts": 3}),
        ("hnc_test", 225, {}),
    ],
)
def test_hnc_is_imported_by_bare_ids_and_by_file_names(
    shared: Path, tmp_path: Path, name: str, read: int, rejects: dict[str, int]
) -> None:
    file = {"hnc": "hnc_train_sample.json", "hnc_test": "hnc_test_human_sample.json"}[name]
    source = shared / "fixtures" / "hnc" / file
    root = tmp_path / "images"
    root.mkdir()
    for key in json.loads(source.read_text("utf-8")):
        Image.new("RGB", (8, 8)).save(root / f"{key.removesuffix('.jpg')}.jpg")
    report = import_pairs(name, source, root, tmp_path / "p.parquet")
    assert (report.read, report.rejects) == (read, rejects)
    assert report.pairs == read - sum(rejects.values())
    assert all(pair.image.endswith(".jpg") for pair in read_pairs(report.out).pairs)
