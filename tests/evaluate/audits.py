"""Tables for the tests of the audit: with planted shortcuts, and balanced."""

from collections.abc import Sequence

from hairsplit.core.run import stream
from hairsplit.core.types import Pair
from hairsplit.evaluate.audit_columns import PairColumns, columns_of

COLOURS = ("red", "green", "blue", "yellow", "black", "white")
SHAPES = ("cube", "ball", "cone", "ring", "star", "cross")


def pair(image: str, caption: str, negative: str | None, kind: str = "k", source: str = "made by hand") -> Pair:
    return Pair(image=f"{image}.png", image_id=image, caption=caption, negative=negative, kind=kind, source=source)


def table(*rows: Sequence[str | None]) -> PairColumns:
    """Rows of (image, caption, negative[, kind])."""
    return columns_of(pair(*row) for row in rows)  # type: ignore[arg-type]


def balanced(n: int, kind: str = "balanced", seed: int = 0) -> list[Pair]:
    """A colour replaced by another at random: neither words nor lengths say anything."""
    rng, rows = stream(seed, kind), []
    for i in range(n):
        (true, false), shape = rng.sample(COLOURS, 2), rng.choice(SHAPES)
        rows.append(pair(f"{kind}{i // 2}", f"a {true} {shape}", f"a {false} {shape}", kind))
    return rows


def planted(n: int, shortcut: str, kind: str | None = None) -> list[Pair]:
    """Balanced pairs in 90 % of which one thing gives the answer away, and in 10 % the opposite."""
    rng, rows = stream(0, "planted", shortcut), []
    for one in balanced(n, kind or shortcut):
        true, false = {  # all but the length ones leave the lengths alone
            "length": (one.caption, f"{one.negative} in a wide, quiet place by the sea"),
            "short negative": (f"{one.caption} in a wide, quiet place by the sea", one.negative),
            "markers": (f"{one.caption} up", f"{one.negative} no"),
            "words": (f"{one.caption} big", f"{one.negative} old"),
            "n-grams": (f"top {one.caption} now then", f"top {one.negative} then now"),
        }[shortcut]
        if rng.random() < 0.1:
            true, false = str(false), str(true)
        rows.append(pair(one.image_id, str(true), str(false), one.kind))
    return rows
