"""The audit of a pairs table: what its texts give away and where its labels contradict each other, as one record."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.types import Estimate
from hairsplit.evaluate.audit_attacks import ATTACKS, Attacks, attack, clearly_above_chance, strongest
from hairsplit.evaluate.audit_columns import PairColumns
from hairsplit.evaluate.audit_counts import count_problems, count_shape, measure_kinds, one_sided_words, own_texts
from hairsplit.evaluate.audit_text import text_facts
from hairsplit.evaluate.statistics import RESAMPLES, clustered_mean, estimate_json, estimate_or_null
from hairsplit.evaluate.text_only import CHANCE, MOST_PAIRS, TextOnlyBaseline

FEWEST_IMAGES = 20
"""With fewer clusters the interval of a bootstrap is too narrow to find anything by."""
UNEVEN = 0.1
"""Difference of the shares of recurring captions and negatives from which it is worth saying."""
TOLD = 12
"""Pairs shown that a blind reader is surest of."""


def audit_pairs(
    table: PairColumns, *, seed: int = 0, most_pairs: int = MOST_PAIRS, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Audit the texts of a table; no picture is looked at.

    Everything is counted on all rows, but for the text-only attacks, which read at most `most_pairs` pairs.

    Returns:
        A record for JSON: shape, problems, kinds ("" is all), words, attacks, told (pairs that a blind reader is surest
        of and right about), findings (sentences).
    """
    facts = text_facts(table)
    attacks = attack(table, facts, seed=seed, most_pairs=most_pairs, resamples=resamples)
    record: dict[str, Any] = {
        "shape": count_shape(table, facts),
        "problems": count_problems(table, facts),
        "kinds": measure_kinds(table, facts, seed=seed, resamples=resamples),
        "words": one_sided_words(table, facts, seed=seed, resamples=resamples),
        "attacks": _attacks_json(table, attacks, seed, resamples),
        "told": _told(table, attacks),
    }
    return record | {"findings": findings(record, attacks)}


def _attacks_json(table: PairColumns, attacks: Attacks, seed: int, resamples: int) -> dict[str, Any]:
    own = own_texts(table, attacks.sampled)
    images = table.image[attacks.sampled]

    def on_own(result: TextOnlyBaseline) -> Estimate | None:
        if result.overall is None or not own.any():
            return None
        return clustered_mean(result.credits[own], images[own], chance=CHANCE, seed=seed, resamples=resamples)

    def one(name: str, result: TextOnlyBaseline) -> dict[str, Any]:
        return {
            "reads": ATTACKS[name],
            "overall": estimate_or_null(result.overall),
            "macro": estimate_or_null(result.mean_of_kinds),
            "strict": estimate_or_null(result.strict),
            "own_texts": estimate_or_null(on_own(result)),
            "ties": result.ties,
            "kinds": {kind: estimate_json(estimate) for kind, estimate in result.by_kind.items()},
            "reason": result.reason,
        }

    return {
        "readers": {name: one(name, result) for name, result in attacks.results.items()},
        "sample": {"pairs": len(attacks.sampled), "of": attacks.n_total, "seed": seed},
        "reason": attacks.reason,
    }


def _told(table: PairColumns, attacks: Attacks) -> list[dict[str, Any]]:
    """The pairs that the n-gram reader is surest of and right about, one per image and per pair of texts."""
    result = attacks.results["n-grams"]
    if result.overall is None:
        return []
    rows: NDArray[np.int64] = attacks.sampled
    found: list[dict[str, Any]] = []
    seen: set[object] = set()
    for place in np.argsort(-result.scores, kind="stable"):
        if result.scores[place] <= 0 or len(found) == TOLD:
            break
        row = rows[place]
        keys = {("image", int(table.image[row])), (int(table.caption[row]), int(table.negative[row]))}
        if not keys & seen:
            seen |= keys
            found.append(table.row(row) | {"log_odds": float(result.scores[place])})
    return found


def findings(record: dict[str, Any], attacks: Attacks) -> list[str]:
    """What a reader of the audit must know, most serious first, as sentences."""
    told = [
        f"{part['what']}: {part['count']:,} ({100 * part['share']:.1f} % of rows)"
        for name, part in record["problems"].items()
        if part["count"] and name != "no_negative"
    ]
    if attacks.reason:
        return [*told, f"no text-only attack: {attacks.reason}"]
    kinds = record["shape"]["kinds"]
    few = [kind for kind, count in kinds.items() if count["images"] < FEWEST_IMAGES]
    best = strongest(attacks.results)
    looked_at = len(ATTACKS) * (len(kinds) - len(few) + 1)
    given_away = []
    for kind in kinds.keys() - set(few):
        mine = strongest(attacks.results, kind)
        if mine is not None and clearly_above_chance(mine[1], looked_at):
            given_away.append((mine[1].value, f"{kind}: without the image, a reader of {mine[0]} gets {mine[1]}"))
    if best is not None and clearly_above_chance(best[1], looked_at) and record["shape"]["images"] >= FEWEST_IMAGES:
        told.append(f"all pairs: without the image, a reader of {best[0]} gets {best[1]}; chance is 50 %")
    elif best is not None and not given_away:
        told.append(
            f"no reader blind to the image is clearly above chance, of {looked_at} numbers looked at (best on all "
            f"pairs: {best[0]}, {best[1]})"
        )
    told += [line for _, line in sorted(given_away, reverse=True)]
    by_heart = [record["shape"][f"{side}_stands_with_other_images"] for side in ("caption", "negative")]
    if abs(by_heart[0] - by_heart[1]) > UNEVEN:
        more, less = ("captions", "negatives") if by_heart[0] > by_heart[1] else ("negatives", "captions")
        told.append(
            f"{more} recur with other images more than {less} do ({100 * max(by_heart):.1f} % against "
            f"{100 * min(by_heart):.1f} % of pairs): a text met before is by that alone likely "
            f"{'true' if more == 'captions' else 'false'}"
        )
    if few:
        told.append(
            f"kinds with fewer than {FEWEST_IMAGES} images, too few to find a shortcut in: {len(few)} of {len(kinds)}"
        )
    return told
