"""What explaining costs, in forward passes of the pair, against exCLIP where it is installed.

    python benchmarks/explain.py [--rounds 3] [--exclip]

A CLIP of the shape of ViT-B/32 (151 M numbers, random weights, 224 px), one thread, one process; the caption has 16
tokens, start and end included. A forward pass of the pair is the image once and the caption at 77 positions, as CLIP's
own code runs it. Each way is taken in turn with the forward pass; the ratio is the median over the rounds, of processor
seconds: on a shared machine the clock tells who else is there. Memory is the most that is held during a call above what
was held before it (Linux), freed memory given back first. Layers are text,image.

`--exclip` runs exCLIP 1.1 as it is (OpenClipExplainer, last layers, N = 10) once: about 100 seconds and 8 GB. It takes
`pip install exclip open_clip_torch`. Its matrix is compared with ours at its own reference, rule and unit.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from frozen_work import SHAPE
from PIL import Image
from torch.nn.functional import pad
from training import peak_above

from hairsplit.encoders.dual_encoder import DualEncoder, new
from hairsplit.encoders.export import open_clip_config
from hairsplit.encoders.weights import to_openai
from hairsplit.explain import (
    ExplainConfig,
    Explainer,
    Subject,
    clip_subject,
    contrast_captions,
    explain_box,
    explain_caption,
    explain_captions,
    explain_span,
)
from hairsplit.explain.second_order import factors, take_apart
from hairsplit.explain.towers import undisturbed
from hairsplit.explain.words import Words

CAPTION = "a red cup left of a blue plate on the old brown wooden table"
NEGATIVE = "a blue cup left of a red plate on the old brown wooden table"
MORE = (
    "a small white dog runs after a ball on the very green grass",
    "two men in dark suits stand beside a long black car outside",
    NEGATIVE,
    CAPTION,
)
CONTEXT, NODES = 77, 10
SPAN, BOX = "red cup", (0.0, 0.0, 112.0, 112.0)
FAST = ExplainConfig(text_layer=-1, image_layer=-1)
WORDS = ExplainConfig()
PIXELS = ExplainConfig(image_layer=0)


@dataclass(frozen=True)
class Cost:
    """Of one way."""

    seconds: list[float]
    """Of the processor, for each caption."""
    forwards: list[float]
    """The same over that of a forward pass of the pair beside it."""
    megabytes: float


def seconds(call: Callable[[], object]) -> float:
    """Of the processor."""
    start = time.process_time()
    call()
    return time.process_time() - start


def cost(call: Callable[[], object], forward: Callable[[], object], rounds: int, captions: int = 1) -> Cost:
    """Take both in turn; `captions` that a call explains."""

    def once() -> None:
        call()

    megabytes = peak_above(once)
    spent, ratios = [], []
    for _ in range(rounds):
        # a forward pass before and one behind: whatever slows the machine meets both
        one, mine, other = seconds(forward), seconds(call) / captions, seconds(forward)
        spent.append(mine)
        ratios.append(mine / ((one + other) / 2))
    return Cost(spent, ratios, megabytes)


def ways(subject: Subject, image: Image.Image) -> dict[str, tuple[Callable[[], object], int]]:
    """What is measured, by name, and how many captions a call explains."""
    fast, words, pixels = (Explainer(subject, config) for config in (FAST, WORDS, PIXELS))
    mixed = Explainer(subject, replace(FAST, engine="mixed", rule="gauss", nodes=NODES))
    fast_side, words_side, pixels_side, mixed_side = (one.image_side(image) for one in (fast, words, pixels, mixed))
    return {
        "`fast`: a new pair, encoding included": (lambda: explain_caption(fast, fast.image_side(image), CAPTION), 1),
        "`fast`: of it the attribution (closed form)": (partial(attribution, fast, image), 1),
        "`fast`: a further caption": (partial(explain_caption, fast, fast_side, CAPTION), 1),
        f"`fast`: each of {len(MORE)} further captions": (partial(explain_captions, fast, fast_side, MORE), len(MORE)),
        "`fast`: contrast": (partial(contrast_captions, fast, fast_side, CAPTION, NEGATIVE), 1),
        f"mixed engine at -1,-1, {NODES} nodes": (partial(explain_caption, mixed, mixed_side, CAPTION), 1),
        "`words`: a further caption": (partial(explain_caption, words, words_side, CAPTION), 1),
        "`words`: a span": (partial(explain_span, words, words_side, CAPTION, SPAN), 1),
        "`words`: a box": (partial(explain_box, words, words_side, CAPTION, BOX), 1),
        "`words`: contrast": (partial(contrast_captions, words, words_side, CAPTION, NEGATIVE), 1),
        "`words`: the image with its factors, once": (partial(words.image_side, image, keep_factors=True), 1),
        "`pixels`: a span": (partial(explain_span, pixels, pixels_side, CAPTION, SPAN), 1),
    }


def attribution(explainer: Explainer, image: Image.Image) -> object:
    """Both sides' factors and the matrix, hidden states and embeddings being known."""
    lines = _LINES.get(id(explainer))
    if lines is None:
        with undisturbed(explainer.subject.module):
            text = explainer.text_line(explainer.subject.words(CAPTION))
        lines = _LINES[id(explainer)] = (text, explainer.image_side(image).line)
    text, picture = (replace(line) for line in lines)  # nothing of them is kept from the call before
    with undisturbed(explainer.subject.module):
        return take_apart(text, picture, factors(picture))


