"""What an image-text model of the drawn world knows of places: linear probes and pairs of captions.

    python benchmarks/probe_places.py tiny [RUN_OR_MODEL ...]

Scenes of one and of two objects, of a seed of their own. Printed, with n: R2 of a linear probe of the pooled image
feature for an object's x and y (fit on three quarters of the scenes of one object); and the share of pairs whose true
caption has the higher cosine (a tie is a miss), chance 50 %:
- colour: "a red star" / "a blue star";
- x, y: "a red star on the left" / "... on the right", of one object;
- bound: "a red star on the left and a blue ring on the right" / the two objects exchanged;
- relation, role: "the red star is to the left of the blue ring" / the opposite predicate / the roles exchanged.
"""

import argparse
from collections.abc import Iterator
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray

from hairsplit.core.run import stream
from hairsplit.core.types import Scene, Thing
from hairsplit.encoders.dual_encoder import DualEncoder, load
from hairsplit.evaluate.embed import embed_texts
from hairsplit.evaluate.metrics import TIE
from hairsplit.scenes.drawing.render import render
from hairsplit.scenes.drawing.sample import COLOURS, SHAPES, SIZES, DrawnWorld, directions, placed

SIZE = 48
SEED = 3_000_017
OPPOSITE = {
    "above": "below",
    "below": "above",
    "to the left of": "to the right of",
    "to the right of": "to the left of",
}


def scenes(things: int, count: int) -> list[Scene]:
    """Scenes of so many objects, no two of the same colour and shape."""
    made = []
    for n in range(count):
        rng = stream(SEED, f"{things}_{n}")
        kinds: dict[tuple[str, str], str] = {}
        while len(kinds) < things:
            kinds[rng.choice(COLOURS), rng.choice(SHAPES)] = rng.choice(SIZES)
        found = [(colour, shape, size) for (colour, shape), size in kinds.items()]
        made.append(placed(DrawnWorld(size=SIZE), SEED, f"probe{things}_{n}", found, "probe"))
    return made


def image_features(encoder: DualEncoder, shown: list[Scene]) -> NDArray[np.float32]:
    """Unit embeddings [n, D]."""
    pixels = np.stack([encoder.preprocess.normalised(render(one, SEED)) for one in shown])
    with torch.no_grad():
        parts = [encoder.encode_image(part) for part in torch.split(torch.from_numpy(pixels), 256)]
    features: NDArray[np.float32] = torch.cat(parts).numpy()
    return features


def linear_probe(features: NDArray[np.float32], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """R2 of each target on the last quarter, of a ridge regression on the first three."""
    inputs = np.c_[features, np.ones(len(features))]
    cut = 3 * len(inputs) // 4
    gram = inputs[:cut].T @ inputs[:cut] + 1e-3 * np.eye(inputs.shape[1])
    weights = np.linalg.solve(gram, inputs[:cut].T @ targets[:cut])
    rest = targets[cut:]
    left = ((rest - inputs[cut:] @ weights) ** 2).sum(0)
    explained: NDArray[np.float64] = 1 - left / ((rest - rest.mean(0)) ** 2).sum(0)
    return explained


def questions(one: Scene, rng: Random) -> Iterator[tuple[str, str, str]]:
    """(kind, true caption, false caption)."""
    first, *others = one.things
    name = phrase(first)
    if not others:
        wrong = rng.choice([colour for colour in COLOURS if colour not in first.attributes])
        yield "colour", name, f"a {wrong} {first.name}"
        for kind, share, low, high in (
            ("x", first.box.centre[0] / SIZE, "on the left", "on the right"),
            ("y", first.box.centre[1] / SIZE, "at the top", "at the bottom"),
        ):
            if share < 0.4:
                yield kind, f"{name} {low}", f"{name} {high}"
            elif share > 0.6:
                yield kind, f"{name} {high}", f"{name} {low}"
        return
    second = phrase(others[0])
    for predicate in directions(first.box, others[0].box):
        the, other = name.replace("a", "the", 1), second.replace("a", "the", 1)
        yield "relation", f"{the} is {predicate} {other}", f"{the} is {OPPOSITE[predicate]} {other}"
        yield "role", f"{the} is {predicate} {other}", f"{other} is {predicate} {the}"
        if predicate == "to the left of":
            where = "{} on the left and {} on the right"
            yield "bound", where.format(name, second), where.format(second, name)


def phrase(thing: Thing) -> str:
    """An object by colour and shape."""
    return f"a {thing.attributes[0]} {thing.name}"


def shares(encoder: DualEncoder, shown: list[Scene]) -> dict[str, tuple[float, int]]:
    """Kind of question -> (share answered right, n)."""
    features = image_features(encoder, shown)
    asked = [(n, row) for n, one in enumerate(shown) for row in questions(one, stream(SEED, one.image_id, "ask"))]
    images = features[[n for n, _ in asked]]
    true = embed_texts(encoder, [caption for _, (_, caption, _) in asked])
    false = embed_texts(encoder, [negative for _, (_, _, negative) in asked])
    right = (images * true).sum(1) > (images * false).sum(1) + TIE
    kinds = np.array([kind for _, (kind, _, _) in asked])
    found = {str(kind): right[kinds == kind] for kind in dict.fromkeys(kinds.tolist())}
    return {kind: (float(part.mean()), len(part)) for kind, part in found.items()}


def main() -> None:
    """Probe each model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="tiny, a run folder, or a model folder")
    parser.add_argument("--count", type=int, default=1_200, help="scenes of one object, and of two")
    args = parser.parse_args()
    singles, pairs = scenes(1, args.count), scenes(2, args.count)
    places = np.array([one.things[0].box.centre for one in singles], np.float64)
    for spec in args.models:
        encoder = load(spec)
        x, y = linear_probe(image_features(encoder, singles), places)
        print(f"{spec}\n  linear probe, one object: R2 of x {x:.2f}, of y {y:.2f} (n {args.count})")
        for kind, (share, count) in (shares(encoder, singles) | shares(encoder, pairs)).items():
            print(f"  {kind:<10}{100 * share:6.1f} %  (n {count:,})")


if __name__ == "__main__":
    main()
