"""An error on any rank ends all of them, with the same words."""

import os
from pathlib import Path

import pytest
from accelerate import Accelerator

from hairsplit.core.errors import HairsplitError
from hairsplit.train.distributed import engine
from hairsplit.train.together import together
from tests.train import ranks

WORDS = ("zu wenig Plätze für\nalle €", "where it is", "a hint")


def failing(rank: int, out: Path) -> None:
    """Blocks that fail on no rank, on the first, on the second, on both."""
    accelerator = engine()
    for number, fails in enumerate(((), (0,), (1,), (0, 1))):
        said = "nothing"
        try:
            with together(accelerator):
                if rank in fails:
                    raise HairsplitError(f"{WORDS[0]} {rank}", where=WORDS[1], hint=WORDS[2])
        except HairsplitError as error:
            said = str(error)
        (out / f"{number}-{rank}").write_text(said, "utf-8")
    long = "€" * 10_000
    try:
        with together(accelerator):
            if rank == 0:
                raise HairsplitError(long, where=long, hint=long)
    except HairsplitError as error:
        (out / f"long-{rank}").write_text(f"{error.message[:5]} {error.where[:5]} {error.hint[:5]}", "utf-8")


@pytest.mark.slow
def test_all_ranks_say_what_failed_on_one_of_them(tmp_path: Path) -> None:
    assert ranks.launch(failing, tmp_path) == [0, 0]
    for rank in range(ranks.RANKS):
        said = [(tmp_path / f"{number}-{rank}").read_text("utf-8") for number in range(4)]
        assert said[0] == "nothing"
        for text, culprit in zip(said[1:], (0, 1, 1), strict=True):
            assert text == str(HairsplitError(f"{WORDS[0]} {culprit}", where=WORDS[1], hint=WORDS[2]))
        assert (tmp_path / f"long-{rank}").read_text("utf-8") == "€€€€€ €€€€€ €€€€€"


def test_one_process_needs_no_other() -> None:
    accelerator = Accelerator(cpu=True)
    assert "WORLD_SIZE" not in os.environ
    with together(accelerator):
        pass
    with pytest.raises(HairsplitError, match="mine"), together(accelerator):
        raise HairsplitError("mine")
