import re
from collections import Counter
from itertools import pairwise

import pytest

from hairsplit.captions import FAMILIES
from hairsplit.captions.form import from_json, judge
from hairsplit.captions.generate import drawn_source, family_weights, generate
from hairsplit.core.errors import HairsplitError
from hairsplit.core.types import Box, Pair, Scene, Thing, World
from hairsplit.scenes.drawing.sample import SHAPES, DrawnWorld, scene
from hairsplit.scenes.facts import Facts
from hairsplit.scenes.truth import Truth
from tests.captions.scenes import drawn, mirrored, mirrored_text, shuffled

WORLDS: tuple[World, ...] = ("closed", "open")


@pytest.fixture(scope="module")
def many() -> list[Pair]:
    return list(generate(drawn(700), world="closed", seed=3))


def test_stored_forms_say_what_the_facts_say() -> None:
    scenes = {s.image_id: Facts(s, "closed") for s in drawn(60)}
    for pair in generate([f.scene for f in scenes.values()], world="closed"):
        facts = scenes[pair.image_id]
        assert judge(from_json(str(pair.caption_form)), facts).truth is Truth.TRUE
        verdict = judge(from_json(str(pair.negative_form)), facts)
        assert (verdict.truth, verdict.evidence) == (Truth.FALSE, pair.evidence)


@pytest.mark.parametrize("world", WORLDS)
def test_every_family_of_the_world_yields_pairs_with_its_own_roles(world: World) -> None:
    pairs = list(generate(drawn(300), world=world))
    roles: dict[str, set[str]] = {}
    for pair in pairs:
        assert pair.edit is not None
        roles.setdefault(pair.kind, set()).add(pair.edit.role)
    assert set(roles) == {name for name in FAMILIES if world in FAMILIES[name].worlds}
    assert all(found <= set(FAMILIES[name].roles) for name, found in roles.items())
    assert ("count" in roles) == (world == "closed")


def test_one_and_two_workers_give_the_same_pairs_and_counts() -> None:
    counts: list[Counter[str]] = [Counter(), Counter()]
    scenes = drawn(100)
    one, two = (
        list(generate(scenes, world="closed", seed=1, workers=workers, rejects=counts[workers - 1]))
        for workers in (1, 2)
    )
    assert one == two
    assert counts[0] == counts[1]


def test_the_order_of_objects_attributes_and_edges_does_not_matter() -> None:
    scenes = drawn(80)
    assert list(generate(scenes, world="closed")) == list(
        generate([shuffled(s, i) for i, s in enumerate(scenes)], world="closed")
    )


def test_the_order_of_scenes_does_not_matter() -> None:
    scenes = drawn(80)
    forth, back = (list(generate(order, world="open")) for order in (scenes, scenes[::-1]))
    assert sorted(forth, key=repr) == sorted(back, key=repr)


def test_another_seed_gives_other_pairs() -> None:
    assert list(generate(drawn(20), world="open", seed=1)) != list(generate(drawn(20), world="open", seed=2))


def test_mirroring_the_scenes_exchanges_left_and_right_and_nothing_else() -> None:
    scenes = drawn(150)
    texts = [
        {(p.image_id, p.kind, p.caption, p.negative) for p in generate(some, world="closed")}
        for some in (scenes, [mirrored(s) for s in scenes])
    ]
    expected = {
        (i, kind, mirrored_text(caption), mirrored_text(str(negative))) for i, kind, caption, negative in texts[0]
    }
    assert texts[1] == expected


def test_a_far_new_thing_leaves_old_negatives_false() -> None:
    for old in drawn(60):
        new = Thing("new", "cube", Box(0, 0, 1, 1), ("white",))
        grown = Facts(Scene(old.image_id, 64, 64, (*old.things, new)), "closed")
        for pair in generate([old], world="closed"):
            assert judge(from_json(str(pair.negative_form)), grown).truth is Truth.FALSE


def test_no_text_is_both_true_and_false_and_no_pair_comes_twice(many: list[Pair]) -> None:
    by_image: dict[str, list[Pair]] = {}
    for pair in many:
        by_image.setdefault(pair.image_id, []).append(pair)
    for pairs in by_image.values():
        assert not {p.caption for p in pairs} & {p.negative for p in pairs}
        assert len({(p.caption, p.negative) for p in pairs}) == len(pairs) <= 32


def test_every_marker_is_as_frequent_in_positives_as_in_negatives(many: list[Pair]) -> None:
    """Per family and word: the difference is within four standard deviations of a fair coin."""
    sides: dict[str, tuple[Counter[str], Counter[str]]] = {name: (Counter(), Counter()) for name in FAMILIES}
    for pair in many:
        for side, text in zip(sides[pair.kind], (pair.caption, str(pair.negative)), strict=True):
            side.update(set(re.findall("[a-z]+", text.lower())))
    checked = 0
    for name, (positive, negative) in sides.items():
        for word in positive.keys() | negative.keys():
            total = positive[word] + negative[word]
            assert abs(positive[word] - negative[word]) <= 4 * total**0.5, (name, word, positive[word], negative[word])
            checked += total >= 100
    assert checked > 60


def test_directions_and_numbers_are_no_label(many: list[Pair]) -> None:
    for kind, words in (("relation", ("left", "above")), ("count", ("two", "one"))):
        pairs = [p for p in many if p.kind == kind]
        for word in words:
            true, false = (
                sum(word in re.findall("[a-z]+", t.lower()) for t in texts)
                for texts in ([p.caption for p in pairs], [str(p.negative) for p in pairs])
            )
            assert 0.42 < true / (true + false) < 0.58, (kind, word, true, false)


