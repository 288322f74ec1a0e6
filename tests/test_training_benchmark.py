"""The benchmark of the training step runs on a small model without peers, and finds equal losses."""

import contextlib
import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        yield importlib.import_module("training")
    finally:
        sys.path.remove(str(BENCHMARKS))


@pytest.fixture(scope="module")
def printed(benchmark: ModuleType) -> str:
    out = io.StringIO()
    quick = ["--quick", "--no-peers", "--precision", "fp32", "--hnc", "nowhere"]
    with contextlib.redirect_stdout(out):
        benchmark.main([*quick, "--only", "full_encoder, K = 4", "full_encoder, dpo_kl"])
    return out.getvalue()


def test_cases_are_measured(printed: str) -> None:
    assert "captions of 11.8 tokens on average" in printed
    rows = [line for line in printed.splitlines() if line.startswith(("| hairsplit", "| plain loop"))]
    assert [row.split("|")[1].strip() for row in rows] == ["hairsplit", "plain loop"] * 2
    assert all(float(row.split("|")[2]) > 0 for row in rows)
    assert ["best" in row for row in rows] == [False, True] * 2
    assert "apart from it: plain loop 0" in printed  # dpo at the start model is log 2 in both


def test_pairs_share_their_image_but_in_the_plain_loop(printed: str) -> None:
    rows = [line.split("|") for line in printed.splitlines() if line.startswith(("| hairsplit", "| plain loop"))][:2]
    assert [float(row[3]) / float(row[2]) for row in rows] == pytest.approx([1 / 4, 1], rel=0.05)


def test_another_loss_is_an_error(benchmark: ModuleType) -> None:
    work = importlib.import_module("training_work").Work("case", "full_encoder", {}, 4, 1, 1)
    contender = importlib.import_module("training_contenders").Contender

    def measured(loss: float) -> object:
        return benchmark.Measured(contender("one", lambda: loss, 4, "own"), losses=[loss])

    assert "apart from it: one 0.0e+00" in benchmark.check(work, [measured(1.0), measured(1.0)], None, "fp32")
    with pytest.raises(AssertionError, match="has loss"):
        benchmark.check(work, [measured(1.0), measured(1.001)], None, "fp32")


def test_cost_against_size_has_a_row_for_each(benchmark: ModuleType) -> None:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        importlib.import_module("training_cost").main(
            ["--quick", "--rounds", "1", "--images", "2", "4", "--negatives", "2", "--fixed", "2"]
        )
    rows = [[float(n.split("-")[0]) for n in line.strip("| ").split(" | ")] for line in out.getvalue().splitlines()[5:]]
    assert [row[:2] for row in rows] == [[2, 1], [4, 1], [2, 2]]
    assert all(row[4] == pytest.approx(row[5] * row[1], rel=0.01) for row in rows)  # pairs/s = images/s times K
