from collections import Counter

from hairsplit.captions.form import Junction, from_json, judge
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth
from tests.captions.families.hand import pairs, scene, thing

SHOWN = scene(thing("circle", 10, 40), thing("star", 150, 40), thing("heart", 80, 150))


def test_exactly_one_clause_of_the_positive_is_true_and_both_or_none_of_the_negative() -> None:
    facts, counts = Facts(SHOWN, "open"), Counter[tuple[int, int]]()
    for pair in pairs(SHOWN, "xor_relation", seeds=150):
        sides = []
        for form in map(from_json, (str(pair.caption_form), str(pair.negative_form))):
            assert isinstance(form, Junction)
            sides.append(sum(judge(clause, facts).truth is Truth.TRUE for clause in form.args))
        counts[sides[0], sides[1]] += 1
    assert set(counts) == {(1, 0), (1, 2)}
    assert abs(counts[1, 0] - counts[1, 2]) <= 4 * counts.total() ** 0.5