@pytest.mark.parametrize("kind", ["role_swap", "relation", "attribute_swap"])
def test_which_thing_is_named_first_is_no_label(many: list[Pair], kind: str) -> None:
    orders = [re.findall("|".join(SHAPES), p.caption.lower()) for p in many if p.kind == kind]
    forth = [first < second for first, second in orders if first != second]
    assert 0.44 < sum(forth) / len(forth) < 0.56


def test_a_combination_held_out_of_training_is_no_training_negative(many: list[Pair]) -> None:
    """Else training would teach that it does not exist."""
    texts = " ".join(f"{p.caption} {p.negative}" for p in many)
    assert "black circle" in texts
    assert "black cross" not in texts
    assert not re.search(r"cross (in the picture )?is black", texts)


def test_templates_are_used_alike(many: list[Pair]) -> None:
    captions = [p.caption for p in many if p.kind == "count"]
    shares = [sum(bool(re.search(p, c)) for c in captions) / len(captions) for p in ("^There", "shows", "can be seen")]
    assert sum(shares) == pytest.approx(1)
    assert all(0.25 < share < 0.42 for share in shares)


def test_several_negatives_share_their_positive_and_differ() -> None:
    pairs = list(generate(drawn(80), world="closed", negatives_per_positive=4))
    groups: dict[str | None, list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(pair.group_id, []).append(pair)
    assert max(map(len, groups.values())) >= 4
    for group in groups.values():
        assert len({(p.image_id, p.caption) for p in group}) == 1
        assert len({p.negative for p in group}) == len(group)


def test_the_cap_is_shared_among_families() -> None:
    pairs = list(generate(drawn(300), world="open", max_pairs_per_image=4))
    assert max(Counter(p.image_id for p in pairs).values()) == 4
    kinds = Counter(p.kind for p in pairs if sum(q.image_id == p.image_id for q in pairs) == 4)
    assert set(kinds) == {name for name in FAMILIES if "open" in FAMILIES[name].worlds}


def test_a_subset_of_families_gives_the_same_pairs_as_when_all_are_made() -> None:
    """But for texts that another family has, too: they come once."""
    scenes = drawn(60)
    alone = list(generate(scenes, world="closed", families=["relation"], max_pairs_per_image=500))
    every = list(generate(scenes, world="closed", max_pairs_per_image=500))
    others = {(p.image_id, text) for p in every if p.kind != "relation" for text in (p.caption, p.negative)}
    among = [p for p in every if p.kind == "relation"]
    taken = [p for p in alone if {(p.image_id, p.caption), (p.image_id, p.negative)} & others]
    assert [p for p in alone if p not in taken or p in among] == among
    assert len(among) > len(alone) / 2


def test_boxes_and_edits_say_what_was_changed() -> None:
    circle = Thing("a", "circle", Box(4, 4, 20, 20), ("red",))
    square = Thing("b", "square", Box(40, 4, 20, 20), ("blue",))
    (pair,) = generate([Scene("i", 64, 64, (circle, square), "i.png")], world="open", families=["relation"])
    assert pair.edit is not None
    assert {pair.edit.before, pair.edit.after} == {"to the left of", "to the right of"}
    assert pair.boxes is not None
    assert '"id":"a","noun":"circle"' in pair.boxes
    assert pair.image == "i.png"
    assert pair.evidence == "geometric"


def test_the_source_tells_seen_from_held_out_scenes() -> None:
    scenes = [scene(DrawnWorld(), 0, f"{i}", "test") for i in range(60)]
    assert {drawn_source(s) for s in scenes} == {"drawn:seen", "drawn:held_out"}
    assert {drawn_source(s) for s in drawn(60)} == {"drawn:seen"}
    assert drawn_source(Scene("x", 9, 9, (Thing("1", "dog", Box(0, 0, 5, 5), ("brown",)),), split="train")) is None
    pairs = list(generate(scenes, world="open", source_of=lambda s: drawn_source(s) or "other"))
    assert {p.source for p in pairs} == {"drawn:seen", "drawn:held_out"}


def test_people_get_no_remark_on_their_colour() -> None:
    things = tuple(Thing(f"{n}", n, Box(9 * i, 9, 8, 8), ("green",)) for i, n in enumerate(("man", "dog", "face")))
    texts = [p.caption for p in generate([Scene("p", 64, 64, things)], world="open", families=["attribute"])]
    assert [re.findall("man|dog|face", t) for t in texts] == [["dog"]]


def test_neighbouring_images_do_not_share_their_choices(many: list[Pair]) -> None:
    firsts: dict[str, Pair] = {}
    for pair in many:
        firsts.setdefault(pair.image_id, pair)
    same = sum(a.caption == b.caption for a, b in pairwise(firsts.values()))
    assert same < len(firsts) / 10


def test_wrong_requests_are_refused() -> None:
    for bad in ({"workers": 0}, {"max_pairs_per_image": 0}, {"negatives_per_positive": 0}):
        with pytest.raises(HairsplitError, match="at least 1"):
            generate(drawn(1), world="open", **bad)  # type: ignore[arg-type]
    with pytest.raises(HairsplitError, match="did you mean 'relation'"):
        generate(drawn(1), world="open", families=["relations"])
    with pytest.raises(HairsplitError, match="needs --world closed"):
        family_weights(["count"], "open")
    with pytest.raises(HairsplitError, match="weight of 'count' is 0"):
        family_weights({"count": 0.0}, "closed")
    with pytest.raises(HairsplitError, match="no family"):
        family_weights([], "closed")
