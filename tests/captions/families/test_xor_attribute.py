import json
from collections import Counter

from hairsplit.captions.form import Form, from_json, judge
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth
from tests.captions.families.hand import pairs, scene, thing

SHOWN = scene(thing("circle", 10, 40, "green"), thing("star", 150, 40, "large"))


def true_clauses(form: str | None) -> int:
    facts = Facts(SHOWN, "open")
    clauses: list[Form] = [from_json(json.dumps(clause)) for clause in json.loads(str(form))["args"]]
    truths = [judge(clause, facts).truth for clause in clauses]
    assert Truth.UNKNOWN not in truths
    return truths.count(Truth.TRUE)


def test_exactly_one_clause_of_the_positive_is_true_and_both_or_none_of_the_negative() -> None:
    found = pairs(SHOWN, "xor_attribute", seeds=200)
    assert {true_clauses(pair.caption_form) for pair in found} == {1}
    counts = Counter(true_clauses(pair.negative_form) for pair in found)
    assert set(counts) == {0, 2}
    assert abs(counts[0] - counts[2]) <= 4 * counts.total() ** 0.5  # a fair coin


def test_all_patterns_mark_the_exclusive_reading() -> None:
    for pair in pairs(SHOWN, "xor_attribute"):
        for text in (pair.caption, str(pair.negative)):
            assert ("either" in text.lower()) != text.endswith(", but not both.")


def test_two_negatives_are_one_of_each_kind() -> None:
    from hairsplit.captions.generate import generate

    found = list(generate([SHOWN], world="open", families=["xor_attribute"], negatives_per_positive=2))
    assert [true_clauses(pair.negative_form) for pair in found] in ([0, 2], [2, 0])
