import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from hairsplit.core.errors import HairsplitError
from hairsplit.report.html import write_report
from tests.report.folders import write_demo, write_evaluation, write_images, write_run

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Collects ids, and fails where a tag is closed that is not the one open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if tag == "a" and name == "href":
                self.links.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())


def words(page: str) -> str:
    """The text of a page, tags and breaks removed."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("\u00a0", " ").split())


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    write_report(write_demo(root), root / "report.html")
    return root


@pytest.fixture
def page(demo: Path) -> str:
    return (demo / "report.html").read_text("utf-8")


def test_headline_puts_gain_beside_forgetting_with_intervals(page: str, demo: Path) -> None:
    was, now = (
        json.loads((demo / name / "metrics.json").read_text())["overall"]["macro_pair_accuracy"]
        for name in ("before", "after")
    )
    text = words(page)
    assert f"{100 * was['value']:.1f} % → {100 * now['value']:.1f} %" in text
    assert f"[{100 * now['low']:.1f}, {100 * now['high']:.1f}] · n = 60 · chance 50.0 %" in text
    assert "rose by" in text
    assert "97.0 % → 96.0 %" in text
    assert "−1.0 points" in text


def test_page_has_every_part(page: str) -> None:
    text = words(page)
    for part in ("Pair accuracy by kind", "By source", "held out", "Similarities", "Forgetting", "Most improved"):
        assert part in text
    for part in (
        "text only",
        "Avg_Pos",
        "Acc@1.1",
        "cosines ≤ 0",
        "missing image",
        "vision tower 466,000 no 40.0 %",
        "lr: 0.0005",
    ):
        assert part in text
    assert "attribute swap" in text
    assert "1 min 15 s" in text
    assert page.count("<svg") == 7  # kinds, similarities, four training curves


def test_each_source_is_shown_as_the_mean_over_its_kinds_and_over_its_pairs(tmp_path: Path) -> None:
    for folder, skill in (("before", 0.0), ("after", 0.05)):
        write_evaluation(tmp_path / folder, skill=skill, pairs=58)  # no multiple of the number of kinds
    text = words(write_report([tmp_path / "before", tmp_path / "after"], tmp_path / "r.html").read_text("utf-8"))
    for name in ("seen", "held_out"):
        was, now = (
            json.loads((tmp_path / one / "metrics.json").read_text())["sources"][name] for one in ("before", "after")
        )
        assert was["pair_accuracy"]["value"] != was["macro_pair_accuracy"]["value"]
        for what, key in ((", mean over kinds", "macro_pair_accuracy"), (", all pairs", "pair_accuracy")):
            row = text[text.index(name.replace("_", " ") + what) :]
            assert re.findall(r"\d+\.\d %", row)[:2] == [f"{100 * one[key]['value']:.1f} %" for one in (was, now)]
            change = 100 * (now[key]["value"] - was[key]["value"])
            shown = re.search(r"[+\u2212]\d+\.\d", row)
            assert shown is not None
            assert float(shown.group().replace("\u2212", "-")) == pytest.approx(change, abs=0.051)


def test_the_blind_readers_mean_over_kinds_has_its_interval(page: str) -> None:
    assert "mean over kinds n = 60 56.7 % [51.2, 63.4]" in words(page)


def test_page_stands_alone_and_runs_nothing(page: str) -> None:
    outside = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?\s*(?!data:|#|&#39;#)([^"')\s>]+)""", page)
    assert outside == []
    assert "@import" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_page_is_well_formed_and_its_links_lead_somewhere(page: str) -> None:
    parsed = Page(page)
    assert parsed.open == []
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.links
    assert {link.removeprefix("#") for link in parsed.links} <= set(parsed.ids)


def test_every_picture_and_figure_has_a_text_for_those_who_do_not_see_it(page: str) -> None:
    assert all(re.search(r'alt="[^"]{10,}"', image) for image in re.findall(r"<img[^>]*>", page))
    assert all('role="img" aria-label="' in figure for figure in re.findall(r"<svg[^>]*>", page))
    assert Page(page).tags.count("h1") == 1


def test_same_inputs_give_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    again = write_report([demo / "before", demo / "run", demo / "after"], tmp_path / "again.html")
    assert again.read_bytes() == (demo / "report.html").read_bytes()


def test_a_parent_folder_is_read_with_before_first(demo: Path, tmp_path: Path) -> None:
    assert write_report([demo], tmp_path / "again.html").read_bytes() == (demo / "report.html").read_bytes()


