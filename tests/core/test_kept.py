from hairsplit.core.kept import kept


class Counted:
    """Counts how often its value is made."""

    made = 0

    @kept
    def value(self) -> list[int]:
        """The value."""
        self.made += 1
        return [self.made]


def test_a_value_is_made_once_for_each_object_and_only_when_asked_for() -> None:
    one, two = Counted(), Counted()
    assert one.made == 0
    assert one.value is one.value
    assert (one.made, two.made) == (1, 0)
    assert two.value == [1]
    assert two.value is not one.value


def test_the_class_shows_what_it_documents() -> None:
    assert isinstance(Counted.__dict__["value"], kept)
    assert Counted.value.__doc__ == "The value."
