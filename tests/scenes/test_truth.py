from itertools import product

import pytest

from hairsplit.scenes.truth import UNKNOWN, Truth, Verdict, both, either, opposite

RANK = {Truth.FALSE: 0, Truth.UNKNOWN: 1, Truth.TRUE: 2}
SAID = [Verdict(Truth.TRUE, "seen"), Verdict(Truth.FALSE, "not so"), UNKNOWN]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_and_is_the_least_and_or_the_greatest_of_its_parts(length: int) -> None:
    """Kleene's strong logic: FALSE < UNKNOWN < TRUE."""
    for verdicts in product(SAID, repeat=length):
        ranks = [RANK[verdict.truth] for verdict in verdicts]
        assert RANK[both(iter(verdicts)).truth] == min(ranks)
        assert RANK[either(iter(verdicts)).truth] == max(ranks)
        flipped = [opposite(verdict) for verdict in verdicts]
        assert opposite(both(verdicts)) == either(flipped)


def test_a_verdict_keeps_the_evidence_that_decides_or_else_the_first() -> None:
    assert both([SAID[0], UNKNOWN, Verdict(Truth.FALSE, "a"), Verdict(Truth.FALSE, "b")]) == (Truth.FALSE, "a")
    assert both([Verdict(Truth.TRUE, "a"), Verdict(Truth.TRUE, "b")]) == (Truth.TRUE, "a")
    assert both([]) == (Truth.TRUE, "")
    assert either([]) == (Truth.FALSE, "")
    assert both([SAID[0], UNKNOWN]) == UNKNOWN
