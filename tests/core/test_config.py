"""Configuration: defaults < YAML < KEY=VALUE; what is wrong is named with its place and its nearest right spelling."""

from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from hairsplit.core.config import load_config, load_yaml, parse_value, set_path, validate
from hairsplit.core.errors import HairsplitError

FORBID = ConfigDict(extra="forbid", use_attribute_docstrings=True)


@dataclass(frozen=True, kw_only=True, config=FORBID)
class Round:
    """A wheel."""

    name: Literal["round"] = "round"
    radius: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, kw_only=True, config=FORBID)
class Square:
    """No wheel."""

    name: Literal["square"] = "square"
    side: Annotated[float, Gt(0)] = 2.0


def named(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


Wheel = Annotated[Annotated[Round | Square, Field(discriminator="name")], BeforeValidator(named)]


@dataclass(frozen=True, kw_only=True, config=FORBID)
class Cart:
    """What the tests configure."""

    place: Path
    speed: Annotated[float, Gt(0)] = 1.0
    steps: Annotated[int, Ge(0)] | None = None
    wheel: Wheel = field(default_factory=Round)
    spare: tuple[Wheel, ...] = ()
    loads: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.steps == 7:
            raise ValueError("seven steps are unlucky")


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def wrong(*overrides: str, path: Path | None = None) -> HairsplitError:
    with pytest.raises(HairsplitError) as caught:
        load_config(Cart, path, overrides)
    return caught.value


def test_later_sources_win(tmp_path: Path) -> None:
    file = write(tmp_path / "cart.yaml", "place: a\nspeed: 2\nsteps: 3\n")
    assert load_config(Cart, file) == Cart(place=Path("a"), speed=2, steps=3)
    assert load_config(Cart, file, ["speed=5"], steps=4) == Cart(place=Path("a"), speed=5, steps=4)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-5", 1e-5), ("-2.5E+3", -2500.0), ("3", 3), ("[a, 1]", ["a", 1]), ("", None), ("[1", "[1"), ("1e", "1e")],
)
def test_values_are_read_as_yaml_with_scientific_numbers(text: str, value: object) -> None:
    assert parse_value(text) == value


def test_scientific_numbers_in_a_file_are_numbers(tmp_path: Path) -> None:
    assert load_yaml(write(tmp_path / "a.yaml", "a: 1e-5\nb: 5E3\nc: e5\n")) == {"a": 1e-5, "b": 5000.0, "c": "e5"}


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["wheel=square", "wheel.side=3"], {"wheel": Square(side=3)}),
        (["wheel.radius=3"], {"wheel": Round(radius=3)}),
        (["wheel.name=square", "wheel.side=3"], {"wheel": Square(side=3)}),
        (["wheel={name: square, side: 3}", "wheel.side=4"], {"wheel": Square(side=4)}),
        (["spare=[square, round]", "spare.1.radius=5"], {"spare": (Square(), Round(radius=5))}),
        (["loads.hay=2", "loads.corn=3"], {"loads": {"hay": 2, "corn": 3}}),
    ],
)
def test_dotted_keys_reach_into_mappings_lists_and_named_things(overrides: list[str], expected: dict[str, Any]) -> None:
    assert load_config(Cart, None, ["place=a", *overrides]) == Cart(place=Path("a"), **expected)


