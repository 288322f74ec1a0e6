import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest

from hairsplit.captions.balance import balance, balance_json, balance_lines, choose
from hairsplit.captions.form import Phrase, Related, to_json
from hairsplit.captions.generate import generate
from hairsplit.core.run import stream
from hairsplit.core.types import Edit, Pair, World
from tests.captions.made_pairs import COLOURS, fair, made, one_way, own_colour, pair, red_is_false
from tests.captions.scenes import drawn


@cache
def captioned(world: World = "closed", count: int = 250) -> tuple[Pair, ...]:
    return tuple(generate(drawn(count), world=world, seed=4, max_pairs_per_image=100))


def bare(pairs: Sequence[Pair]) -> list[Pair]:
    return [replace(p, text_gap=None) for p in pairs]


def blind_accuracy(pairs: Sequence[Pair]) -> float:
    """Of a reader that takes the colour which the captions of other images say more often of the noun."""
    says: dict[bool, Counter[tuple[str, str]]] = {False: Counter(), True: Counter()}
    for p in pairs:
        assert p.edit is not None
        says[int(p.image_id) % 2 == 0][p.caption.split()[1], p.edit.before] += 1
    credit = 0.0
    for p in pairs:
        assert p.edit is not None
        noun, others = p.caption.split()[1], says[int(p.image_id) % 2 != 0]
        true, false = others[noun, p.edit.before], others[noun, p.edit.after]
        credit += (true > false) + 0.5 * (true == false)
    return credit / len(pairs)


def directions(pairs: Sequence[Pair]) -> Counter[tuple[str, ...]]:
    """How often each edit of one word is made in each template."""
    found: Counter[tuple[str, ...]] = Counter()
    for p in pairs:
        assert p.edit is not None
        if p.edit.role in {"attribute", "predicate", "count"}:
            found[p.kind, str(p.template_id), p.edit.role, p.edit.before, p.edit.after] += 1
    return found


@pytest.mark.parametrize("world", ["closed", "open"])
def test_the_result_is_some_of_the_pairs_in_their_order_with_a_gap_each(world: World) -> None:
    given = captioned(world)
    kept = balance(given, seed=0).pairs
    rest = iter(given)
    assert all(p in rest for p in bare(kept))  # each is found behind the one before
    assert 0.5 * len(given) < len(kept) < len(given)
    assert all(p.text_gap is not None and math.isfinite(p.text_gap) for p in kept)


@pytest.mark.parametrize("world", ["closed", "open"])
def test_an_edit_is_as_frequent_as_its_reverse(world: World) -> None:
    before, after = directions(captioned(world)), directions(balance(captioned(world), seed=0).pairs)
    assert any(n != before[(*cell[:3], cell[4], cell[3])] for cell, n in before.items())
    assert len(after) > 50
    for cell, n in after.items():
        assert n == after[(*cell[:3], cell[4], cell[3])], cell


def test_swapped_things_are_named_first_and_second_equally_often() -> None:
    orders: Counter[tuple[str, str, str]] = Counter()
    for p in balance(captioned(), seed=0).pairs:
        if p.kind == "role_swap":
            form = json.loads(str(p.caption_form))
            orders[str(p.template_id), form["s"]["noun"], form["o"]["noun"]] += 1
    assert len(orders) > 50
    assert all(n == orders[template, o, s] for (template, s, o), n in orders.items() if s != o)


@pytest.mark.parametrize("seed", [0, 1])
def test_neither_the_order_of_the_pairs_nor_their_shards_matter(seed: int) -> None:
    given = list(captioned())
    expected = {repr(p) for p in balance(given, seed=3).pairs}
    shuffled = stream(seed).sample(given, len(given))
    shards = [p for part in range(3) for p in given[part::3]]
    for order in (shuffled, shards):
        assert {repr(p) for p in balance(order, seed=3).pairs} == expected


def test_another_seed_prefers_other_pairs() -> None:
    one, two = (bare(balance(captioned(), seed=seed).pairs) for seed in (0, 1))
    assert one != two
    assert len(one) == pytest.approx(len(two), rel=0.1)


def test_what_is_balanced_loses_next_to_nothing_the_second_time() -> None:
    for given in (list(captioned()), made(4000, own_colour, nouns=64)):
        once = balance(given, seed=0).pairs
        assert len(balance(once, seed=0).pairs) > 0.93 * len(once)


def test_a_word_that_is_always_false_no_longer_tells() -> None:
    given = made(4000, red_is_false)
    kept = balance(given, seed=0).pairs
    assert any("red" in str(p.negative) for p in given)
    assert not any("red" in p.caption + str(p.negative) for p in kept)
    assert len(kept) > 2000


@pytest.mark.parametrize("nouns", [4, 100])
def test_what_fits_a_noun_no_longer_tells(nouns: int) -> None:
    """With 4 nouns their cells are large enough to be evened; with 100 only the readers see it."""
    given = made(6000, own_colour, nouns=nouns)
    result = balance(given, seed=0)
    assert blind_accuracy(given) > 0.75
    assert 0.45 < blind_accuracy(result.pairs) < 0.55
    assert len(result.pairs) > 1500
    after = directions(result.pairs)
    assert all(n == after[(*cell[:3], cell[4], cell[3])] for cell, n in after.items())
    assert {step.name for step in result.steps} > {"context", "edits", "result"} or nouns == 4


