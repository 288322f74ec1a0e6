"""A user's mistake: where, what, what to do; the same after a trip through another process."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from hairsplit.core.errors import HairsplitError, StoppedError


@pytest.mark.parametrize(
    ("where", "hint", "shown"),
    [
        ("run.yaml at lr", "lower it", "run.yaml at lr: too high\n  hint: lower it"),
        ("", "lower it", "too high\n  hint: lower it"),
        ("run.yaml", "", "run.yaml: too high"),
        ("", "", "too high"),
    ],
)
def test_it_prints_where_what_and_what_to_do(where: str, hint: str, shown: str) -> None:
    assert str(HairsplitError("too high", where=where, hint=hint)) == shown


@pytest.mark.parametrize("kind", [HairsplitError, StoppedError])
def test_it_survives_pickling_with_all_three_parts(kind: type[HairsplitError]) -> None:
    error = pickle.loads(pickle.dumps(kind("a", where="b", hint="c")))  # noqa: S301 - our own bytes
    assert type(error) is kind
    assert (error.message, error.where, error.hint) == ("a", "b", "c")


def fail() -> None:
    raise HairsplitError("a", where="b", hint="c")


def test_it_comes_back_whole_from_a_worker_process() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool, pytest.raises(HairsplitError) as caught:
        pool.submit(fail).result()
    assert (caught.value.message, caught.value.where, caught.value.hint) == ("a", "b", "c")
