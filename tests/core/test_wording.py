"""Numbers with their nouns."""

import pytest

from hairsplit.core.wording import counted, settings_changed


@pytest.mark.parametrize(("count", "text"), [(0, "0 pairs"), (1, "1 pair"), (2, "2 pairs"), (1_000, "1,000 pairs")])
def test_one_of_a_thing_is_no_plural(count: int, text: str) -> None:
    assert counted(count, "pair") == text


def test_a_plural_of_its_own_is_used() -> None:
    assert [counted(n, "class", "classes") for n in (1, 64)] == ["1 class", "64 classes"]


def test_settings_that_differ_are_named_by_their_path_and_others_are_not() -> None:
    before = {"lr": 0.1, "same": [1, {"a": 2}], "loss": {"name": "a", "weight": 2.0}, "gone": True}
    now = {"lr": 0.2, "same": [1, {"a": 2}], "loss": {"name": "b", "weight": 2.0}, "new": None, "more": "x"}
    assert settings_changed(before, now) == [
        "lr was 0.1, is now 0.2",
        "loss.name was a, is now b",
        "gone was true, is now null",
        "more was null, is now x",
    ]
    assert settings_changed(before, before) == []
