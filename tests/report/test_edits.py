"""Which edits fooled a model, on the page: cells with n, interval and what it was; nothing where no edit is known."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hairsplit.evaluate.confusion import fooled
from hairsplit.report.comparison import Group, group_by_data
from hairsplit.report.edits import edit_view, role_name
from hairsplit.report.html import write_report
from hairsplit.report.reading import read_folders
from tests.report.folders import write_evaluation
from tests.report.test_html import Page, words

SEVERAL = ("subject", "object", "roles", "subject")


def with_roles(folder: Path, roles: tuple[str | None, ...] = SEVERAL, **options: float) -> Path:
    """An evaluation whose pair n has role n of `roles`, repeated; images have five pairs, so of several roles."""
    write_evaluation(folder, pairs=60, images=12, edits=True, **options)  # type: ignore[arg-type]
    path = folder / "scores.parquet"
    table = pq.read_table(path)
    column = pa.array([roles[n // 12 % len(roles)] for n in range(60)], pa.string())
    pq.write_table(table.set_column(table.column_names.index("edit_role"), "edit_role", column), path)
    return folder


def group(*folders: Path) -> Group:
    (found,) = group_by_data(read_folders(folders).evaluations)
    return found


def test_cells_are_those_of_the_items_with_what_they_were(tmp_path: Path) -> None:
    found = group(with_roles(tmp_path / "before"), with_roles(tmp_path / "after", skill=0.05))
    view = edit_view(found, "g0")
    assert view is not None
    (table,) = view["tables"]
    assert (table["label"], table["was"]) == ("after", "before")
    assert table["roles"] == ["object", "roles exchanged", "subject"]
    assert [row["name"] for row in table["rows"]] == ["attribute swap", "count", "relation", "all kinds"]
    for evaluation, key in ((found.after, "share"), (found.before, "was")):
        items = evaluation.items
        cells = {(c.kind, c.role): c.share for c in fooled(items.margin, items.kind, items.role, items.cluster)}
        assert table["rows"][1]["cells"][2][key] == cells["count", "subject"]
        assert table["rows"][3]["cells"][0][key] == cells["", "object"]
    heat = table["rows"][3]["cells"][0]
    assert heat["heat"] == round(45 * min(1, 2 * heat["share"].value))
    assert [label for label, _ in view["images"]] == ["before", "after"]


def test_no_cell_is_deeper_than_that_of_a_coin(tmp_path: Path) -> None:
    """A model that is always wrong is fooled by all pairs, twice as often as a coin: in the deepest colour there is."""
    path = with_roles(tmp_path / "a") / "scores.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("negative_cosine")
    pq.write_table(table.set_column(place, "negative_cosine", pc.add(table.column("positive_cosine"), 0.1)), path)
    view = edit_view(group(tmp_path / "a"), "g")
    assert view is not None
    cells = [cell for row in view["tables"][0]["rows"] for cell in row["cells"] if cell is not None]
    assert {(cell["share"].value, cell["heat"]) for cell in cells} == {(1.0, 45)}


def test_one_evaluation_has_one_table_and_three_have_two(tmp_path: Path) -> None:
    folders = [with_roles(tmp_path / name, skill=0.02 * n) for n, name in enumerate("abc")]
    for count, labels in ((1, [("a", None)]), (2, [("b", "a")]), (3, [("b", "a"), ("c", "a")])):
        view = edit_view(group(*folders[:count]), "g")
        assert view is not None
        assert [(table["label"], table["was"]) for table in view["tables"]] == labels
        assert all((cell["was"] is None) == (count == 1) for row in view["tables"][0]["rows"] for cell in row["cells"])


def test_kinds_that_have_one_role_each_are_told_once(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a", edits=True)
    path = tmp_path / "a" / "scores.parquet"
    table = pq.read_table(path)
    table = table.set_column(table.column_names.index("edit_role"), "edit_role", table.column("kind"))
    pq.write_table(table, path)
    view = edit_view(group(tmp_path / "a"), "g")
    assert view is not None
    assert [row["name"] for row in view["tables"][0]["rows"]] == ["all kinds"]
    assert view["tables"][0]["roles"] == ["attribute swap", "count", "relation"]


def test_where_no_edit_is_known_the_page_says_nothing_of_edits(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a")
    assert edit_view(group(tmp_path / "a"), "g") is None
    page = write_report([tmp_path / "a"], tmp_path / "r.html").read_text("utf-8")
    assert "Which edit fooled it" not in page
    assert "-edits" not in page


def test_pairs_without_an_edit_are_in_no_cell(tmp_path: Path) -> None:
    view = edit_view(group(with_roles(tmp_path / "a", ("subject", None, "object", None))), "g")
    assert view is not None
    assert view["tables"][0]["roles"] == ["object", "subject"]
    assert sum(cell["share"].n for cell in view["tables"][0]["rows"][-1]["cells"]) == 36  # of 60
    assert group(tmp_path / "a").before.items.edited is False


def test_one_role_leaves_no_choice_of_a_strongest(tmp_path: Path) -> None:
    view = edit_view(group(with_roles(tmp_path / "a", ("attributes",))), "g")
    assert view is not None
    assert view["strongest"] is None
    page = write_report([tmp_path / "a"], tmp_path / "r.html").read_text("utf-8")
    assert "The strongest false caption" not in page
    assert "attributes exchanged" in page


def test_the_page_shows_every_cell_with_n_and_interval(tmp_path: Path) -> None:
    folders = [with_roles(tmp_path / "before"), with_roles(tmp_path / "after", skill=0.05)]
    page = write_report(folders, tmp_path / "r.html").read_text("utf-8")
    text = words(page)
    view = edit_view(group(*folders), "g0")
    assert view is not None
    cell = view["tables"][0]["rows"][0]["cells"][0]
    told = [
        f"{100 * cell[key].value:.1f} % [{100 * cell[key].low:.1f}, {100 * cell[key].high:.1f}]"
        for key in ("share", "was")
    ]
    assert f"{told[0]} n = {cell['share'].n} was {told[1]}" in text
    for part in (
        "Which edit fooled it",
        "after , and what it was with before",
        "The strongest false caption of an image",
    ):
        assert part in text, part
    assert "if it were any of them" in page
    assert 'aria-label="Bars of how often the strongest false caption of an image is of an edit. ' in page
    parsed = Page(page)
    assert parsed.open == []
    assert "g0-edits" in parsed.ids
    assert len(parsed.ids) == len(set(parsed.ids))


@pytest.mark.parametrize(("code", "name"), [("roles", "roles exchanged"), ("subject", "subject"), ("a_b", "a b")])
def test_roles_in_words(code: str, name: str) -> None:
    assert role_name(code) == name
