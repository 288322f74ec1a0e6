from collections import Counter

from hairsplit.captions._corpus import Corpus, corpus_of
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
    assert not corpus.replace(("cup", "on", "table"), ("cup", "below", "table"), stream(0))
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
