"""Numbers with their nouns."""

import pytest

from hairsplit.core.wording import counted


@pytest.mark.parametrize(("count", "text"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (1_000, "1,000 pairs")])
def test_one_of_a_thing_is_no_plural(count: int, text: str) -> None:
    assert counted(count, "pair") == text


def test_a_plural_of_its_own_is_used() -> None:
    assert [counted(n, "class", "classes") for n in (1, 64)] == ["1 class", "64 classes"]