def test_texts_of_strangers_are_escaped(tmp_path: Path) -> None:
    evil = "<script>alert('{a}{b}')</script> & <img src=x onerror=y>"
    write_evaluation(tmp_path / "<b>x", caption=evil, images_root="<i>/")
    write_run(tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text("a: '<script>'\n")
    page = write_report([tmp_path / "<b>x", tmp_path / "run"], tmp_path / "r.html", title="<script>t").read_text()
    assert "<script" not in page
    assert "<b>x" not in page
    assert page.count("<img") == 0
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("edits", [False, True])
def test_negatives_are_called_edits_only_where_the_edits_are_known(tmp_path: Path, edits: bool) -> None:
    write_evaluation(tmp_path / "only", edits=edits)
    text = write_report([tmp_path / "only"], tmp_path / "r.html").read_text("utf-8")
    assert ("a caption made false of the image by one edit" in text) == edits
    assert ("a caption that is false of the image" in text) != edits


def test_a_missing_picture_is_a_tile_that_says_so_and_is_counted(tmp_path: Path) -> None:
    folders = write_demo(tmp_path)
    (tmp_path / "images" / "003.png").unlink()
    (tmp_path / "images" / "004.png").write_bytes(b"\x89PNG torn")
    page = write_report([folders[0]], tmp_path / "r.html").read_text()
    assert 'class="tile" role="img" aria-label="picture not found: 003.png"' in page
    assert "picture not found 1, " in words(page) or "not a picture 1, picture not found 1" in words(page)


def test_pictures_outside_the_images_folder_are_not_shown(tmp_path: Path) -> None:
    write_demo(tmp_path)
    Image.new("RGB", (9, 9), "red").save(tmp_path / "secret.png")
    scores = tmp_path / "before" / "scores.parquet"
    table = pq.read_table(scores)
    place = table.schema.get_field_index("image")
    pq.write_table(table.set_column(place, "image", pa.array(["../secret.png"] * len(table))), scores)
    page = write_report([tmp_path / "before"], tmp_path / "r.html").read_text()
    assert "<img" not in page
    assert "path leaves the images folder 1" in words(page)


def test_evaluations_on_other_data_are_shown_apart_and_not_compared(tmp_path: Path) -> None:
    write_images(tmp_path / "images")
    write_evaluation(tmp_path / "before")
    write_evaluation(tmp_path / "other", skill=0.06, data_hash="e" * 32)
    text = words(write_report([tmp_path / "before", tmp_path / "other"], tmp_path / "r.html").read_text())
    assert "measured on other data than the evaluations above (data hash eeeeeeeeeeee )" in text
    assert "not compared" in text
    assert "now right" not in text
    assert "rose by" not in text


def test_recognition_on_another_task_has_no_difference(tmp_path: Path) -> None:
    folders = write_demo(tmp_path)
    path = tmp_path / "after" / "metrics.json"
    metrics = json.loads(path.read_text())
    metrics["recognition"]["classes"] = 10
    path.write_text(json.dumps(metrics))
    text = words(write_report(folders, tmp_path / "r.html").read_text())
    assert "97.0 % →" not in text
    assert "not measured on the same task" in text


def test_one_evaluation_alone_says_that_recognition_was_not_measured(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "only", recognition=False)
    text = words(write_report([tmp_path / "only"], tmp_path / "r.html").read_text())
    assert "Recognition was not measured" in text
    assert "→" not in text
    assert "now right" not in text


def test_a_run_alone_shows_its_curves_and_what_is_unfinished(tmp_path: Path) -> None:
    write_run(tmp_path / "a", finished=False)
    page = write_report([tmp_path / "a"], tmp_path / "r.html").read_text()
    assert page.count("<svg") == 4
    assert "There is no summary.json" in page
    assert Page(page).open == []


def test_a_run_of_which_nothing_was_logged_says_so(tmp_path: Path) -> None:
    write_run(tmp_path / "a", steps=0, finished=False)
    assert "No training step was logged." in write_report([tmp_path / "a"], tmp_path / "r.html").read_text()


def test_three_models_are_each_compared_with_the_first(tmp_path: Path) -> None:
    folders = [*write_demo(tmp_path), tmp_path / "more"]
    write_evaluation(tmp_path / "more", skill=0.1)
    page = write_report(folders, tmp_path / "r.html").read_text()
    assert page.count("now right") == 4  # two comparisons, in the tables by kind and by source
    assert Page(page).open == []


def test_large_photos_keep_the_page_small(tmp_path: Path) -> None:
    folders = write_demo(tmp_path, pairs=120)
    photo = Image.effect_noise((1200, 900), 60).convert("RGB")
    photo.save(tmp_path / "000.png", compress_level=1)
    for number in range(12):
        shutil.copy(tmp_path / "000.png", tmp_path / "images" / f"{number:03}.png")
    out = write_report(folders, tmp_path / "r.html")
    assert out.stat().st_size < 3_000_000
    assert out.read_text().count("data:image/jpeg") == 24


def test_an_output_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="is a folder"):
        write_report([tmp_path], tmp_path)


def test_the_package_loads_no_torch() -> None:
    code = "import sys, hairsplit.report.html; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
