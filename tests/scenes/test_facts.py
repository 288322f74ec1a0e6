from itertools import permutations

from hypothesis import given
from hypothesis.strategies import integers

from hairsplit.core.run import stream
from hairsplit.core.types import Box, Relation, Scene, Thing, World
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.entities import Entity
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth, Verdict

WORLDS: tuple[World, ...] = ("open", "closed")
T, F, U = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def facts_of(*things: Thing, world: World = "open") -> Facts:
    return Facts(Scene("i", 100, 100, things), world)


def named(facts: Facts, name: str) -> Entity:
    return next(e for e in facts.entities if name in e.nouns)


def judged(facts: Facts, s: str, predicate: str, o: str) -> Verdict:
    return facts.relation(named(facts, s), predicate, named(facts, o))


def two(a: Box, b: Box, *edges: str, back: tuple[str, ...] = (), world: World = "open") -> Facts:
    cup = Thing("a", "cup", a, (), tuple(Relation(e, "b") for e in edges))
    return facts_of(cup, Thing("b", "dog", b, (), tuple(Relation(e, "a") for e in back)), world=world)


def test_disjoint_boxes_decide_left_and_right_in_both_worlds() -> None:
    for world in WORLDS:
        facts = two(Box(0, 0, 10, 10), Box(30, 5, 10, 10), world=world)
        assert judged(facts, "cup", "to the left of", "dog") == (T, "geometric")
        assert judged(facts, "cup", "to the right of", "dog") == (F, "geometric")
        assert judged(facts, "dog", "to the right of", "cup") == (T, "geometric")
        assert judged(facts, "cup", "above", "dog").truth is U  # boxes overlap in y: not even the closed world knows


def test_a_steep_pair_is_not_left_but_surely_not_right() -> None:
    facts = two(Box(0, 0, 10, 10), Box(12, 70, 10, 10))
    assert judged(facts, "cup", "to the left of", "dog").truth is U
    assert judged(facts, "cup", "to the right of", "dog").truth is F
    assert judged(facts, "cup", "above", "dog").truth is T


def test_an_edge_decides_overlapping_boxes_only_if_centres_differ_clearly() -> None:
    near, far = Box(3, 0, 10, 10), Box(8, 0, 10, 10)
    assert judged(two(Box(0, 0, 10, 10), near, "to the left of"), "cup", "to the left of", "dog").truth is U
    facts = two(Box(0, 0, 10, 10), far, "left of")
    assert judged(facts, "cup", "to the left of", "dog").truth is T
    assert judged(facts, "cup", "to the right of", "dog") == (F, "converse_or_contrary")
    assert judged(two(Box(0, 0, 10, 10), far, back=("to the right of",)), "cup", "to the left of", "dog").truth is T


def test_edges_that_contradict_boxes_or_each_other_leave_it_unknown() -> None:
    boxes = Box(0, 0, 10, 10), Box(30, 0, 10, 10)
    for facts in (two(*boxes, "to the right of"), two(*boxes, back=("to the left of",))):
        for predicate in ("to the left of", "to the right of"):
            assert judged(facts, "cup", predicate, "dog").truth is U
    both = two(Box(0, 0, 10, 10), Box(8, 0, 10, 10), "to the left of", "to the right of")
    assert judged(both, "cup", "to the left of", "dog").truth is U


def test_depth_goes_by_edges_and_their_inverse() -> None:
    facts = two(Box(0, 0, 10, 10), Box(30, 0, 10, 10), "behind")
    assert judged(facts, "cup", "behind", "dog") == (T, "annotated")
    assert judged(facts, "dog", "in front of", "cup").truth is T
    assert judged(facts, "cup", "in front of", "dog") == (F, "converse_or_contrary")
    assert judged(facts, "dog", "behind", "cup").truth is F


def test_inside_needs_an_edge_and_touching_boxes_at_least() -> None:
    held = two(Box(4, 4, 2, 2), Box(0, 0, 10, 10), "inside")
    assert judged(held, "cup", "inside", "dog").truth is T
    assert judged(held, "dog", "inside", "cup") == (F, "converse_or_contrary")
    assert judged(two(Box(4, 4, 2, 2), Box(0, 0, 10, 10)), "cup", "inside", "dog").truth is U
    assert judged(two(Box(0, 0, 3, 3), Box(30, 0, 9, 9)), "cup", "inside", "dog") == (F, "geometric")
    apart = two(Box(0, 0, 3, 3), Box(30, 0, 9, 9), "inside")
    assert judged(apart, "cup", "inside", "dog").truth is U


