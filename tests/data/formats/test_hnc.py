"""HNC train and val: linked by cpt_p_id, its own types as kinds."""

import json
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Reject
from hairsplit.data.formats import FORMATS, InexactError
from hairsplit.data.formats._format import Linked
from tests.data.formats.reading import Sorted, read, read_text


def caption(text: str | None, label: object, positive: object = None, kind: str = "attribute") -> dict[str, Any]:
    return {"caption": text, "label": label, "type": kind, "cpt_p_id": positive, "noisy": False}


def read_image(folder: Path, captions: dict[str, Any]) -> Sorted:
    return read_text("hnc", folder, json.dumps({"7": {"captions": captions}}))


def test_the_published_sample_gives_all_its_types_and_its_known_defects(shared: Path) -> None:
    found = read("hnc", shared / "fixtures" / "hnc" / "hnc_train_sample.json")
    assert len(found.pairs) + len(found.rejects) == 115
    assert found.reasons == {"identical_texts": 3}
    assert len({pair.kind for pair in found.pairs}) == 17
    assert Counter(pair.image for pair in found.pairs).keys() == {"2386621", "2373554", "2370799", "2370791", "2370790"}
    assert found.pairs[0].caption == "The plastic straw is to the right of the tablecloth."
    assert found.pairs[0].negative == "The piled straw is to the right of the tablecloth."
    assert (found.pairs[0].kind, found.pairs[0].source) == ("attribute_subg", "hnc")


def test_negatives_find_their_positive_wherever_it_stands(tmp_path: Path) -> None:
    captions = {"9": caption("no b", 0, 4), "3": caption("a", 1), "4": caption("b", 1), "5": caption("no a", 0, 3)}
    found = read_image(tmp_path, captions)
    assert [(pair.caption, pair.negative) for pair in found.pairs] == [("b", "no b"), ("a", "no a")]


def test_a_positive_may_have_several_negatives(tmp_path: Path) -> None:
    found = read_image(tmp_path, {"1": caption("a", 1), "2": caption("b", 0, 1), "3": caption("c", 0, 1)})
    assert [(pair.caption, pair.negative) for pair in found.pairs] == [("a", "b"), ("a", "c")]


def test_captions_without_a_partner_are_counted(tmp_path: Path) -> None:
    captions = {
        "1": caption("alone", 1), "2": caption("of none", 0, None), "3": caption("of a missing one", 0, 77),
        "4": caption("of a negative", 0, 3), "5": caption("a", 1), "6": caption("b", 0, 5),
    }  # fmt: skip
    found = read_image(tmp_path, captions)
    assert found.reasons == {"unlinked_negative": 3, "unlinked_positive": 1}
    assert len(found.pairs) == 1
    assert found.rejects[0].where == "annotations.json, image 7, caption 2"


def test_an_empty_image_has_no_rows(tmp_path: Path) -> None:
    found = read_image(tmp_path, {})
    assert not found.pairs
    assert not found.rejects


def test_a_missing_text_costs_its_row_only(tmp_path: Path) -> None:
    found = read_image(tmp_path, {"1": caption("a", 1), "2": caption(None, 0, 1), "3": caption("c", 0, 1)})
    assert found.reasons == {"missing_negative": 1}
    assert len(found.pairs) == 1


@pytest.mark.parametrize(
    "wrong",
    [caption("a", 2), caption("a", "1"), caption("a", 0, "4"), caption("a", 1, kind=None), {"label": 1}, [1], 3],  # type: ignore[arg-type]
)
def test_a_field_of_a_wrong_type_is_an_error_that_names_the_caption(tmp_path: Path, wrong: object) -> None:
    with pytest.raises(HairsplitError) as caught:
        read_image(tmp_path, {"12": wrong})
    assert caught.value.where.endswith("image 7, caption 12")
    assert "hnc_test" in caught.value.hint


@pytest.mark.parametrize("text", ["[]", '{"7": {}}', '{"7": {"captions": []}}', "3"])
def test_a_file_of_another_shape_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(HairsplitError, match="hnc_test"):
        read_text("hnc", tmp_path, text)


def test_the_human_file_given_as_train_file_is_told_apart(shared: Path) -> None:
    with pytest.raises(HairsplitError, match="format hnc_test"):
        read("hnc", shared / "fixtures" / "hnc" / "hnc_test_human_sample.json")


def test_a_caption_id_that_stands_twice_is_an_error_that_names_it(tmp_path: Path) -> None:
    one, two = json.dumps(caption("a", 1)), json.dumps(caption("b", 0, 1))
    text = f'{{"6": {{"captions": {{}}}}, "7": {{"captions": {{"1": {one}, "2": {two}, "2": {two}}}}}}}'
    with pytest.raises(HairsplitError, match="the key '2' stands twice") as caught:
        read_text("hnc", tmp_path, text)
    assert caught.value.where.endswith("image 7")


