"""What readers blind to the image get out of drawn scenes' pairs, per family, before and after the balancing pass.

Two sets of scenes are captioned and balanced apart, so that neither knows of the other. Every attack learns on one set
and reads the other, both ways round. (Within one balanced set cross-validation flatters: where an edit and its reverse
are equally frequent, an excess in the training folds is a lack in the held-out one, and the reader falls below chance.)

Attacks: those of `hairsplit audit` (length, markers, words, n-grams), runs of three words, and any two words of a text
in their order, wherever they stand; the last two also as learnt from the other set before it was balanced. Each is
fitted per family. None of them is a reader that the pass thins by; single words and neighbours are in both.

Run: python benchmarks/balance.py [--scenes 10000] [--worlds closed open] [--families NAME ...] [--seed 0]
"""

import argparse
import gc
import platform
import resource
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from hairsplit.captions.balance import balance, balance_json, balance_lines
from hairsplit.captions.generate import generate
from hairsplit.core.types import Estimate, Pair, World
from hairsplit.evaluate.audit_attacks import attack
from hairsplit.evaluate.audit_columns import columns_of
from hairsplit.evaluate.audit_text import text_facts, tokens
from hairsplit.evaluate.statistics import clustered_mean
from hairsplit.scenes.drawing.sample import DrawnWorld, scene

MOST_PER_IMAGE = 200
MOST_PAIRS = 10_000
"""Pairs of a family and set that are attacked."""
BOUND = 0.52
Attacked = dict[str, tuple[NDArray[np.float64], NDArray[Any]]]
"""Attack -> (credits, images), of both sets."""