def test_an_edit_that_a_predicate_gives_away_is_left_out() -> None:
    """What is inside is always small; elsewhere sizes are even, and nouns are too many to tell by."""
    rng, given = stream(0), []
    for number in range(4000):
        s, o = (f"thing{n}" for n in rng.sample(range(200), 2))
        p = rng.choice(["inside", "above", "below"])
        true, false = ("small", "large") if p == "inside" or rng.random() < 0.5 else ("large", "small")
        caption, negative = (f"The {size} {s} is {p} the {o}." for size in (true, false))
        one, two = (to_json(Related(Phrase(s, (size,)), p, Phrase(o))) for size in (true, false))
        given.append(
            replace(
                pair(number // 4, s, true, false),
                caption=caption,
                negative=negative,
                caption_form=one,
                negative_form=two,
            )
        )
    kept = balance(given, seed=0).pairs
    assert sum("inside" in p.caption for p in given) > 1000
    assert not any("inside" in p.caption for p in kept)
    assert len(kept) > 2000


def test_a_false_word_shape_no_longer_tells() -> None:
    """Negatives of pairs without forms are mostly in another wording; edits alone are even."""
    rng, given = stream(0), []
    for number in range(6000):
        true, false = rng.sample(COLOURS, 2)
        more = rng.random() < 0.7
        caption, negative = (f"a {true} cup {'' if more else 'indeed'}", f"a {false} cup {'indeed' if more else ''}")
        given.append(replace(pair(number // 4, "cup", true, false), caption=caption, negative=negative))
    given = [replace(p, caption_form=None, negative_form=None) for p in given]

    def told(pairs: Sequence[Pair]) -> float:
        return sum("indeed" in str(p.negative) for p in pairs) / len(pairs)

    kept = balance(given, seed=0).pairs
    assert told(given) > 0.68
    assert 0.48 < told(kept) < 0.52
    assert len(kept) > 2000


def test_pairs_without_a_shortcut_are_mostly_kept() -> None:
    result = balance(made(6000, fair), seed=0)
    assert len(result.pairs) > 0.75 * 6000
    assert result.warnings == []


def test_the_report_adds_up_and_says_what_the_readers_got() -> None:
    given = made(6000, own_colour, nouns=100)
    steps = balance(given, seed=0).steps
    assert [s.name for s in steps[:2]] == ["context", "edits"]
    assert steps[-1].name == "result"
    assert steps[0].before == 6000
    assert all(one.after == two.before for one, two in pairwise(steps))
    assert steps[0].accuracy_before.value == pytest.approx(0.8, abs=0.03)
    assert steps[0].accuracy_before.n == 6000
    assert steps[-1].accuracy_after.value == pytest.approx(0.5, abs=0.05)
    for step in steps:
        assert step.accuracy_before.low < step.accuracy_before.value < step.accuracy_before.high
    record = json.loads(json.dumps(balance_json(steps), allow_nan=False))
    lines = list(balance_lines(record))
    assert len(lines) == 1 + len(steps)
    assert "attribute" in lines[1]
    assert "6,000" in lines[1]


def test_a_family_that_vanishes_is_reported() -> None:
    given = made(300, one_way) + [replace(p, kind="other") for p in made(2000, fair, seed=1)]
    result = balance(given, seed=0)
    assert {p.kind for p in result.pairs} == {"other"}
    assert len(result.warnings) == 1
    assert result.warnings[0].startswith("attribute: none of 300 pairs could be kept; 300 went since no pair makes")
    assert list(balance_lines(balance_json(result.steps)))  # without a number for what is gone
    assert "unknown" in "\n".join(balance_lines(balance_json(result.steps)))


def test_families_do_not_change_each_other() -> None:
    """What is kept of one is the same whether others are there or not, unless they teach what goes together."""
    given = made(2000, fair)
    others = [replace(p, kind="other", caption_form=None, negative_form=None) for p in made(1000, own_colour, seed=2)]
    together = [p for p in balance(given + others, seed=0).pairs if p.kind == "attribute"]
    assert together == balance(given, seed=0).pairs


def test_pairs_without_a_negative_are_kept_as_they_are() -> None:
    lone = replace(pair(0, "cup", "red", "blue"), negative=None, edit=None, negative_form=None)
    given = [lone, *made(400, fair), replace(lone, image_id="z")]
    result = balance(given, seed=0)
    assert result.pairs[0] == lone
    assert result.pairs[-1] == given[-1]
    assert result.steps[0].before == 400


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_pairs_are_no_reason_to_fail(count: int) -> None:
    result = balance(made(count, fair), seed=0)
    assert len(result.pairs) <= count
    assert len(list(balance_lines(balance_json(result.steps)))) == 1 + len(result.steps)


def test_pairs_of_one_image_and_odd_texts_are_no_reason_to_fail() -> None:
    odd = [
        replace(pair(0, "cup", "red", "blue"), caption_form="{", negative_form=None),
        replace(pair(0, "cup", "blue", "red"), caption_form='{"op":"?"}', negative_form="[1]"),
        replace(pair(0, "cup", "red", "blue"), caption="", negative="", edit=None),
        replace(pair(0, "cup", "red", "blue"), caption="\u00e9\x00", negative="\U0001f600", edit=Edit("x", "", "")),
    ]
    assert len(balance(odd * 20, seed=0).pairs) <= 80


def test_a_stream_is_read_once_and_gives_the_same_choice() -> None:
    given = made(1500, own_colour)
    choice = choose(iter(given), seed=5)
    expected = balance(given, seed=5)
    kept = [p for p, keep in zip(given, choice.keep.tolist(), strict=True) if keep]
    assert kept == bare(expected.pairs)
    assert [g for g in choice.text_gap.tolist() if not math.isnan(g)] == [p.text_gap for p in expected.pairs]
    assert choice.steps == expected.steps
