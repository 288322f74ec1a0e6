"""The tests of balancing are strict: each of these one-line mistakes makes one of them fail.

A mutant is the source of a module with one expression replaced, executed in place of the module.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hairsplit.captions import _balance_columns, _balance_readers, _balance_slots, _balance_thin
from hairsplit.captions import balance as balancing
from tests.captions import test_balance, test_balance_readers, test_balance_slots, test_balance_thin
from tests.captions.test_balance_slots import EDITS

MODULES = {
    "slots": _balance_slots,
    "columns": _balance_columns,
    "readers": _balance_readers,
    "thin": _balance_thin,
    "balance": balancing,
}
TESTS = (test_balance, test_balance_readers, test_balance_slots, test_balance_thin)


def slots_agree() -> None:
    for name in EDITS:
        test_balance_slots.test_what_differs_is_the_edit_and_what_is_shared_the_context(name)


def edits_are_even() -> None:
    test_balance.test_an_edit_is_as_frequent_as_its_reverse("closed")


def order_does_not_matter() -> None:
    test_balance.test_neither_the_order_of_the_pairs_nor_their_shards_matter(0)


def nouns_do_not_tell() -> None:
    for nouns in (4, 100):
        test_balance.test_what_fits_a_noun_no_longer_tells(nouns)


Mutant = tuple[str, str, str, Callable[[], None]]
"""Module, expression, what stands there instead, the test that notices."""
MUTANTS: dict[str, Mutant] = {
    "one direction is kept whole": ("thin", "reshape(-1, 2).min(axis=1)", "reshape(-1, 2).max(axis=1)", edits_are_even),
    "directions are not told apart": ("thin", "group = 2 * cell + positive", "group = 2 * cell", edits_are_even),
    "what is over in a small cell stays": ("thin", "return kept if strict else alive", "return alive", edits_are_even),
    "no cell is large": (
        "thin",
        "(sizes[cell] >= SMALL)",
        "(sizes[cell] < 0)",
        test_balance_thin.test_a_large_cell_is_not_made_even_by_its_neighbour,
    ),
    "gaps of both signs in one bin": (
        "thin",
        "mirrored(cell, gaps[rows] > 0)",
        "mirrored(cell, gaps[rows] > -9)",
        test_balance_thin.test_gaps_end_up_as_often_above_zero_as_below,
    ),
    "one bin for all gaps": (
        "thin",
        "if bins > 1 else np.empty(0)",
        "if bins < 0 else np.empty(0)",
        test_balance_thin.test_large_gaps_are_evened_apart_from_small_ones,
    ),
    "the order given counts": (
        "columns",
        'np.argsort(_numbers(self._key, np.uint64), kind="stable")',
        "np.arange(len(self._key))",
        order_does_not_matter,
    ),
    "the seed does not": (
        "columns",
        "self._seed = str(seed)",
        'self._seed = "0"',
        test_balance.test_another_seed_prefers_other_pairs,
    ),
    "a template is none of its cell's": (
        "columns",
        "(half, pattern),\n            (pattern,),",
        "(half,), (),",
        edits_are_even,
    ),
    "a caption counts as often as it has negatives": (
        "columns",
        "one if first else ()",
        "one",
        test_balance_readers.test_a_caption_with_several_negatives_is_counted_once,
    ),
    "readers learn from what they judge": (
        "readers",
        "judged = self.half != half\n                scores",
        "judged = self.half == half\n                scores",
        test_balance_readers.test_learned_readers_judge_a_half_by_the_other_alone,
    ),
    "readers learn from what was left out": (
        "readers",
        "kept & (self.half == half)",
        "self.half == half",
        test_balance_readers.test_readers_learn_only_from_what_is_kept,
    ),
    "pairs of one image taken as independent": (
        "readers",
        "np.unique(images, return_inverse=True)",
        "np.unique(np.arange(len(images)), return_inverse=True)",
        test_balance_readers.test_the_interval_agrees_with_the_bootstrap_over_images,
    ),
    "plausibility is mere frequency": (
        "readers",
        " - sum(logs)",
        "",
        test_balance_readers.test_pmi_agrees_with_its_definition,
    ),
    "no rounds": ("balance", "if not telling:", "if telling or True:", nouns_do_not_tell),
    "edits uneven after a round": ("balance", "left = work.evened(left, EDIT, strict=True)", "pass", nouns_do_not_tell),
    "nothing said of a family that is gone": (
        "balance",
        "if left < given / 2:",
        "if left < given / 2 and left:",
        test_balance.test_a_family_that_vanishes_is_reported,
    ),
    "pairs without a negative are dropped": (
        "balance",
        "np.ones(columns.n_total, bool)",
        "np.zeros(columns.n_total, bool)",
        test_balance.test_pairs_without_a_negative_are_kept_as_they_are,
    ),
    "context of the caption's side only": (
        "slots",
        "clauses = {leaf.clause for leaf in one}",
        "clauses = {''}",
        slots_agree,
    ),
    "modifiers count as heads": ("slots", "if leaf.slot in _HEADS]", "]", slots_agree),
}


def load(mutated: dict[str, str]) -> None:
    """Run the source of every module, as changed, in the module itself, and the tests that took names from it anew."""
    for name, module in MODULES.items():
        run_source(module.__file__, mutated.get(name), module.__dict__)
    for tests in TESTS:
        run_source(tests.__file__, None, tests.__dict__)


def run_source(file: str | None, source: str | None, names: dict[str, object]) -> None:
    path = Path(str(file))
    exec(compile(source or path.read_text(), path, "exec"), names)  # noqa: S102 - our own source


@contextmanager
def mutated(module: str, old: str, new: str) -> Iterator[None]:
    source = Path(str(MODULES[module].__file__)).read_text()
    assert old in source, "the mutant no longer applies"
    try:
        load({module: source.replace(old, new)})
        yield
    finally:
        load({})


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_is_noticed(name: str) -> None:
    module, old, new, test = MUTANTS[name]
    with mutated(module, old, new), pytest.raises((AssertionError, ValueError, IndexError)):
        test()


@pytest.mark.parametrize(
    "test", dict.fromkeys(mutant[3] for mutant in MUTANTS.values()), ids=lambda test: str(test.__name__)
)
def test_without_a_mistake_the_same_tests_pass(test: Callable[[], None]) -> None:
    load({})
    test()