def test_only_the_closed_world_takes_silence_for_no() -> None:
    boxes = Box(0, 0, 10, 10), Box(30, 0, 10, 10)
    assert judged(two(*boxes), "cup", "holding", "dog").truth is U
    assert judged(two(*boxes, world="closed"), "cup", "holding", "dog") == (F, "complete")
    # but what may have been annotated under another word is not denied
    assert judged(two(*boxes, "carrying", world="closed"), "cup", "holding", "dog").truth is U


def test_an_attribute_is_false_where_exactly_one_exclusive_other_is_annotated() -> None:
    facts = facts_of(
        Thing("a", "cup", Box(0, 0, 9, 9), ("grey", "old")), Thing("b", "car", Box(20, 0, 9, 9), ("red", "blue"))
    )
    cup, car = named(facts, "cup"), named(facts, "car")
    assert facts.attribute(cup, "gray") == (T, "annotated")
    assert facts.attribute(cup, "red") == (F, "exclusive_attribute")
    assert facts.attribute(cup, "small").truth is U
    assert facts.attribute(cup, "cracked").truth is U
    assert facts.attribute(car, "green").truth is U  # two colours: a third may be there as well
    assert "colour" not in car.by_class
    closed = facts_of(Thing("a", "cup", Box(0, 0, 9, 9), ("tan",)), world="closed")
    assert closed.attribute(closed.entities[0], "brown").truth is U  # a shade of it
    assert closed.attribute(closed.entities[0], "cracked") == (F, "complete")


def test_a_referent_is_unique_or_none() -> None:
    red = Thing("a", "circle", Box(0, 0, 9, 9), ("red",))
    blue = Thing("b", "circle", Box(20, 0, 9, 9), ("blue",))
    plain = Thing("c", "circle", Box(40, 0, 9, 9))
    facts = facts_of(red, blue)
    assert facts.referent("circle") is None
    assert facts.referent("square") is None
    found = facts.referent("circle", ("red",))
    assert found is not None
    assert found.id == "a"
    assert facts_of(red, blue, plain).referent("circle", ("red",)) is None  # the third may be red, too
    assert facts_of(red, blue, plain, world="closed").referent("circle", ("red",)) is not None
    assert (
        facts_of(Thing("t", "tree", Box(0, 0, 9, 9)), Thing("s", "trees", Box(20, 0, 50, 9))).referent("tree") is None
    )


def test_related_nouns_over_the_same_pixels_are_one_thing() -> None:
    man, person = Thing("1", "man", Box(10, 10, 50, 80), ("tall",)), Thing("2", "person", Box(11, 10, 50, 80))
    facts = facts_of(man, person)
    assert [e.nouns for e in facts.entities] == [("man", "person")]
    assert facts.referent("man") is facts.referent("person") is facts.entities[0]
    assert facts.count("person") == (1, None)
    apart = facts_of(man, Thing("2", "person", Box(70, 10, 20, 80)))
    assert len(apart.entities) == 2
    assert apart.referent("man") is None  # the person may be one


def test_counts_are_exact_only_where_nothing_may_be_missing() -> None:
    dogs = [Thing(f"{i}", "dog", Box(20 * i, 0, 9, 9)) for i in range(3)]
    assert facts_of(*dogs).count("dog") == (3, None)
    assert facts_of(*dogs, world="closed").count("dog") == (3, 3)
    assert facts_of(*dogs, world="closed").count("cat") == (0, 0)
    assert facts_of(*dogs, Thing("x", "dogs", Box(70, 0, 9, 9)), world="closed").count("dog") == (3, None)


def test_existence_is_denied_in_the_closed_world_only() -> None:
    dog = Thing("a", "dog", Box(0, 0, 9, 9), ("brown",))
    for world, expected in zip(WORLDS, (U, F), strict=True):
        facts = facts_of(dog, world=world)
        assert facts.existing("dog", ("brown",)).truth is T
        assert facts.existing("dog", ("white",)).truth is expected
        assert facts.existing("cat").truth is expected
        assert facts.existing("puppy").truth is U