@pytest.mark.parametrize(
    ("override", "where", "message", "hint"),
    [
        ("sped=3", "sped", "unknown key 'sped'", "did you mean 'speed'?"),
        ("wheel.radios=3", "wheel.radios", "unknown key 'radios'", "did you mean 'radius'?"),
        ("spare=[{name: square, sied: 3}]", "spare.0.sied", "unknown key 'sied'", "did you mean 'side'?"),
        ("SPEED=3", "SPEED", "unknown key 'SPEED'", "did you mean 'speed'?"),
        ("loads={hay:2}", "loads.hay:2", "valid number (got None)", "a space after the colon"),
        ("wheel=[]", "wheel", "should be a mapping of keys (got [])", "config schema"),
        ("zzz=3", "zzz", "unknown key 'zzz'", "config schema"),
        ("speed=0", "speed", "greater than 0 (got 0)", "config schema"),
        ("wheel.radius=-1", "wheel.radius", "greater than 0 (got -1)", "config schema"),
        ("spare=[square, {name: round, radius: 0}]", "spare.1.radius", "greater than 0 (got 0)", "config schema"),
        ("speed=fast", "speed", "valid number, unable to parse string as a number (got 'fast')", "config schema"),
        ("spare=square", "spare", "should be a list (got 'square')", "config schema"),
        ("loads=3", "loads", "should be a mapping of keys (got 3)", "config schema"),
        ("steps=7", "top level", "seven steps are unlucky", "config schema"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(override: str, where: str, message: str, hint: str) -> None:
    error = wrong("place=a", override)
    assert error.where == f"command line at {where}"
    assert message in error.message
    assert hint in error.hint


def test_it_is_told_whether_file_or_command_line_is_wrong(tmp_path: Path) -> None:
    file = write(tmp_path / "cart.yaml", "place: a\nspeed: 0\nwheel: {radius: 1}\n")
    assert wrong("steps=1", path=file).where == f"{file} at speed"
    assert wrong("speed=-1", path=file).where == "command line at speed"
    assert wrong("speed=1", "wheel.radius=0", path=write(file, "place: a\nwheel: round\n")).where == (
        "command line at wheel.radius"
    )


def test_a_missing_key_is_called_required(tmp_path: Path) -> None:
    file = write(tmp_path / "cart.yaml", "")
    error = wrong(path=file)
    assert (error.where, error.message) == (f"{file} at place", "this key is required")


@pytest.mark.parametrize("override", ["speed", "=3", "", "place: a"])
def test_an_override_without_key_or_value_is_an_error(override: str) -> None:
    assert "has no value" in wrong("place=a", override).message


@pytest.mark.parametrize("override", ["spare.5.radius=1", "spare.x.radius=1", "spare.5=round"])
def test_a_key_that_leads_nowhere_is_an_error(override: str) -> None:
    assert "leads nowhere" in wrong("place=a", "spare=[round]", override).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed: [1\nb: c", "not valid YAML"),
        ("speed: 1\nspeed: 2\n", "the key 'speed' occurs twice"),
        ("wheel: {radius: 1, radius: 2}", "the key 'radius' occurs twice"),
        ("- a\n- b\n", "not a mapping of keys"),
        ("just text", "not a mapping of keys"),
        ("a: !!python/object/apply:os.system ['touch pwned']", "could not determine a constructor"),
        ("a: \x00", "not valid YAML"),
    ],
)
def test_a_torn_or_dangerous_file_is_an_error(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(HairsplitError, match=message) as caught:
        load_yaml(write(tmp_path / "cart.yaml", text))
    assert str(tmp_path / "cart.yaml") in caught.value.where
    assert "\n" not in caught.value.message
    assert [f.name for f in tmp_path.iterdir()] == ["cart.yaml"]


def test_the_line_of_a_mistake_in_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(HairsplitError) as caught:
        load_yaml(write(tmp_path / "cart.yaml", "a: 1\nb: 2\na: 3\n"))
    assert caught.value.where == f"{tmp_path / 'cart.yaml'}, line 3"


def test_a_merge_key_may_stand_beside_what_it_brings(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", "x: &x {a: 1, b: 2}\ny: {<<: *x, a: 3}\n")
    assert load_yaml(file)["y"] == {"a": 3, "b": 2}


def test_a_missing_file_a_folder_and_bytes_are_errors(tmp_path: Path) -> None:
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\xfa")
    for path, message in [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "is a folder"),
        (tmp_path / "bytes.yaml", "not valid YAML"),
        (tmp_path / "bytes.yaml" / "below.yaml", "cannot be read"),
    ]:
        with pytest.raises(HairsplitError, match=message) as caught:
            load_yaml(path)
        assert caught.value.where == str(path)


def test_an_empty_file_is_an_empty_configuration(tmp_path: Path) -> None:
    assert load_yaml(write(tmp_path / "empty.yaml", "# nothing\n")) == {}


@given(st.lists(st.sampled_from(["a", "b", "0", "1", "x"]), min_size=1, max_size=4), st.integers())
def test_a_path_set_in_a_mapping_can_be_read_back(keys: list[str], value: int) -> None:
    tree: dict[str, Any] = {"b": "bare", "x": None}
    set_path(tree, keys, value)
    node: Any = tree
    for key in keys:
        node = node[key]
    assert node == value


def test_validation_says_where_the_values_came_from() -> None:
    with pytest.raises(HairsplitError, match=r"state at speed: .*greater than 0"):
        validate(Cart, {"place": "a", "speed": -1}, "state")
