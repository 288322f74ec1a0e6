from collections import Counter

from hairsplit.captions._corpus import Corpus
from hairsplit.captions._counting import corpus_of
from hairsplit.core.run import stream
from hairsplit.core.types import Box, Relation, Scene, Thing
from tests.captions.scenes import drawn


def test_swaps_are_as_frequent_one_way_as_the_other_however_uneven_the_attributes() -> None:
    corpus = Corpus()
    common = {"red": 600, "blue": 250, "green": 100, "white": 50}
    for colour, n in common.items():
        corpus.attributes["car", colour] = n
        corpus.totals["car", "colour"] += n
    rng, flow = stream(1), Counter[tuple[str, str]]()
    for colour, n in common.items():
        for _ in range(40 * n):
            for other in corpus.attribute_swaps("car", colour, rng, 1):
                flow[colour, other] += 1
    for a, b in flow:
        assert abs(flow[a, b] - flow[b, a]) <= 4 * (flow[a, b] + flow[b, a]) ** 0.5, (a, b)
    assert flow.total() > 12_000
    assert all(common.keys() >= {a, b} for a, b in flow)


def test_nouns_are_swapped_as_often_one_way_as_the_other_where_the_replacement_is_false() -> None:
    """A rare noun is lacking in most images, a common one in few: what counts is where one is and the other is not."""
    images = {("car",): 500, ("car", "bus"): 300, ("bus",): 60, ("car", "train"): 40, ("train", "bus"): 10, (): 90}
    red = {noun: Thing(noun, noun, Box(0, 0, 9, 9), ("red",)) for noun in ("car", "bus", "train")}
    corpus = corpus_of(
        Scene(f"{'-'.join(nouns)}{n}", 9, 9, tuple(red[noun] for noun in nouns))
        for nouns, number in images.items()
        for n in range(number)
    )
    rng, flow = stream(1), Counter[tuple[str, str]]()
    for nouns, number in images.items():
        for noun in nouns:
            for _ in range(20 * number):
                drawn_nouns = corpus.noun_swaps(noun, "red", rng, 1)
                flow.update((noun, other) for other in drawn_nouns if other not in nouns)
    assert set(flow) == {(a, b) for a in red for b in red if a != b}
    for a, b in flow:
        assert abs(flow[a, b] - flow[b, a]) <= 4 * (flow[a, b] + flow[b, a]) ** 0.5, (a, b, flow[a, b], flow[b, a])


def test_a_noun_that_can_never_be_replaced_in_turn_replaces_none() -> None:
    car, bike = Thing("c", "car", Box(0, 0, 9, 9), ("red",)), Thing("b", "bicycle", Box(20, 0, 9, 9), ("red",))
    scenes = [Scene(f"{n}", 99, 9, (car, bike) if n % 2 else (car,)) for n in range(40)]
    assert not any(corpus_of(scenes).noun_swaps("car", "red", stream(seed), 1) for seed in range(50))
    other = Scene("b", 99, 9, (bike,))
    assert any(corpus_of([*scenes, other]).noun_swaps("car", "red", stream(seed), 1) for seed in range(50))


def test_attributes_weigh_by_how_often_they_stand_in_such_a_sentence() -> None:
    """Large things cover much of the picture, so few others lie wholly above them."""
    sizes, edges = {"large": 400, "small": 600}, {"large": 50, "small": 450}
    corpus = Corpus()
    for size, n in sizes.items():
        corpus.attributes["car", size] = corpus.shares[size] = n
        corpus.totals["car", "size"] += n
        corpus.slots["subject", "above", size] = edges[size]
    for slot, sources in ((("subject", "above"), edges), (("subject", "on"), sizes), (None, sizes)):
        rng, flow = stream(1), Counter[str]()
        for size, n in sources.items():
            flow[size] += sum(len(corpus.attribute_swaps("car", size, rng, 1, slot)) for _ in range(20 * n))
        assert abs(flow["large"] - flow["small"]) <= 4 * flow.total() ** 0.5, (slot, flow)
        assert min(flow.values()) > 500


def test_slots_of_left_and_right_are_counted_together() -> None:
    far = Thing("b", "star", Box(50, 0, 9, 9), ("small", "red"), (Relation("to the right of", "a"),))
    corpus = corpus_of([Scene("i", 99, 9, (Thing("a", "ring", Box(0, 0, 9, 9), ("large",)), far))])
    assert {key[1:]: n for key, n in corpus.slots.items()} == {
        ("to the left of", "large"): 1, ("to the left of", "small"): 1, ("to the left of", "red"): 1
    }  # fmt: skip


