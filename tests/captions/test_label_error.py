"""The probability that a label is wrong: as the masking audit measures it, for all that a negative may rest on."""

from pathlib import Path

import pytest

from hairsplit.captions._label_error import AUDITED, p_label_error
from hairsplit.captions._weak import WHAT
from hairsplit.captions.form import Exists, Has, Phrase, Related, from_json
from hairsplit.captions.generate import generate
from hairsplit.core.tables import PairsMeta, read_pairs, write_pairs
from hairsplit.scenes import lexicon
from tests.captions.checker.worlds import masked, wardrobes, worlds
from tests.captions.judged import pairs_of
from tests.captions.label_audit import Wrong, audit, audit_worn, interval, twins
from tests.captions.scenes import drawn

CUP = Phrase("cup")
PROVEN = {"annotated", "geometric", "exclusive_attribute", "converse_or_contrary", "functional", "complete"}
LEVEL = 0.9999
"""Of the intervals that a rate must lie in; there are some ten of them."""


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Wrong:
    """A smaller audit, of other scenes than the committed one."""
    return audit(90, seed=1_000_000, folder=tmp_path_factory.mktemp("audit"))


def test_the_committed_rates_are_those_of_another_audit(again: Wrong) -> None:
    assert sum(again.pairs.values()) > 4_000
    assert set(again.pairs) <= set(AUDITED)
    for name, pairs in again.pairs.items():
        low, high = interval(again.wrong[name], pairs, LEVEL)
        least, most = interval(*AUDITED[name], LEVEL)
        assert max(low, least) <= min(high, most), name
        assert AUDITED[name][1] > 3 * pairs, name


def test_what_is_proven_is_never_wrong_and_what_is_weak_at_times(again: Wrong) -> None:
    weak = {f"weak_absence of {what}" for what in WHAT.values()}
    assert set(AUDITED) == PROVEN | {"complete_noun"} | weak
    for counted in (again.wrong, {name: wrong for name, (wrong, _) in AUDITED.items()}):
        assert {name for name in counted if counted[name]} <= {*weak, "complete_noun"}
    assert all(AUDITED[name][0] > 0 for name in weak)


def test_nothing_is_wrong_of_who_else_wears_a_thing_and_little_seems_to_be(tmp_path: Path) -> None:
    worn = audit_worn(150, seed=1_000_000, folder=tmp_path)
    count = worn.label.pairs["functional"]
    assert count == worn.label.pairs.total() > 40
    assert worn.label.wrong.total() == 0
    assert worn.seen < 0.08 * count


def test_who_has_no_graph_may_take_another_thing_for_the_one_that_is_spoken_of(tmp_path: Path) -> None:
    """No negative of a whole scene is true of anything in it; of a half that is seen, some are."""
    whole, half = twins(80, 1_000_000, tmp_path, shares=(0.0, 0.5))
    assert (whole.share, half.share) == (0.0, 0.5)
    assert whole.seen == 0 < half.seen < half.pairs / 5
    assert min(whole.pairs, half.pairs) > 400


@pytest.mark.parametrize("complete", [(), ("hat", "shirt", "pants")])
def test_who_else_wears_a_thing_is_said_of_things_of_a_colour_alone(complete: tuple[str, ...], tmp_path: Path) -> None:
    """Of plain hats half would be true of another person, whose own hat nobody annotated."""
    graphs = {key: masked(raw, 0.3, n, keep=complete) for n, (key, raw) in enumerate(wardrobes(200, seed=5).items())}
    found = pairs_of(graphs, tmp_path, "open", complete_nouns=complete, max_pairs_per_image=200)
    pairs = [p for p in found if p.evidence == "functional" and p.kind in {"relation", "attribute_relation"}]
    assert {(p.kind, p.edit.role) for p in pairs if p.edit} > {
        ("attribute_relation", "subject"),
        ("relation", "object"),
    }
    plain = [form for p in pairs for form in (p.caption_form, p.negative_form) if not has_colour(str(form))]
    assert bool(plain) == bool(complete)


def has_colour(form: str) -> bool:
    """Whether the object of "s is p o" is said with a colour."""
    said = from_json(form)
    assert isinstance(said, Related)
    return any(lexicon.attribute_class(name) == "colour" for name in said.o.attributes)


def test_none_wrong_of_many_is_a_small_number_and_not_0() -> None:
    (wrong, pairs), form = AUDITED["geometric"], Related(CUP, "above", CUP)
    assert p_label_error("geometric", form) == pytest.approx(0.5 / (pairs + 1))
    assert wrong == 0
    assert 0 < p_label_error("geometric", form) < interval(0, pairs)[1] < 0.001  # type: ignore[operator]
    rates = [p_label_error("weak_absence", f) for f in (Has(CUP, "red"), Related(CUP, "on", CUP), Exists(CUP))]
    for what, rate in zip(("attribute", "relation", "thing"), rates, strict=True):
        wrong, pairs = AUDITED[f"weak_absence of {what}"]
        low, high = interval(wrong, pairs)
        assert rate is not None
        assert low < rate < high
    for unknown in ("unproven", "human", "count_bound"):
        assert p_label_error(unknown, form) is None


def test_each_row_says_it_and_a_table_keeps_it(tmp_path: Path) -> None:
    graphs = {key: masked(raw, 0.4, n) for n, (key, raw) in enumerate(worlds(40, seed=2).items())}
    pairs = pairs_of(graphs, tmp_path, "open", complete_nouns=["ball", "dog", "table"], weak_absence=True)
    pairs += generate(drawn(5), world="closed")
    assert {"weak_absence", "complete_noun", "complete", "geometric"} <= {p.evidence for p in pairs}
    for p in pairs:
        assert p.p_label_error == p_label_error(str(p.evidence), from_json(str(p.negative_form)))
        assert p.p_label_error is not None
    write_pairs(tmp_path / "p.parquet", pairs, PairsMeta())
    assert read_pairs(tmp_path / "p.parquet").pairs == tuple(pairs)
