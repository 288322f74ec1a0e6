"""Tables with a header row: columns by alias, errors that name what is missing."""

from pathlib import Path

import pytest

from hairsplit.core.errors import HairsplitError
from tests.data.formats.reading import read, read_text


@pytest.mark.parametrize(
    "header",
    ["image,caption,negative,kind", "filename,text,neg_text,type", " Image , Positive_Caption,negative_caption,KIND"],
)
def test_columns_are_found_by_any_of_their_names(tmp_path: Path, header: str) -> None:
    (pair,) = read_text("csv", tmp_path, f"{header}\na.jpg,a cup,a jug,object\n").pairs
    assert (pair.image, pair.caption, pair.negative, pair.kind) == ("a.jpg", "a cup", "a jug", "object")
    assert pair.source == "csv"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_taken_from_the_header(tmp_path: Path, delimiter: str) -> None:
    text = "image,caption,negative\na.jpg,a cup,a jug\n".replace(",", delimiter)
    assert read_text("csv", tmp_path, text).pairs[0].negative == "a jug"


def test_quoted_cells_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    text = 'image,caption,negative\na.jpg,"a ""cup"", red","a\njug"\nb.jpg,x,\n'
    found = read_text("csv", tmp_path, text)
    assert [(pair.caption, pair.negative) for pair in found.pairs] == [('a "cup", red', "a jug"), ("x", None)]
    assert found.notes[0].what == "control_characters"


def test_image_and_image_id_may_both_be_there(tmp_path: Path) -> None:
    text = "image_id,image,caption,negative\n12,a.jpg,a cup,a jug\n,b.jpg,a cup,a jug\n"
    assert [(p.image, p.image_id) for p in read_text("csv", tmp_path, text).pairs] == [("a.jpg", "12"), ("b.jpg", "b")]


def test_image_id_alone_names_the_image(tmp_path: Path) -> None:
    (pair,) = read_text("csv", tmp_path, "image_id,caption,negative\nn7.jpg,a cup,a jug\n").pairs
    assert (pair.image, pair.image_id) == ("n7.jpg", "n7")


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("image,caption", "negative or neg_text or negative_caption"),
        ("picture,caption,negative", "image or filename or image_id"),
        ("x", "image or filename or image_id; caption or text or positive_caption"),
        ("", "image or filename"),
    ],
)
def test_a_missing_column_is_named_with_what_is_there(tmp_path: Path, header: str, missing: str) -> None:
    with pytest.raises(HairsplitError) as caught:
        read_text("csv", tmp_path, f"{header}\na.jpg,a cup,a jug\n")
    assert missing in caught.value.message
    assert (header or "none").split(",")[0] in caught.value.message
    assert caught.value.where.endswith("line 1")


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="lacks 3 columns"):
        read_text("csv", tmp_path, "")


def test_two_columns_of_one_name_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="two columns are called 'caption'"):
        read_text("csv", tmp_path, "image,caption,caption,negative\n")


def test_rows_of_another_length_are_counted(tmp_path: Path) -> None:
    found = read_text("csv", tmp_path, "image,caption,negative\na.jpg,a cup,a jug\na.jpg,a, cup,a jug\nb.jpg,a\n\n")
    assert len(found.pairs) == 1
    assert found.reasons == {"wrong_cell_count": 2}
    assert found.rejects[0].where == "annotations.csv, line 3"


def test_a_quote_left_open_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError, match="not a table"):
        read_text("csv", tmp_path, 'image,caption,negative\na.jpg,"a cup,a jug\nb.jpg,a cup,a jug\n')


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"image,caption,negative\na.jpg,\xff\xfe,a jug\n")
    with pytest.raises(HairsplitError, match="UTF-8"):
        read("csv", path)
