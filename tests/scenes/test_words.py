"""The word lists as a whole: what a single wrong entry would break."""

from itertools import combinations, permutations

import pytest

from hairsplit.scenes import _attributes, _kinds, _nouns, _predicates, lexicon

MEMBERS = [name for kind in lexicon.classes() for name in lexicon.members(kind)]


def test_an_attribute_is_in_one_class_and_is_its_own_canonical_form() -> None:
    assert len(MEMBERS) == len(set(MEMBERS)) > 60
    assert [name for name in MEMBERS if lexicon.attribute(name) != name] == []
    assert [kind for kind in lexicon.classes() if list(lexicon.members(kind)) != sorted(lexicon.members(kind))] == []


def test_synonyms_end_at_once() -> None:
    for table in (_attributes.SYNONYMS, _predicates.SYNONYMS):
        assert {old: new for old, new in table.items() if new in table or old == new} == {}


def test_pairs_that_are_no_contraries_are_members_of_one_class() -> None:
    for pair in (*_attributes.COMPATIBLE, *_attributes.LOOSE):
        assert len(pair) == 2
        assert len({lexicon.attribute_class(name) for name in pair}) == 1, pair
        assert None not in {lexicon.attribute_class(name) for name in pair}, pair


def test_exclusion_is_mutual_and_excludes_what_may_be_both() -> None:
    for a, b in permutations(MEMBERS, 2):
        assert lexicon.excludes(a, b) == lexicon.excludes(b, a)
        assert not (lexicon.excludes(a, b) and lexicon.near(a, b)), (a, b)
        assert (b in lexicon.alternatives(a)) == lexicon.excludes(a, b)
    assert not lexicon.excludes("metal", "wooden")
    assert lexicon.excludes("metal", "stone")
    assert lexicon.excludes("orange", "red")
    assert lexicon.loose("orange", "red")


def test_a_shade_is_no_basic_colour_and_says_which_it_may_be() -> None:
    colours = set(lexicon.members("colour"))
    assert not colours & set(_attributes.SHADES)
    for shade, names in _attributes.SHADES.items():
        assert set(names.split()) <= colours, shade
        for colour in colours:
            assert lexicon.near(shade, colour) != lexicon.excludes(shade, colour) or not names


def test_classes_of_few_nouns_are_classes() -> None:
    assert set(_attributes.ONLY_OF) <= set(lexicon.classes())
    assert {*_attributes.OF_ANIMALS, *_attributes.OF_PEOPLE} <= set(lexicon.classes())


@pytest.mark.parametrize(
    ("noun", "attributes", "not_attributes"),
    [
        ("man", "old young sitting", "tall black large new"), ("boy", "standing", "old young small"),
        ("dog", "old wet white large lying", "new wooden open"), ("table", "wooden new round", "young sitting on"),
        ("lamp", "on off tall", "parked"), ("truck", "parked moving red", "on curly"),
        ("hair", "curly long brown", "on"),
        ("nose", "", "red large"), ("sky", "clear cloudy", "parked"), ("banana", "ripe peeled yellow", "leafy"),
    ],
)  # fmt: skip
def test_what_is_said_of_what(noun: str, attributes: str, not_attributes: str) -> None:
    assert [a for a in attributes.split() if not lexicon.usable(noun, a)] == []
    assert [a for a in not_attributes.split() if lexicon.usable(noun, a)] == []


def test_inverses_and_contraries_are_mutual() -> None:
    for name, inverse in _predicates.INVERSES.items():
        assert lexicon.inverse(inverse) == name
        assert lexicon.asymmetric(name)
    for a, b in _predicates.CONTRARIES:
        assert a in lexicon.contraries(b)
        assert b in lexicon.contraries(a)
        assert a not in lexicon.overlapping(b)


def test_all_predicates_of_the_algebra_are_canonical_and_can_be_said() -> None:
    names = {*_predicates.PLACES, *_predicates.DOINGS, *_predicates.INVERSES, *_predicates.FUNCTIONAL}
    names |= {name for pair in _predicates.CONTRARIES for name in pair} | set(_predicates.SYNONYMS.values())
    used = {name for name in names if lexicon.predicate(name) == name}
    assert names - used <= set(_predicates.SYNONYMS)
    assert [name for name in used if lexicon.said_as(name) is None] == []
    assert {lexicon.functional(name) for name in _predicates.FUNCTIONAL} == {1, 2}
    assert lexicon.functional("holding") is None  # two people may hold one thing


@pytest.mark.parametrize("text", ["under", "beside", "seated on", "riding on", "dressed in", "Left of", "wearing"])
def test_known_predicates(text: str) -> None:
    assert lexicon.knows_predicate(text)
    assert not lexicon.knows_predicate(f"{text} gazumped")


def test_a_kind_covers_its_members_and_a_member_may_be_what_the_kind_says() -> None:
    for kind, members in _kinds.KINDS.items():
        for member in members.split():
            assert lexicon.match(kind, member) == "yes", (kind, member)
            assert lexicon.match(member, kind) != "no", (kind, member)


def test_words_for_one_thing_never_rule_each_other_out() -> None:
    for line in _kinds.SAME_THING:
        for a, b in combinations(line.split(), 2):
            assert lexicon.match(a, b) != "no", (a, b)


def test_rivals_rule_each_other_out_and_can_be_said() -> None:
    for line in _kinds.RIVALS:
        for a, b in permutations(line.split(), 2):
            assert lexicon.match(a, b) == "no", (a, b)
        assert [noun for noun in line.split() if not lexicon.nameable(noun)] == []


def test_number_of_listed_nouns() -> None:
    assert {lexicon.number(noun) for noun in _nouns.PLURAL_ONLY} == {"plural"}
    assert {lexicon.number(noun) for noun in _nouns.MASS} == {"mass"}
    assert {
        noun: lexicon.number(noun) for noun in _nouns.PLURALS_IN_AS_AND_OS if lexicon.number(noun) != "plural"
    } == {}
    singulars = {member for line in _kinds.KINDS.values() for member in line.split()} - _nouns.MASS - _nouns.PLURAL_ONLY
    wrong = {n for n in singulars if lexicon.number(n) != "singular" or lexicon.singular(lexicon.plural(n)) != n}
    assert wrong == set()


@pytest.mark.parametrize(
    ("noun", "number"),
    [
        ("fries", "plural"), ("broccoli", "mass"), ("stop sign", "singular"), ("tennis racket", "singular"),
        ("cacti", "plural"), ("bookshelves", "plural"), ("tuxedos", "plural"), ("compass", "singular"),
        ("traffic lights", "plural"), ("asparagus", "mass"), ("hooves", "plural"), ("gazebos", "plural"),
        ("series", "singular"), ("women", "plural"), ("snow pants", "plural"), ("tree trunk", "singular"),
    ],
)  # fmt: skip
def test_number_of_nouns_of_scene_graphs(noun: str, number: str) -> None:
    assert lexicon.number(noun) == number
