"""`hairsplit audit` as a user types it: tables and annotation files, overlaps, mistakes, and the page it writes."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hairsplit.core.tables import PairsMeta, write_pairs
from tests.cli.conftest import Hairsplit, refused
from tests.evaluate.audits import balanced, planted
from tests.small_world import World, pair, write_table


class Outside(HTMLParser):
    """What a page would load or run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag] * (tag in {"script", "link", "iframe"})
        self.found += [str(v) for k, v in attrs if k in {"src", "href"} and v and not v.startswith(("data:", "#"))]


def test_a_table_is_audited_against_another_and_a_folder(hairsplit: Hairsplit, world: World, tmp_path: Path) -> None:
    shutil.copytree(world.drawn / "images", tmp_path / "folder")
    done = hairsplit(
        *("audit", world.train, "--against", world.test, "--against", tmp_path / "folder", "--out", tmp_path / "a")
    )
    assert done.code == 0, done.err
    assert {file.name for file in (tmp_path / "a").iterdir()} == {"audit.html", "audit.json", "exclude_images.txt"}
    record = json.loads((tmp_path / "a" / "audit.json").read_text())
    train = record["shape"]["images"]
    assert [one["content"] for one in record["overlaps"]] == [0, train]
    ids = (tmp_path / "a" / "exclude_images.txt").read_text().split()
    assert len(ids) >= train
    assert f"{train:,} of {train:,} pictures are in {tmp_path / 'folder'} too" in done.out
    assert "told without the image" in done.out
    page = (tmp_path / "a" / "audit.html").read_text()
    assert Outside(page).found == []
    assert page.count("<svg") == 4
    assert "data:image/png" in page
    assert page.count('<li class="look">') == 50
    assert page.count('<span class="box ') >= 50, "drawn scenes keep the boxes of what they speak of"


def test_images_that_overlap_can_be_left_out_of_the_next_captions(
    hairsplit: Hairsplit, world: World, tmp_path: Path
) -> None:
    words = ("audit", world.train, "--against", world.train, "--no-look", "--show", 0)
    done = hairsplit(*words, "--out", tmp_path / "a")
    assert done.code == 0, done.err
    assert "A look at the pairs" not in (tmp_path / "a" / "audit.html").read_text()
    made = ("captions", world.drawn / "scene_graphs.json", "--images", world.drawn / "images", "--world", "closed")
    excluded = ("--split", "train", "--exclude-images", tmp_path / "a" / "exclude_images.txt")
    done = hairsplit(*made, *excluded, "--out", tmp_path / "t.parquet")
    assert done.code == 2  # nothing is left
    assert "excluded" in done.err


def test_texts_are_audited_without_pictures_and_strangers_texts_stay_text(hairsplit: Hairsplit, tmp_path: Path) -> None:
    rows = [*planted(60, "markers"), *balanced(60), pair("x.png", "a <script>alert(1)</script> cup", "a cup")]
    write_pairs(tmp_path / "t.parquet", [*rows, pair("x.png", "a cup", "a hat")], PairsMeta("nowhere"))
    done = hairsplit("audit", tmp_path / "t.parquet", "--out", tmp_path / "a")
    assert done.code == 0, done.err
    assert "markers: without the image, a reader of" in done.out
    assert "61  pictures that are not there" in done.out
    both = json.loads((tmp_path / "a" / "audit.json").read_text())["problems"]["labelled_both_ways"]
    assert [row["image"] for row in both["examples"]].count("x.png") == 2
    assert f"false of it in another: {both['count']} (" in done.out
    page = (tmp_path / "a" / "audit.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "picture not found" not in page
    assert not (tmp_path / "a" / "exclude_images.txt").exists()


def test_annotations_are_audited_before_import_and_what_the_reader_leaves_out_is_counted(
    hairsplit: Hairsplit, tmp_path: Path
) -> None:
    lines = [{"image": f"{n}.jpg", "caption": f"a cup {n}", "negative": f"no cup {n}"} for n in range(30)]
    lines.append({"image": "x.jpg", "caption": "same", "negative": "Same"})
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, lines)))
    done = hairsplit("audit", tmp_path / "t.jsonl", "--format", "jsonl", "--out", tmp_path / "a")
    assert done.code == 0, done.err
    assert "30 pairs of 30 images" in done.out
    assert "rows left out by the reader: identical_texts" in done.out


def test_the_same_table_gives_the_same_page(hairsplit: Hairsplit, tmp_path: Path) -> None:
    write_pairs(tmp_path / "t.parquet", balanced(40), PairsMeta("nowhere"))
    pages = []
    for name in ("a", "b"):
        assert hairsplit("audit", tmp_path / "t.parquet", "--out", tmp_path / name).code == 0
        pages.append((tmp_path / name / "audit.html").read_text().split("<details><summary>Stamp")[0])
    assert pages[0] == pages[1]


def test_a_handful_of_pairs_has_counts_and_says_why_there_is_no_attack(hairsplit: Hairsplit, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    write_table(tmp_path / "t.parquet", [pair("a.png"), pair("b.png", negative=None)], tmp_path / "images")
    done = hairsplit("audit", tmp_path / "t.parquet", "--out", tmp_path / "a")
    assert done.code == 0, done.err
    assert "no text-only attack: 1 pair to learn from, too few" in done.out
    assert "1  rows without a negative" in done.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["missing.parquet"], "no such pairs table"),
        (["t.parquet", "--against", "missing"], "no such pairs table"),
        (["t.parquet", "--images", "missing"], "the images folder does not exist"),
        (["t.parquet", "--format", "jsonn"], "no format is called"),
        (["missing.jsonl", "--format", "jsonl"], "no such annotation file"),
        (["empty.parquet"], "there is no pair to audit"),
    ],
)
def test_mistakes_are_told_and_nothing_is_left_behind(
    hairsplit: Hairsplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_pairs(Path("t.parquet"), balanced(10), PairsMeta("nowhere"))
    write_pairs(Path("empty.parquet"), [], PairsMeta("nowhere"))
    assert message in refused(hairsplit("audit", *words, "--out", "a"))
    assert not Path("a").exists() or not list(Path("a").iterdir())


def test_an_audit_replaces_nothing(hairsplit: Hairsplit, tmp_path: Path) -> None:
    write_pairs(tmp_path / "t.parquet", balanced(10), PairsMeta("nowhere"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "mine.txt").write_text("mine")
    assert "exists already" in refused(hairsplit("audit", tmp_path / "t.parquet", "--out", tmp_path / "a"))
    assert (tmp_path / "a" / "mine.txt").read_text() == "mine"
