"""Explanations made by hand, with numbers that are known."""

from dataclasses import replace

import numpy as np
from PIL import Image

from hairsplit.core.attribution import Attribution, Contrast, Quality, Token, View

CAPTION = "a red <script>alert(1)</script> & dog"
WORDS = ("a", "red", "<script>alert(1)</script>", "&", "dog")
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8))
VIEW = View(2, 3, 8.0, (24 / 64, 16 / 48), (0.0, 0.0))


def tokens(words: tuple[str, ...] = WORDS) -> tuple[Token, ...]:
    """Start, words of which the second has two tokens, end."""
    found, at = [Token(1, "", 0, 0, None)], 0
    for number, word in enumerate(words):
        for piece in range(2 if number == 1 else 1):
            found.append(Token(10 * number + piece + len(word), word, at, at + len(word), number))
        at += len(word) + 1
    return (*found, Token(2, "", at - 1, at - 1, None))


def attribution(words: tuple[str, ...] = WORDS, seed: int = 0, special: float = 0.0) -> Attribution:
    """Random parts that add up to the score but for a gap of 0.002."""
    draw, told = np.random.default_rng(seed), tokens(words)
    n = len(told)
    inside = np.array([1.0 if token.word is not None else special for token in told])
    values = (inside[:, None, None] * draw.normal(size=(n, 2, 3))).astype(np.float32)
    one = Attribution(
        caption=" ".join(words),
        tokens=told,
        values=values,
        class_values=(inside * draw.normal(size=n)).astype(np.float32),
        text_main=(inside * draw.normal(size=n)).astype(np.float32),
        image_main=draw.normal(size=(2, 3)).astype(np.float32),
        class_main=0.25,
        base=-0.125,
        score=0.0,
        blank_image_score=0.1,
        blank_text_score=0.2,
        gap=0.0,
        quality=Quality(1e-4, 2e-4, 8, 16),
        view=VIEW,
        logit_scale=10.0,
        config={"text_layer": 0, "text_blocks": 2, "image_layer": 1, "image_blocks": 2, "score": "cosine"},
        origin={"model": "<b>made</b>"},
        notes=("a <note>",),
    )
    return replace(one, score=one.total - 0.002, gap=0.002)


def direct() -> Contrast:
    """The second word is another one; the others add nothing."""
    negative = ("a", "tan", *WORDS[2:])
    one, changed = attribution(), np.zeros(len(tokens()))
    changed[2:4] = 1
    parts = {name: getattr(one, name) * changed for name in ("class_values", "text_main")}
    one = replace(
        one,
        values=one.values * changed[:, None, None],
        image_main=0 * one.image_main,
        class_main=0.0,
        base=0.0,
        **parts,
    )
    margin = one.total - 0.002
    one = replace(one, score=margin, blank_image_score=float(one.text_main.sum()))
    theirs = tuple(replace(t, id=t.id + 500) if t.word == 1 else t for t in one.tokens)
    return Contrast(
        caption=CAPTION,
        negative=" ".join(negative),
        margin=margin,
        blank_margin=one.blank_image_score,
        direct=one,
        negative_tokens=theirs,
        positive_side=attribution(),
        negative_side=attribution(negative, seed=3),
    )


def indirect() -> Contrast:
    """The negative has fewer words."""
    mine, theirs = attribution(), attribution(("a", "dog", "</script>"), seed=5)
    return Contrast(
        caption=CAPTION,
        negative=theirs.caption,
        margin=mine.score - theirs.score,
        blank_margin=0.0,
        direct=None,
        negative_tokens=theirs.tokens,
        positive_side=mine,
        negative_side=theirs,
    )
