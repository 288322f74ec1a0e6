"""Explanations on disk: one .npz of plain arrays and one JSON text, opened with `allow_pickle=False`."""

import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hairsplit.core.attribution import Attribution, Contrast, Quality, Token, View
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_file

VERSION = 1
_ARRAYS = ("values", "class_values", "text_main", "image_main")
_FACTORS = ("text_factors", "image_factors")
_NUMBERS = ("class_main", "base", "score", "blank_image_score", "blank_text_score", "gap", "logit_scale")
_SIDES = ("direct", "positive_side", "negative_side")
_ROUNDING = 1e-4
"""Of a sum of float32 numbers about 1."""

Arrays = dict[str, NDArray[Any]]
Tree = dict[str, Any]


def save_explanation(explanation: Attribution | Contrast, path: Path) -> None:
    """Write an explanation, whole or not at all; an older file is replaced.

    Raises:
        HairsplitError: The file cannot be written.
    """
    arrays: Arrays = {}
    if isinstance(explanation, Attribution):
        tree: Tree = {"what": "attribution"} | _pack(explanation, "", arrays)
    else:
        sides = {name: getattr(explanation, name) for name in _SIDES}
        tree = {
            "what": "contrast",
            "caption": explanation.caption,
            "negative": explanation.negative,
            "margin": explanation.margin,
            "blank_margin": explanation.blank_margin,
            "negative_tokens": [asdict(token) for token in explanation.negative_tokens],
            "sides": {name: _pack(side, f"{name}.", arrays) for name, side in sides.items() if side is not None},
        }
    text = json.dumps({"format": "hairsplit explanation", "version": VERSION} | tree, ensure_ascii=False, default=str)
    meta = np.frombuffer(text.encode(), np.uint8)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, meta=meta, **arrays)


def load_explanation(path: Path) -> Attribution | Contrast:
    """Read what `save_explanation` wrote.

    Raises:
        HairsplitError: The file is missing, torn, of another version, or its parts do not add up to its score.
    """
    try:
        # opened here, because NumPy leaves a torn file open
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        tree = json.loads(arrays.pop("meta").tobytes().decode())
        version = tree["version"] if tree["format"] == "hairsplit explanation" else None
    except FileNotFoundError:
        raise HairsplitError("no such file", where=str(path), hint="check the path") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        raise HairsplitError("is no explanation", where=str(path), hint="make it again with explain") from None
    if version != VERSION:
        raise HairsplitError(
            f"has format version {version}, known is {VERSION}", where=str(path), hint="use a newer hairsplit"
        )
    try:
        if tree["what"] == "attribution":
            return _checked(_unpack(tree, "", arrays), path)
        sides = {name: _checked(_unpack(side, f"{name}.", arrays), path) for name, side in tree["sides"].items()}
        return Contrast(
            caption=tree["caption"],
            negative=tree["negative"],
            margin=tree["margin"],
            blank_margin=tree["blank_margin"],
            negative_tokens=tuple(Token(**token) for token in tree["negative_tokens"]),
            **{"direct": None} | sides,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise HairsplitError(f"is torn ({error})", where=str(path), hint="make it again with explain") from None


def _pack(one: Attribution, prefix: str, arrays: Arrays) -> Tree:
    for name in (*_ARRAYS, *_FACTORS):
        value = getattr(one, name)
        if value is not None:
            arrays[prefix + name] = np.asarray(value, np.float32)
    return {
        "caption": one.caption,
        "tokens": [asdict(token) for token in one.tokens],
        "quality": asdict(one.quality),
        "view": asdict(one.view),
        "config": dict(one.config),
        "origin": dict(one.origin),
        "notes": list(one.notes),
        "numbers": {name: getattr(one, name) for name in _NUMBERS},
    }


def _unpack(tree: Mapping[str, Any], prefix: str, arrays: Arrays) -> Attribution:
    view = tree["view"]
    named: Tree = {name: arrays[prefix + name] for name in _ARRAYS}
    named |= {name: arrays.get(prefix + name) for name in _FACTORS}
    named |= {name: float(tree["numbers"][name]) for name in _NUMBERS}
    return Attribution(
        caption=tree["caption"],
        tokens=tuple(Token(**token) for token in tree["tokens"]),
        quality=Quality(**tree["quality"]),
        view=View(**view | {"scale": tuple(view["scale"]), "offset": tuple(view["offset"])}),
        config=tree["config"],
        origin=tree["origin"],
        notes=tuple(tree["notes"]),
        **named,
    )


def _checked(one: Attribution, path: Path) -> Attribution:
    grid = (one.view.rows, one.view.columns)
    shapes: list[tuple[str, tuple[int, ...]]] = [
        ("values", (len(one.tokens), *grid)),
        ("class_values", (len(one.tokens),)),
        ("text_main", (len(one.tokens),)),
        ("image_main", grid),
    ]
    for name, shape in shapes:
        if getattr(one, name).shape != shape:
            raise HairsplitError(
                f"{name} is {getattr(one, name).shape}, not {shape}", where=str(path), hint="make it again with explain"
            )
    size = sum(float(np.abs(getattr(one, name)).sum()) for name, _ in shapes) + abs(one.base)
    if not abs(one.total - one.score - one.gap) <= _ROUNDING * max(1.0, size):
        raise HairsplitError(
            f"the parts add up to {one.total:.4f}, not to {one.score + one.gap:.4f}",
            where=str(path),
            hint="the file was changed; make it again with explain",
        )
    return one
