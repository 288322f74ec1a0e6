"""Negatives of plain captions: yield, speed, and what a reader of the texts alone gets, before and after balancing.

python benchmarks/from_text.py captions.jsonl [--split train] [--other bench] [--graphs scene_graphs.json.gz]

With --other, also readers that learn on the other split, as it is before and after balancing: in one balanced table an
excess in the training folds is a lack in the held-out one, so that cross-validation within it falls below chance.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from balance import differences, texts
from scipy.sparse import vstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from hairsplit.captions.from_text import RULES
from hairsplit.captions.text_table import TextOptions, TextReport, write_text_captions
from hairsplit.core.tables import iterate_pairs
from hairsplit.core.types import Estimate, Pair
from hairsplit.evaluate.statistics import clustered_mean
from hairsplit.evaluate.text_only import TextOnlyBaseline, text_only_baseline


def made(captions: Path, folder: Path, name: str, **options: Any) -> tuple[TextReport, list[Pair], float]:
    """One run: its report, its pairs, and the seconds that it took."""
    out, start = folder / f"{name}.parquet", time.perf_counter()
    report = write_text_captions(captions, out, TextOptions(**options))
    return report, list(iterate_pairs(out)), time.perf_counter() - start


def blind(pairs: Sequence[Pair]) -> TextOnlyBaseline:
    """The blind reader of `hairsplit evaluate` and `hairsplit audit`."""
    return text_only_baseline(
        [pair.caption for pair in pairs],
        [str(pair.negative) for pair in pairs],
        [pair.kind for pair in pairs],
        [pair.image_id for pair in pairs],
    )


def fluency(pairs: Sequence[Pair]) -> float:
    """Share of pairs in which the n-grams of other images find the caption the likelier text, in percent."""
    credit = [0.5 if not p.plausibility else float(p.plausibility < 0) for p in pairs]
    return 100 * sum(credit) / len(credit) if credit else float("nan")


def shown(estimate: Estimate | None) -> str:
    """A share with its interval, without its n."""
    if estimate is None:
        return "-"
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def taught_elsewhere(learnt: Sequence[Pair], read: Sequence[Pair]) -> dict[str, Estimate]:
    """Rule -> accuracy on `read` of a logistic regression on one and two words of `learnt`, all rules at once."""
    vectorizer = CountVectorizer(ngram_range=(1, 2), min_df=2, token_pattern=r"[^\s.]+")  # noqa: S106 - of words
    vectorizer.fit(text for pair in learnt for text in texts(pair))
    taught, given = (differences(vectorizer, list(pairs), most=len(pairs)) for pairs in (learnt, read))
    model = LogisticRegression(C=0.5, fit_intercept=False, max_iter=500)
    model.fit(vstack([taught, -taught]), np.repeat([1, 0], taught.shape[0]))
    scores = np.round(model.decision_function(given), 9)
    credits = (scores > 0) + 0.5 * (scores == 0)
    kinds, images = (np.array([getattr(pair, name) for pair in read]) for name in ("kind", "image_id"))
    rows = {str(kind): kinds == kind for kind in sorted(set(kinds))} | {"all rules": np.ones(len(read), bool)}
    return {name: clustered_mean(credits[chosen], images[chosen], seed=0) for name, chosen in rows.items()}


def main() -> None:
    """Run all and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path)
    parser.add_argument("--split")
    parser.add_argument("--other", help="another split, for readers that learn there")
    parser.add_argument("--graphs", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--rules", nargs="*", choices=RULES.names(), default=list(RULES.names()))
    given = parser.parse_args()
    options = {"split": given.split, "workers": given.workers, "rules": given.rules, "max_pairs_per_image": 100}
    with tempfile.TemporaryDirectory() as folder:
        report, before, seconds = made(given.captions, Path(folder), "before", **options)
        _, after, more = made(given.captions, Path(folder), "after", balance=True, **options)
        print(f"{report.rows} pairs of {report.images} images in {seconds:.1f} s; balanced in {more:.1f} s")
        print(f"{'rule':<34}{'made':>7} {'n-grams':>8}  {'text-only':<20}{'kept':>7} {'n-grams':>8}  text-only")
        blind_before, blind_after = blind(before), blind(after)
        for name in report.made:
            row = [[pair for pair in pairs if pair.kind == name] for pairs in (before, after)]
            texts = [shown(b.by_kind.get(name)) for b in (blind_before, blind_after)]
            print(
                f"{name:<34}{len(row[0]):>7} {fluency(row[0]):>8.1f}  {texts[0]:<20}"
                f"{len(row[1]):>7} {fluency(row[1]):>8.1f}  {texts[1]}"
            )
        print(f"all rules: {shown(blind_before.overall)} before, {shown(blind_after.overall)} after")
        if given.other is not None:
            there = options | {"split": given.other}
            for note, balance in (("before", False), ("after", True)):
                _, learnt, _ = made(given.captions, Path(folder), f"other_{note}", balance=balance, **there)
                for name, estimate in taught_elsewhere(learnt, after).items():
                    print(f"learnt on {given.other} {note} balancing: {name:<24}{estimate.n:>7}  {shown(estimate)}")
        for reason, count in sorted(report.rejects.items()):
            print(f"{count:>9,}  {reason}")
        if given.graphs is not None:
            judged, _, seconds = made(given.captions, Path(folder), "judged", graphs=given.graphs, **options)
            print(f"with graphs, {seconds:.1f} s: {judged.rows} pairs, {dict(judged.evidence)}")
            print({reason: n for reason, n in judged.rejects.items() if "graph" in reason})
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
