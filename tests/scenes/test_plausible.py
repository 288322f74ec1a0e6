"""What may be said of a noun, by its head, is what the lexicon says of the whole noun."""

import pytest

from hairsplit.scenes import _kinds as kinds
from hairsplit.scenes import _nouns as nouns
from hairsplit.scenes import lexicon
from hairsplit.scenes.plausible import usable

NOUNS = sorted(
    {
        "car", "dog", "dogs", "man", "woman", "firemen", "child", "hair", "window", "light", "trousers", "zaxel",
        *list(nouns.BODY_PARTS)[:9], *kinds.KINDS["animal"].split()[:9], *kinds.KINDS["vehicle"].split()[:9],
    }
)  # fmt: skip


@pytest.mark.parametrize("before", ["", "street ", "red ", "new old ", "traffic light "])
def test_a_noun_is_judged_by_its_head_and_by_no_attribute_in_it(before: str) -> None:
    names = [name for kind in lexicon.classes() for name in lexicon.members(kind)] + ["striped"]
    words = [before + noun for noun in NOUNS]
    found = {(noun, name): usable(noun, name) for noun in words for name in names}
    assert found == {(noun, name): lexicon.usable(noun, name) for noun, name in found}
    assert 0 < sum(found.values()) < len(found)