def main() -> None:
    """Print a table per world."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=10_000, help="of each of the two sets")
    parser.add_argument("--worlds", nargs="+", default=["closed", "open"])
    parser.add_argument("--families", nargs="+", default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", action="store_true", help="print what each step of the pass did as well")
    options = parser.parse_args()
    print(f"{platform.machine()}, Python {platform.python_version()}, one process; attacks learn on the other set")
    for world in options.worlds:
        one_world(world, options)
        gc.collect()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


def one_world(world: World, options: argparse.Namespace) -> None:
    """Draw, caption, balance, attack."""
    raw = [captioned(world, options, part) for part in ("one", "two")]
    start = time.process_time()
    balanced = [balance(pairs, seed=options.seed) for pairs in raw]
    took = time.process_time() - start
    count = sum(map(len, raw))
    print(f"\n{world} world, 2 x {options.scenes:,} scenes, {count:,} pairs; balanced in {took:.0f} s of CPU time")
    for result in balanced:
        print(*result.warnings, sep="\n", end="\n" if result.warnings else "")
    if options.steps:
        print(*balance_lines(balance_json(balanced[0].steps)), sep="\n")
    print(f"{'family':<20}{'n before':>10}{'n after':>10}  {'before':<34}{'after':<34}{'upper bound':>12}")
    for family in sorted({pair.kind for pairs in raw for pair in pairs}):
        before = [[pair for pair in pairs if pair.kind == family] for pairs in raw]
        after = [[pair for pair in result.pairs if pair.kind == family] for result in balanced]
        line(family, before, after, options.seed)


def captioned(world: World, options: argparse.Namespace, part: str) -> list[Pair]:
    """The pairs of one set of scenes."""
    scenes = [scene(DrawnWorld(), options.seed, f"{part}-{i:06d}") for i in range(options.scenes)]
    made = generate(
        scenes,
        world=world,
        seed=options.seed,
        families=options.families,
        max_pairs_per_image=MOST_PER_IMAGE,
    )
    return list(made)


def line(family: str, before: Sequence[list[Pair]], after: Sequence[list[Pair]], seed: int) -> None:
    """Print the best attack before and after, and the highest upper bound of all attacks after."""
    given = estimates(attacks(before, before, seed), seed)
    left = estimates(attacks(after, after, seed) | learnt_before(before, after), seed)
    counts = f"{sum(map(len, before)):>10,}{sum(map(len, after)):>10,}"
    if not left:
        print(f"{family:<20}{counts}  too few pairs to attack", flush=True)
        return
    bound = max(estimate.high for estimate in left.values())
    verdict = "" if bound <= BOUND else f"  above {BOUND}"
    print(f"{family:<20}{counts}  {best(given):<34}{best(left):<34}{bound:>12.3f}{verdict}", flush=True)


def best(found: dict[str, Estimate]) -> str:
    """The attack with the highest number."""
    if not found:
        return "none"
    name, estimate = max(found.items(), key=lambda one: one[1].value)
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}] {name}"


def estimates(found: Attacked, seed: int) -> dict[str, Estimate]:
    """Accuracy of each attack with its 95 % interval, by a bootstrap over images."""
    return {name: clustered_mean(credits, images, seed=seed) for name, (credits, images) in found.items()}


def attacks(learnt: Sequence[list[Pair]], read: Sequence[list[Pair]], seed: int) -> Attacked:
    """All attacks on two sets of pairs of one family, each learning on the other set."""
    if min(map(len, read)) < 50:
        return {}
    pairs = [pair for some in read for pair in some[:MOST_PAIRS]]
    part = np.repeat([0, 1], [min(len(some), MOST_PAIRS) for some in read])
    table = columns_of(pairs)
    table_of_sets = replace(table, image=part)  # the audit holds out "images": here the sets
    found: Attacked = {}
    results = attack(table_of_sets, text_facts(table), seed=seed, most_pairs=2 * MOST_PAIRS, resamples=10).results
    for name, result in results.items():
        found[name] = result.credits, table.image[result.rows]
    return found | crosswise(learnt, read, "")


def learnt_before(before: Sequence[list[Pair]], after: Sequence[list[Pair]]) -> Attacked:
    """The attacks of this file, learning from the other set as it was before it was balanced."""
    return crosswise(before, after, " (learnt before)") if min(map(len, after)) >= 50 else {}


def crosswise(learnt: Sequence[list[Pair]], read: Sequence[list[Pair]], note: str) -> Attacked:
    """Runs of words and any two words: learning on `learnt[0]` and reading `read[1]`, and the other way round."""
    found: Attacked = {}
    for name, analyzer in (("3 words", runs), ("2 words", couples)):
        vectorizer = CountVectorizer(analyzer=analyzer, dtype=np.float64, min_df=2)
        vectorizer.fit(text for some in learnt for pair in some[:MOST_PAIRS] for text in texts(pair))
        credits = []
        for teacher, reader in ((0, 1), (1, 0)):
            taught, given = (differences(vectorizer, some) for some in (learnt[teacher], read[reader]))
            model = LogisticRegression(C=0.5, fit_intercept=False, max_iter=300, tol=1e-3)
            model.fit(vstack([taught, -taught]), np.repeat([1, 0], taught.shape[0]))
            scores = np.round(model.decision_function(given), 9)
            credits.append((scores > 0) + 0.5 * (scores == 0))
        images = np.array([pair.image_id for reader in (1, 0) for pair in read[reader][:MOST_PAIRS]])
        found[name + note] = np.concatenate(credits), images
    return found


def differences(vectorizer: CountVectorizer, pairs: Sequence[Pair], most: int = MOST_PAIRS) -> Any:
    """Features of the captions less those of the negatives."""
    sides = zip(*map(texts, pairs[:most]), strict=True)
    caption, negative = (vectorizer.transform(side) for side in sides)
    return (caption - negative).tocsr()


def texts(pair: Pair) -> tuple[str, str]:
    """Caption and negative."""
    return pair.caption, str(pair.negative)


def runs(text: str) -> Iterator[str]:
    """Runs of one to three words, with the ends of the text."""
    words = ["^", *tokens(text), "$"]
    for size in (1, 2, 3):
        yield from (" ".join(words[i : i + size]) for i in range(len(words) - size + 1))


def couples(text: str) -> Iterator[str]:
    """Any two words in their order."""
    yield from (" .. ".join(two) for two in combinations(tokens(text), 2))


if __name__ == "__main__":
    main()
