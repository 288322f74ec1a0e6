from dataclasses import replace

from tests.captions.families.hand import pairs, said, scene, thing

CIRCLES = [replace(thing("circle", 10 + 30 * n), id=f"c{n}") for n in range(3)]
STARS = [replace(thing("star", 10 + 30 * n, 150), id=f"s{n}") for n in range(2)]


def shown(text: str) -> str:
    return text.replace("the picture shows ", "").replace("there are ", "")


def test_unequal_numbers_are_turned_round_where_no_equal_ones_are_near() -> None:
    found = pairs(scene(*CIRCLES, *STARS), "compare_count", "closed")
    texts = {(shown(a), shown(b)) for a, b in said(found)}
    assert texts == {
        ("more circles than stars", "fewer circles than stars"),
        ("fewer stars than circles", "more stars than circles"),
    }
    assert {p.edit.role for p in found if p.edit} == {"quantifier"}


def test_as_many_comes_on_either_side() -> None:
    hearts = [replace(thing("heart", 10 + 30 * n, 100), id=f"h{n}") for n in range(2)]
    texts = {(shown(a), shown(b)) for a, b in said(pairs(scene(*CIRCLES, *STARS, *hearts), "compare_count", "closed"))}
    assert ("as many hearts as stars", "more hearts than stars") in texts
    assert ("as many hearts as stars", "fewer hearts than stars") in texts
    assert any(a.startswith("more circles") and b.startswith("as many circles") for a, b in texts)


def test_equal_numbers_alone_would_make_as_many_a_label() -> None:
    assert pairs(scene(CIRCLES[0], STARS[0]), "compare_count", "closed") == []


def test_both_nouns_must_be_complete_in_the_open_world() -> None:
    graph = scene(*CIRCLES, *STARS)
    assert pairs(graph, "compare_count", "open", complete=["circle"]) == []
    found = pairs(graph, "compare_count", "open", complete=["circle", "stars"])
    assert {p.evidence for p in found} == {"complete_noun"}


def test_a_noun_that_others_may_be_called_by_is_not_counted() -> None:
    dogs = [replace(thing("dog", 10 + 30 * n, 150), id=f"d{n}") for n in range(2)]
    cats = [replace(thing("cat", 10 + 30 * n, 50), id=f"k{n}") for n in range(3)]
    texts = {p.caption for p in pairs(scene(*dogs, *cats, thing("car", 170)), "compare_count", "closed")}
    assert "There are more cats than dogs." in texts
    texts = {p.caption for p in pairs(scene(*dogs, *cats, thing("animal", 170)), "compare_count", "closed")}
    assert not any("dogs" in text or "cats" in text for text in texts)  # the animal may be a third dog