@given(seed=integers(0, 10_000))
def test_drawn_edges_and_facts_agree(seed: int) -> None:
    complete = scene(DrawnWorld(), seed, "x")
    facts = Facts(complete, "closed")
    entity = {e.id: e for e in facts.entities}
    assert len(entity) == len(complete.things)
    for s in complete.things:
        for o in complete.things:
            for predicate in ("to the left of", "to the right of", "above", "below", "inside"):
                if s is not o:
                    annotated = Relation(predicate, o.id) in s.relations
                    assert (facts.relation(entity[s.id], predicate, entity[o.id]).truth is T) == annotated


def test_a_place_of_a_thing_with_two_boxes_must_hold_of_each_by_its_own_edges() -> None:
    """Two nodes for a lorry, of which only the shorter one is clear of the man; the edge is that one's alone."""
    man = Thing("m", "man", Box(70, 0, 15, 100))
    edge = (Relation("to the left of", "m"),)
    long, short = Box(0, 0, 80, 40), Box(0, 0, 60, 40)
    for world in WORLDS:
        facts = facts_of(Thing("t", "truck", long), Thing("v", "van", short, (), edge), man, world=world)
        assert len(facts.entities) == 2
        assert judged(facts, "truck", "to the left of", "man").truth is U
        assert judged(facts, "man", "to the right of", "truck").truth is U
        assert judged(facts, "truck", "to the right of", "man").truth is U
        both = facts_of(Thing("t", "truck", long, (), edge), Thing("v", "van", short, (), edge), man, world=world)
        assert judged(both, "van", "to the left of", "man").truth is T
        assert judged(both, "van", "to the right of", "man") == (F, "converse_or_contrary")  # the weaker evidence
        far = facts_of(Thing("t", "truck", long), Thing("v", "van", short), Thing("m", "man", Box(85, 0, 15, 50)))
        assert judged(far, "truck", "to the left of", "man") == (T, "geometric")


def test_other_edges_of_a_node_are_those_of_the_thing() -> None:
    edge = (Relation("parked on", "r"),)
    truck, van = Thing("t", "truck", Box(0, 0, 60, 40)), Thing("v", "van", Box(0, 0, 50, 40), (), edge)
    assert judged(facts_of(truck, van, Thing("r", "road", Box(0, 40, 99, 50))), "truck", "parked on", "road").truth is T


def test_inside_is_ruled_out_by_boxes_only_if_no_box_of_the_thing_meets_the_other() -> None:
    truck, van = Thing("t", "truck", Box(0, 0, 50, 40)), Thing("v", "van", Box(0, 0, 60, 40))
    for x, truth in ((52, U), (65, F)):
        facts = facts_of(truck, van, Thing("b", "box", Box(x, 0, 20, 30)))
        assert judged(facts, "box", "inside", "truck").truth is truth


def test_a_thing_is_called_by_a_noun_that_a_caption_may_say() -> None:
    facts = facts_of(Thing("1", "an", Box(0, 0, 50, 40)), Thing("2", "shirt", Box(0, 0, 50, 41)))
    assert [entity.noun for entity in facts.entities] == ["shirt"]


@given(seed=integers(0, 2**31))
def test_a_direction_is_the_one_that_is_true_as_a_relation(seed: int) -> None:
    """Boxes alone are judged without a verdict; edges, and things of several nodes, by the verdicts of relations."""
    rng, things = stream(seed), []
    for i, name in enumerate(rng.choices(["cup", "dog", "puppy", "tree"], k=6)):
        edge = rng.choice(["to the left of", "above", "below", "behind", "on", "in front of"])
        relations = (Relation(edge, f"{(i + 1) % 6}"),) if rng.random() < 0.5 else ()
        box = Box(rng.randrange(40), rng.randrange(40), rng.choice((10, 12)), 12)
        things.append(Thing(f"{i}", name, box, (), relations))
    for facts in (facts_of(*things, world=world) for world in WORLDS):
        for a, b in permutations(facts.entities, 2):
            for axis in (("to the left of", "to the right of"), ("above", "below"), ("in front of", "behind")):
                true = [p for p in axis if facts.relation(a, p, b).truth is T]
                assert len(true) < 2
                assert facts.direction(a, axis, b) == (true[0] if true else None)
