"""Counts by hand, and against plain loops over random tables."""

from collections import Counter

from hypothesis import given
from hypothesis.strategies import lists, none, one_of, sampled_from, tuples

from hairsplit.evaluate.audit_counts import count_problems, count_shape, measure_kinds, one_sided_words, own_texts
from hairsplit.evaluate.audit_text import text_facts
from tests.evaluate.audits import table

TEXTS = sampled_from(["a cup", "A  cup", "a cup .", "a bowl", "no bowl", " "])
ROWS = lists(tuples(sampled_from("ijk"), TEXTS, one_of(none(), TEXTS)), max_size=12)
Row = tuple[str, str, str | None]


def plain(text: str) -> str:
    return " ".join(text.lower().split())


@given(rows=ROWS)
def test_problems_agree_with_plain_loops(rows: list[Row]) -> None:
    columns = table(*rows)
    found = {name: part["count"] for name, part in count_problems(columns, text_facts(columns)).items()}
    pairs = [(i, plain(c), plain(n)) for i, c, n in rows if n is not None]
    true, false = {(i, c) for i, c, _ in pairs}, {(i, n) for i, _, n in pairs}
    normal = [(i, plain(c), None if n is None else plain(n)) for i, c, n in rows]
    bare = [(c.replace(".", "").strip(), n.replace(".", "").strip()) for _, c, n in pairs]
    assert found == {
        "no_negative": len(rows) - len(pairs),
        "empty_text": sum(not c.strip() or (n is not None and not n.strip()) for _, c, n in rows),
        "identical_pair": sum(c == n for _, c, n in pairs),
        "same_words": sum(a == b for a, b in bare) - sum(c == n for _, c, n in pairs),
        "duplicate_row": len(rows) - len(set(normal)),
        "labelled_both_ways": sum((i, c) in false or (i, n) in true for i, c, n in pairs),
    }


@given(rows=ROWS)
def test_shares_of_symmetry_agree_with_plain_loops(rows: list[Row]) -> None:
    columns = table(*rows)
    facts = text_facts(columns)
    shape = count_shape(columns, facts)
    pairs = [(i, plain(c), plain(n)) for i, c, n in rows if n is not None]
    if not pairs:
        assert shape["negative_is_a_caption_elsewhere"] is None
        return
    captions, both = {c for _, c, _ in pairs}, {(c, n) for _, c, n in pairs}
    with_caption = Counter(c for _, c in {(i, c) for i, c, _ in pairs})
    with_negative = Counter(n for _, n in {(i, n) for i, _, n in pairs})
    many = [(with_caption[c] > 1, with_negative[n] > 1) for _, c, n in pairs]
    assert shape["negative_is_a_caption_elsewhere"] * len(pairs) == sum(n in captions for _, _, n in pairs)
    assert round(shape["pair_stands_reversed_elsewhere"] * len(pairs)) == sum((n, c) in both for _, c, n in pairs)
    assert round(shape["caption_stands_with_other_images"] * len(pairs)) == sum(c for c, _ in many)
    assert round(shape["negative_stands_with_other_images"] * len(pairs)) == sum(n for _, n in many)
    assert own_texts(columns, facts.rows).tolist() == [not (c or n) for c, n in many]


def test_examples_name_the_rows() -> None:
    columns = table(("i", "a cup", "a bowl"), ("i", "a bowl", "a hat"), ("j", "a bowl", "a hat"))
    part = count_problems(columns, text_facts(columns))["labelled_both_ways"]
    assert [example["row"] for example in part["examples"]] == [0, 1]
    assert part["share"] == 2 / 3


def test_measures_by_hand() -> None:
    columns = table(
        ("i", "cup left of hat", "cup right of hat", "relation"),
        ("j", "one two three", "one", "other"),
        ("k", "no cup", "a cup .", "other"),
        ("k", "cup on left", "cup on hat", "other"),
    )
    found = measure_kinds(columns, text_facts(columns))
    assert set(found) == {"", "relation", "other"}
    assert found["relation"]["left_right_swapped"] == found["relation"]["left_or_right"] == 1.0
    assert found["other"]["left_right_swapped"] == 0.0
    assert found["other"]["left_or_right"] == 1 / 3
    assert found["other"]["longer_is_true"]["value"] == (1 + 0 + 0.5) / 3
    assert found["other"]["longer_is_true"]["chance"] == 0.5
    assert found["other"]["markers"]["negation"] == {"caption": 1 / 3, "negative": 0.0}
    assert found[""]["edit"]["sizes"] == {"0": 0, "1": 2, "2": 2, "3": 0, "4–5": 0, "6–8": 0, "9 or more": 0}
    assert found[""]["longer_by"]["2"] == 1
    assert sum(found[""]["longer_by"].values()) == 4


def test_words_that_take_sides_come_first_with_their_counts() -> None:
    rows = [(f"i{n}", "a cup here", "not a cup here") for n in range(30)]
    rows += [(f"j{n}", "a red hat", "a blue hat") for n in range(10)]
    rows += [(f"k{n}", "a blue hat", "a red hat") for n in range(8)]
    columns = table(*rows)
    words = one_sided_words(columns, text_facts(columns))
    assert words[0]["word"] == "not"
    assert (words[0]["caption_only"], words[0]["negative_only"]) == (0, 30)
    assert words[0]["true_share"]["value"] == 0.0
    assert words[0]["true_share"]["high"] > 0.0
    assert {word["word"] for word in words[1:]} == {"red", "blue"}
    assert words[1]["true_share"]["value"] in {10 / 18, 8 / 18}


def test_a_table_without_a_pair_has_counts_of_zero() -> None:
    columns = table(("i", "a cup", None))
    facts = text_facts(columns)
    assert measure_kinds(columns, facts) == {}
    assert one_sided_words(columns, facts) == []
    assert count_shape(columns, facts)["pairs"] == 0
