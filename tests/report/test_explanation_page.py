"""The page of an explanation: well-formed, escaped, alone, with the numbers of the .npz; and the still pictures."""

import base64
import hashlib
import html
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from hairsplit.core.attribution import Attribution
from hairsplit.core.attribution_file import load_explanation, save_explanation
from hairsplit.core.errors import HairsplitError
from hairsplit.report.explanation import sides
from hairsplit.report.explanation_figure import write_figure
from hairsplit.report.explanation_page import write_page
from hairsplit.report.heat import NEGATIVE, POSITIVE, heat_uri, shaded
from tests.report.explained import CAPTION, PICTURE, attribution, direct, indirect

ALL = (attribution, direct, indirect)
VOID = {"meta", "br", "input", "img"}


class Tree(HTMLParser):
    """Checks that every element is closed in its place, and keeps what is needed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, self.getpos()

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)


def page(made: Any, folder: Path, **options: Any) -> tuple[str, Tree]:
    write_page(made, PICTURE, folder / "page.html", **options)
    text = (folder / "page.html").read_text("utf-8")
    tree = Tree()
    tree.feed(text)
    tree.close()
    assert tree.open == []
    return text, tree


@pytest.mark.parametrize("make", ALL)
def test_the_page_is_well_formed_and_loads_nothing(make: Any, tmp_path: Path) -> None:
    _, tree = page(make(), tmp_path)
    for tag, attributes in tree.attributes:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on"), name
            if name in {"src", "href", "xlink:href", "srcset"}:
                assert value is not None
                assert value.startswith(("#", "data:image/")), value
        if tag == "svg" and attributes.get("role") == "img":
            assert attributes["aria-label"]
    ids = [a["id"] for _, a in tree.attributes if "id" in a]
    assert len(ids) == len(set(ids))
    assert not re.search(r"@import|url\(", (tmp_path / "page.html").read_text("utf-8"))


@pytest.mark.parametrize("make", ALL)
def test_only_our_script_may_run(make: Any, tmp_path: Path) -> None:
    text, tree = page(make(), tmp_path)
    (policy,) = (a["content"] for _, a in tree.attributes if a.get("http-equiv") == "Content-Security-Policy")
    data, script = tree.scripts
    assert len(re.findall("<script", text)) == 2
    mine = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None
    assert f"script-src 'sha256-{mine}';" in policy
    assert "default-src 'none'" in policy
    assert "<" not in data


def test_strangers_text_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    text, _ = page(attribution(), tmp_path)
    assert "<script>alert" not in text
    assert f"<h1>{html.escape(CAPTION)}</h1>" in text
    assert "<note>" not in text
    assert "<b>made" not in text
    assert "&lt;b&gt;made" in text


@pytest.mark.parametrize("make", ALL)
def test_the_script_works_with_the_numbers_of_the_npz(make: Any, tmp_path: Path) -> None:
    save_explanation(make(), tmp_path / "e.npz")
    made = load_explanation(tmp_path / "e.npz")
    _, tree = page(made, tmp_path)
    data = json.loads(tree.scripts[0])
    assert len(data["views"]) == len(sides(made))
    with np.load(tmp_path / "e.npz") as file:
        for view, side in zip(data["views"], sides(made), strict=True):
            prefix = {"margin": "direct.", "caption": "positive_side.", "negative": "negative_side."}[side.name]
            prefix = "" if isinstance(made, Attribution) else prefix
            for name in ("values", "class_values", "text_main"):
                stored = np.frombuffer(base64.b64decode(view[name]), "<f4")
                np.testing.assert_array_equal(stored, file[prefix + name].ravel())
            assert view["groups"][1:4] == [0, 1, 1]


def test_what_is_printed_as_a_sum_adds_up(tmp_path: Path) -> None:
    text, _ = page(attribution(), tmp_path)
    table = text[text.index('<table class="parts">') : text.index("</table>")]
    found = [
        float(n.replace("−", "-"))
        for n in re.findall(r'<td class="num"><span data-value="[^"]+">([^<]+)</span></td>', table)
    ]
    assert len(found) == 6
    assert round(sum(found[:-1]), 4) == found[-1] == round(attribution().score, 4)


def test_start_and_end_are_listed_where_they_add_something(tmp_path: Path) -> None:
    assert "start and end" not in page(attribution(), tmp_path)[0]
    assert "start and end" in page(attribution(special=1.0), tmp_path)[0]


@pytest.mark.parametrize("make", ALL)
def test_same_inputs_same_bytes(make: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        page(make(), tmp_path / name, spans=["red"])
        for kind in ("png", "svg"):
            write_figure(make(), PICTURE, tmp_path / name / f"e.{kind}", ["red"])
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()


def test_a_span_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="not in the caption"):
        page(attribution(), tmp_path, spans=["cat"])
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("make", ALL)
def test_still_pictures_show_words_and_sums(make: Any, tmp_path: Path) -> None:
    for kind in ("png", "svg"):
        write_figure(make(), PICTURE, tmp_path / f"e.{kind}", ["red"])
    with Image.open(tmp_path / "e.png") as picture:
        assert picture.size[0] > 700
    root = ElementTree.parse(tmp_path / "e.svg").getroot()  # noqa: S314 - we wrote it
    told = " ".join(text.strip() for text in root.itertext())
    for word in ("red", "“red”", "not accounted for", "dog"):
        assert word in told
    assert "<script" not in (tmp_path / "e.svg").read_text("utf-8")


def test_colours_are_symmetric_and_their_strength_is_linear() -> None:
    heat = np.array([[0.0, 1.0, 2.0, 4.0], [0.0, -1.0, -2.0, -4.0]])
    colours = shaded(heat, 2.0)
    assert colours[..., 3].tolist() == [[0, 117, 235, 235]] * 2
    assert (tuple(colours[0, 1, :3]), tuple(colours[1, 1, :3])) == (POSITIVE, NEGATIVE)
    stored = Image.open(io.BytesIO(base64.b64decode(heat_uri(heat, 2.0).split(",")[1])))
    np.testing.assert_array_equal(np.asarray(stored), colours)