@pytest.mark.parametrize(
    ("old", "new", "key", "where"),
    [
        ('"label": 1', '"label": 0, "label": 1', "label", "caption 1"),
        ('"label": 0', '"label":0,"label" : 0', "label", "caption 2"),
        ('"caption": "a"', '"caption": "c", "caption": "a"', "caption", "caption 1"),
        ('"type": "attribute"', '"type": "object", "type": "attribute"', "type", "caption 1"),
        ('"cpt_p_id": 1', '"cpt_p_id": 1, "cpt_p_id": 1', "cpt_p_id", "caption 2"),
        ('{"captions": ', '{"captions": {}, "captions": ', "captions", "image 7"),
        ('"noisy": false', '"noisy": true, "noisy": false', "noisy", "caption 1"),
        ('"ambiguous": false', '"ambiguous": true, "ambiguous": false', "ambiguous", "caption 1"),
        ('"ambiguity": {', '"ambiguity": {"ambiguous": true}, "ambiguity": {', "ambiguity", "caption 1"),
        ('"ambiguous": false', '"ambiguous": false, "subgraph1": {"ambiguous": true}, "subgraph1": null',
         "subgraph1", "caption 1"),
        ('"label": 1', r'"la\u0062el": 0, "label": 1', "label", "caption 1"),
        ('"label": 1', r'"label": 1, "lab\u0065l" : 0', "label", "caption 1"),
        ('"caption": "a"', r'"caption": "\"", "\u0063aption": "a\"b"', "caption", "caption 1"),
    ],
)  # fmt: skip
def test_a_field_that_stands_twice_is_an_error_that_names_it_and_its_place(
    tmp_path: Path, old: str, new: str, key: str, where: str
) -> None:
    mark = {"ambiguity": {"ambiguous": False}}
    text = json.dumps({"7": {"captions": {"1": caption("a", 1) | mark, "2": caption("b", 0, 1) | mark}}})
    path = tmp_path / "a.json"
    path.write_text(text, "utf-8")
    assert len(drawn_from(path, ["noisy"])) == 1
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InexactError):
        drawn_from(path, ["noisy"])
    parts = FORMATS["hnc"].parts
    assert parts is not None
    with pytest.raises(HairsplitError, match=f"the key '{key}' stands twice") as caught:
        [list(parts.read(part, path, ["noisy"])) for part in parts.cut(path, True)]
    assert caught.value.where.endswith(where)


def test_escapes_in_texts_or_in_a_key_that_stands_once_change_no_row(tmp_path: Path) -> None:
    """The former are read in parts all the same; the latter are read exactly."""
    words = 'a "quoted": \\ caf\u00e9\n'
    entries = {"1": caption(words, 1), "2": caption("\\", 0, 1, kind='\\"')}
    path = tmp_path / "a.json"
    text = json.dumps({"7": {"captions": entries}})
    path.write_text(text, "utf-8")
    expected = [(words, "\\", '\\"')]
    assert [row[1:] for row in drawn_from(path, []) if not isinstance(row, Reject)] == expected
    path.write_text(text.replace('"type"', r'"t\u0079pe"'), "utf-8")
    with pytest.raises(InexactError):
        drawn_from(path, [])
    assert [(p.caption, p.negative, p.kind) for p in read("hnc", path).pairs] == [(words.strip(), "\\", '\\"')]


def test_texts_that_look_like_fields_are_no_twins(tmp_path: Path) -> None:
    """Read in parts all the same: the words stand as values, or in the sentence."""
    text = 'say "caption": or "label", "type":'
    entries = {"1": caption(text, 1, kind="label"), "2": caption("cpt_p_id", 0, 1, kind="label")}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"7": {"captions": entries}}).replace('"label":', '"label" :'), "utf-8")
    assert [row[1:] for row in drawn_from(path, []) if not isinstance(row, Reject)] == [(text, "cpt_p_id", "label")]


def test_a_byte_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    text = json.dumps({"7": {"captions": {"1": caption("a@b", 1)}}}).encode()
    path.write_bytes(text.replace(b"@", b"\xff"))
    with pytest.raises(HairsplitError, match=f"byte {text.index(b'@')} is not UTF-8"):
        read("hnc", path)


def drawn_from(path: Path, drops: Collection[str]) -> list[Linked | Reject]:
    parts = FORMATS["hnc"].parts
    assert parts is not None
    return [row for part in parts.cut(path, False) for image in parts.read(part, path, drops) for row in image.rows]


@pytest.mark.parametrize("drops", [(), ("noisy",), ("ambiguous",), ("noisy", "ambiguous")])
def test_marked_pairs_are_dropped_if_either_caption_is_marked(shared: Path, drops: tuple[str, ...]) -> None:
    """Oracle: plain Python over json.load, with the published sample's own marks, nested ones too."""

    def is_marked(mark: object, name: str) -> bool:
        return any(is_marked(inner, name) for inner in mark.values()) if isinstance(mark, dict) else mark is True

    path = shared / "fixtures" / "hnc" / "hnc_train_sample.json"
    kept, dropped = [], 0
    for image in json.loads(path.read_text("utf-8")).values():
        for entry in image["captions"].values():
            if entry["label"] == 0:
                both = (entry, image["captions"][str(entry["cpt_p_id"])])
                marks = {"noisy": any(is_marked(one["noisy"], "noisy") for one in both)}
                marks["ambiguous"] = any(is_marked(one["ambiguity"], "ambiguous") for one in both)
                dropped += any(marks[name] for name in drops)
                kept += [] if any(marks[name] for name in drops) else [entry["caption"]]
    rows = drawn_from(path, drops)
    assert [row[2] for row in rows if not isinstance(row, Reject)] == kept
    assert sum(isinstance(row, Reject) and row.reason in drops for row in rows) == dropped
    assert (dropped > 0) == bool(drops)


def test_marks_that_the_file_lacks_cannot_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"7": {"captions": {"1": caption("a", 1)}}}), "utf-8")
    with pytest.raises(InexactError):
        drawn_from(path, ["noisy"])