def test_contraries_replace_each_other_evenly_however_uneven_they_are() -> None:
    corpus = Corpus(nouns=Counter({"dog": 500}))
    counts = {"lying on": 20, "running on": 400, "sitting on": 100, "standing on": 200, "walking on": 0}
    corpus.starts.update({("dog", predicate): n for predicate, n in counts.items()})
    rng, flow = stream(1), Counter[tuple[str, str]]()
    for predicate, n in counts.items():
        for _ in range(40 * n):
            flow.update((predicate, other) for other in corpus.predicate_swaps("dog", predicate, rng, 1))
    assert {("running on", "standing on"), ("lying on", "running on"), ("standing on", "sitting on")} <= set(flow)
    assert not any("walking on" in swap for swap in flow)
    for a, b in flow:
        assert abs(flow[a, b] - flow[b, a]) <= 4 * (flow[a, b] + flow[b, a]) ** 0.5, (a, b, flow[a, b], flow[b, a])


def test_on_does_not_become_below() -> None:
    corpus = Corpus(predicates=Counter({"on": 50, "below": 50, "inside": 50}))
    assert {q for seed in range(50) for q in corpus.predicate_swaps("cup", "on", stream(seed), 2)} == {"inside"}


def test_what_is_not_said_does_not_weigh() -> None:
    """Small children and small dogs of a pack are many, but no caption speaks of their size."""
    things = [
        Thing(f"{n}", noun, Box(0, 0, 9, 9), (size,))
        for n, (noun, size) in enumerate((("child", "small"), ("dogs", "small"), ("dog", "small"), ("car", "large")))
    ]
    corpus = corpus_of([Scene("i", 9, 9, tuple(things))])
    assert corpus.shares == {"small": 1, "large": 1}
    assert corpus.classes == {"size": 2}


def test_counts_are_swapped_evenly() -> None:
    corpus = Corpus(numbers={"dog": Counter({1: 900, 2: 300, 3: 20})})
    rng, flow = stream(1), Counter[tuple[int, int]]()
    for n, images in corpus.numbers["dog"].items():
        for _ in range(10 * images):
            m = n + rng.choice((-1, 1))
            if m > 0 and corpus.count_swap("dog", n, m, rng):
                flow[n, m] += 1
    assert set(flow) == {(1, 2), (2, 1), (2, 3), (3, 2)}
    for n, m in flow:
        assert abs(flow[n, m] - flow[m, n]) <= 4 * (flow[n, m] + flow[m, n]) ** 0.5


def test_an_order_that_never_occurs_the_other_way_round_is_not_turned() -> None:
    outer = Thing("o", "circle", Box(0, 0, 9, 9))
    inner = Thing("i", "ring", Box(3, 3, 2, 2), (), (Relation("inside", "o"),))
    corpus = corpus_of([Scene(f"{i}", 9, 9, (outer, inner)) for i in range(30)])
    assert not corpus.turn("ring", "inside", "circle", stream(0))
    assert corpus.turn("ring", "to the left of", "circle", stream(0))
    assert corpus.turn("dog", "above", "cat", stream(0))  # nothing is known of them


def test_a_noun_too_rare_for_counts_of_its_own_takes_those_of_all_things() -> None:
    corpus = corpus_of(drawn(100))
    assert corpus.common("hexagon", "red") == corpus.shares["red"] > 0
    assert corpus.common("circle", "brown") == 0
    assert Corpus().common("circle", "brown") == 1
    assert Corpus().common("circle", "happy") == 0


def test_the_fingerprint_depends_on_counts_but_not_on_order() -> None:
    scenes = drawn(30)
    assert corpus_of(scenes).fingerprint() == corpus_of(scenes[::-1]).fingerprint()
    assert corpus_of(scenes).fingerprint() != corpus_of(scenes[1:]).fingerprint()


def test_statements_are_replaced_evenly_however_uneven_they_are() -> None:
    corpus = Corpus()
    for noun, things, wearing in (("man", 100, 60), ("woman", 100, 30)):
        corpus.nouns[noun] = things
        corpus.orders[noun, "wearing", "hat"] = wearing
        corpus.starts[noun, "wearing"] = wearing
    corpus.predicates["wearing"] = 90
    rng, flow = stream(1), Counter[str]()
    statements = {noun: (noun, "wearing", "hat") for noun in ("man", "woman")}
    for before, after, n in (("man", "woman", 60), ("woman", "man", 30)):
        flow[before] += sum(corpus.replace(statements[before], statements[after], rng) for _ in range(100 * n))
    assert abs(flow["man"] - flow["woman"]) <= 4 * flow.total() ** 0.5
    assert flow["woman"] == 3000


