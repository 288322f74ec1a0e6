"""What is chosen of the groups that families make."""

from collections import Counter
from collections.abc import Iterator

from hairsplit.captions._family import Draft, Negative
from hairsplit.captions.filters import Group, choose, prove
from hairsplit.captions.form import Has, Phrase
from hairsplit.core.run import stream
from hairsplit.core.types import Box, Edit, Scene, Thing
from hairsplit.scenes.facts import Facts

DOG = Phrase("dog")


def draft(true: str, *false: str) -> Draft:
    def text(name: str) -> str:
        return f"The dog is {name}."

    negatives = tuple(Negative(text(f), Has(DOG, f), Edit("attribute", true, f)) for f in false)
    return Draft(text(true), Has(DOG, true), negatives, ())


def group(family: str, true: str, *false: str) -> Group:
    return Group(family, draft(true, *false), tuple("exclusive_attribute" for _ in false), "annotated")


def many(family: str, size: int) -> Iterator[Group]:
    return (group(family, f"{family}{n}", f"not {family}{n}") for n in range(size))


def test_only_what_is_true_against_what_is_false_is_kept() -> None:
    facts = Facts(Scene("i", 9, 9, (Thing("1", "dog", Box(0, 0, 3, 3), ("brown",)),)), "open")
    rejects = Counter[str]()
    kept = prove("attribute", draft("brown", "white", "happy", "brown"), facts, rejects)
    assert kept is not None
    assert [negative.text for negative in kept.draft.negatives] == ["The dog is white."]
    assert (kept.evidence, kept.caption_evidence) == (("exclusive_attribute",), "annotated")
    assert prove("attribute", draft("white", "brown"), facts, rejects) is None
    assert prove("attribute", draft("happy", "white"), facts, rejects) is None
    assert rejects == {"attribute: negative is not surely false": 2, "attribute: positive is not surely true": 2}


def test_families_share_an_image_by_weight() -> None:
    shares = Counter[str]()
    for seed in range(60):
        made = {name: many(name, 100) for name in ("a", "b")}
        chosen = choose(made, 20, {"a": 3.0, "b": 1.0}, stream(seed), Counter())
        assert len(chosen) == 20
        shares.update(g.family for g in chosen)
    assert abs(shares["a"] / shares.total() - 0.75) < 0.05


def test_what_one_family_lacks_another_one_fills() -> None:
    chosen = choose({"a": many("a", 3), "b": many("b", 100)}, 20, {"a": 5.0, "b": 1.0}, stream(0), Counter())
    assert Counter(g.family for g in chosen) == {"a": 3, "b": 17}


def test_no_more_is_made_than_is_needed() -> None:
    source = many("a", 100)
    assert len(choose({"a": source}, 10, {"a": 1.0}, stream(0), Counter())) == 10
    assert len(list(source)) == 90


def test_no_text_comes_twice_and_the_cap_cuts_the_last_positive_short() -> None:
    rejects = Counter[str]()
    made = [
        group("a", "brown", "white", "red"),
        group("a", "brown", "green"),  # its positive is there
        group("a", "old", "white", "young"),  # one negative is there
        group("a", "wet", "dry", "clean", "dirty"),
    ]
    chosen = choose({"a": iter(made)}, 4, {"a": 1.0}, stream(0), rejects)
    assert [[n.text[11:-1] for n in g.draft.negatives] for g in chosen] == [["white", "red"], ["young"], ["dry"]]
    assert [len(g.evidence) for g in chosen] == [2, 1, 1]
    assert rejects == {"a: text repeated in the image": 2, "a: over the cap of pairs per image": 2}


def test_a_negative_that_is_said_already_is_left_out_of_a_positive_with_no_other() -> None:
    rejects = Counter[str]()
    made = [group("a", "brown", "white"), group("a", "old", "white"), group("a", "young", "brown")]
    chosen = choose({"a": iter(made)}, 9, {"a": 1.0}, stream(0), rejects)
    assert [g.draft.text for g in chosen] == ["The dog is brown."]
    assert rejects == {"a: text repeated in the image": 2}