_LINES: dict[int, tuple[Any, Any]] = {}


def exclip(encoder: DualEncoder, subject: Subject, image: Image.Image, forward: Callable[[], object]) -> str:
    """A row of the table for exCLIP as it is, and how far its matrix is from ours."""
    if not all(importlib.util.find_spec(name) for name in ("exclip", "open_clip")):
        return "exCLIP: not installed (pip install exclip open_clip_torch)"
    import open_clip
    from exclip import OpenClipExplainer

    config = open_clip_config(encoder)
    towers = open_clip.CLIPVisionCfg(**config["vision_cfg"]), open_clip.CLIPTextCfg(**config["text_cfg"])
    model = open_clip.CLIP(config["embed_dim"], *towers, quick_gelu=config["quick_gelu"])
    model.load_state_dict(to_openai(encoder.model))
    peer = OpenClipExplainer(model.eval(), device=torch.device("cpu"))
    words = subject.words(CAPTION)
    ids = pad(words.ids(subject.device), (0, CONTEXT - len(words.tokens)))
    pixels = torch.from_numpy(subject.preprocess(image))[None]
    found: list[torch.Tensor] = []
    one, spent = seconds(forward), []
    megabytes = peak_above(lambda: spent.append(seconds(lambda: found.append(peer.explain(ids, pixels, N=NODES)))))
    one = (one + seconds(forward)) / 2
    peer.reset_attribution()  # it leaves its hooks on the model
    apart = float((found[0].flatten(1) - matrix_of_exclip(subject, words, image)).abs().max() / found[0].abs().max())
    row = f"| exCLIP 1.1, last layers, {NODES} nodes | {spent[0]:.1f} | {spent[0] / one:,.0f} | {megabytes:,.0f} |"
    return f"{row}\n\nexCLIP's matrix and ours at its reference, rule and unit: {apart:.1e} of the largest entry apart"


def matrix_of_exclip(subject: Subject, words: Words, image: Image.Image) -> torch.Tensor:
    """Ours [tokens, patches] with what exCLIP takes: start, one padding, end, padding; right endpoints; fixed norms."""
    config = replace(FAST, rule="right", nodes=NODES, score="fixed")
    made = Explainer(subject, config)
    start, end = words.tokens[0], words.tokens[-1]
    blank = replace(start, id=subject.pad)
    reference = replace(words, tokens=(start, blank, end, *[blank] * (len(words.tokens) - 3)))
    side = made.image_side(image)
    with undisturbed(subject.module):
        return take_apart(made.text_line(words, reference), side.line, side.factors).values[:, 1:]


def main() -> None:
    """Read the arguments, print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exclip", action="store_true", help="Run exCLIP once: minutes, and 8 GB.")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    encoder = new(SHAPE).eval().requires_grad_(False)
    subject = clip_subject(encoder)
    noise = np.random.default_rng(0).integers(0, 256, (224, 224, 3)).astype(np.uint8)
    image = Image.fromarray(noise)
    pixels, ids = torch.from_numpy(encoder.preprocess(image))[None], encoder.tokenize([CAPTION])
    full = pad(ids, (0, CONTEXT - ids.shape[1]))

    def forward() -> None:
        encoder.encode_image(pixels), encoder.encode_text(full)

    with torch.no_grad():
        forward()
        one = statistics.median(seconds(forward) for _ in range(5))
        print(
            f"torch {torch.__version__}, one thread; {ids.shape[1]} tokens; a forward pass of the pair: {one:.3f} CPU s"
        )
        print(f"median of {asked.rounds} rounds, least and most in brackets\n")
        print("| way | CPU s | forward passes of the pair | peak extra memory, MB |\n|---|---|---|---|")
        for name, (call, captions) in ways(subject, image).items():
            call()  # references, and what is loaded at first use
            found = cost(call, forward, asked.rounds, captions)
            ratios = sorted(found.forwards)
            told = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})"
            print(f"| {name} | {statistics.median(found.seconds):.3f} | {told} | {found.megabytes:.0f} |", flush=True)
    if asked.exclip:
        print(exclip(encoder, subject, image, forward))


if __name__ == "__main__":
    main()