def test_no_statement_is_replaced_by_one_that_no_graph_would_say() -> None:
    corpus = Corpus(predicates=Counter({"on": 50, "wearing": 50}), nouns=Counter({"man": 50, "hat": 30, "bin": 30}))
    corpus.ends["hat", "wearing"] = 10
    assert not corpus.predicate_swaps("cup", "on", stream(0), 1)
    assert not corpus.replace(("man", "wearing", "hat"), ("man", "wearing", "bin"), stream(0))
    assert corpus.replace(("man", "on", "hat"), ("man", "on", "bin"), stream(0))  # boxes say more of places than edges
    assert corpus.replace(("a", "to the left of", "b"), ("c", "to the left of", "b"), stream(0))


def test_numbers_are_compared_as_if_they_were_independent() -> None:
    corpus = Corpus(numbers={"dog": Counter({1: 30, 3: 10}), "cat": Counter({2: 40}), "ox": Counter({1: 2})})
    assert corpus.more("dog", "cat") == 0.25
    assert corpus.more("cat", "dog") == 0.75
    assert corpus.more("dog", "ox") == corpus.more("ox", "dog") == 1


def test_compatible_members_of_a_class_are_not_swapped_and_the_others_evenly() -> None:
    corpus = Corpus()
    counts = {"wooden": 500, "metal": 300, "stone": 100, "plastic": 100}
    for name, n in counts.items():
        corpus.attributes["bench", name] = n
        corpus.totals["bench", "material"] += n
    rng, flow = stream(1), Counter[tuple[str, str]]()
    for name, n in counts.items():
        for _ in range(30 * n):
            flow.update((name, other) for other in corpus.attribute_swaps("bench", name, rng, 1))
    assert ("metal", "wooden") not in flow
    assert {("metal", "stone"), ("stone", "plastic")} <= set(flow)
    for a, b in flow:
        assert abs(flow[a, b] - flow[b, a]) <= 4 * (flow[a, b] + flow[b, a]) ** 0.5, (a, b, flow[a, b], flow[b, a])


def test_an_attribute_is_bestowed_as_often_one_way_as_the_other() -> None:
    """(coloured things, red ones, all things) of each noun: what counts is red ones next to those of unknown colour."""
    known = {"box": (500, 100, 2_000), "lamp": (100, 25, 150)}
    corpus = Corpus()
    for noun, (coloured, red, total) in known.items():
        corpus.attributes[noun, "red"], corpus.totals[noun, "colour"], corpus.nouns[noun] = red, coloured, total
    rng, flow = stream(1), Counter[str]()
    for giver, taker in (("box", "lamp"), ("lamp", "box")):
        red, bare = known[giver][1], known[taker][2] - known[taker][0]
        flow[giver] = sum(corpus.bestow("red", giver, taker, rng) for _ in range(red * bare))
    assert min(flow.values()) > 3_000
    assert abs(flow["box"] - flow["lamp"]) <= 4 * flow.total() ** 0.5


def test_what_goes_without_saying_is_not_bestowed() -> None:
    corpus = Corpus()
    for noun, yellow in {"banana": 90, "box": 10, "lamp": 10}.items():
        corpus.attributes[noun, "yellow"], corpus.totals[noun, "colour"], corpus.nouns[noun] = yellow, 100, 200
    assert any(corpus.bestow("yellow", "box", "lamp", stream(seed)) for seed in range(9))
    for giver, taker in (("banana", "box"), ("box", "banana")):
        assert not any(corpus.bestow("yellow", giver, taker, stream(seed)) for seed in range(50))


def test_nothing_is_bestowed_that_can_never_be_bestowed_in_turn() -> None:
    """The colour of every box is known."""
    corpus = Corpus()
    for noun, total in {"box": 100, "lamp": 200}.items():
        corpus.attributes[noun, "red"], corpus.totals[noun, "colour"], corpus.nouns[noun] = 10, 100, total
    assert not any(corpus.bestow("red", "box", "lamp", stream(seed)) for seed in range(50))
    corpus.nouns["box"] = 101
    assert any(corpus.bestow("red", "box", "lamp", stream(seed)) for seed in range(500))
