"""Hard Negative Captions, machine-generated: the train and val files."""

import re
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from hairsplit.core.errors import HairsplitError
from hairsplit.core.json_keys import occurrences, refuse_twins
from hairsplit.core.json_stream import FETCH, decode
from hairsplit.core.types import Reject
from hairsplit.data.formats._format import Format, ImageRows, InexactError, Linked, Part, Parts, Row
from hairsplit.data.formats._json import parts
from hairsplit.data.formats._rows import checked

HINT = 'expected {"<image id>": {"captions": {"<caption id>": {caption, label, type, cpt_p_id}}}}; '
HINT += "the human-annotated test file is of the format hnc_test"
MARKER = b'"captions"'
DROPS = ("noisy", "ambiguous")

_made: list[object] = []
"""The captions of the part in work; more than its dictionaries hold means that a key stood twice."""
_made_ambiguities: list[object] = []
_making = threading.Lock()

_ENDS = {
    "captions": b'ns":', "caption": b'on":', "label": b'"label":', "type": b'pe":', "cpt_p_id": b'id":',
    "noisy": b'sy":', "ambiguity": b'ty":', "ambiguous": b'us":',
}  # fmt: skip
"""Key -> how it ends, which no other key of these files does. To count 4 or 8 bytes is faster than to count a word."""

_KEYS = re.compile(rb'"(' + "|".join(_ENDS).encode() + rb')"\s*:')
_ESCAPE_IN_TEXT = re.compile(rb'\\.(?:[^"\\]++|\\.)*+"(?:\s*+(:))?+', re.DOTALL)
"""From the first escape of a text to its end, and a colon if it is a key. Outside of texts JSON has no backslash."""


class _Caption(msgspec.Struct, gc=False):
    caption: str | None
    label: Literal[0, 1]
    type: str
    cpt_p_id: int | None = None

    # a method written in C: it is called millions of times
    __post_init__ = _made.append  # type: ignore[misc]


class _Ambiguity(msgspec.Struct, gc=False):
    ambiguous: bool
    subgraph1: "_Ambiguity | None" = None
    subgraph2: "_Ambiguity | None" = None

    __post_init__ = _made_ambiguities.append  # type: ignore[misc]


class _Marked(_Caption, gc=False, kw_only=True):
    """With the marks of doubtful captions. Null is not computed: such a caption is not marked."""

    noisy: bool | dict[str, bool] | None
    ambiguity: _Ambiguity


class _Image(msgspec.Struct, gc=False):
    captions: dict[str, _Caption]


class _MarkedImage(msgspec.Struct, gc=False):
    captions: dict[str, _Marked]


class _RawImage(msgspec.Struct):
    captions: dict[str, msgspec.Raw]


_PLAIN = msgspec.json.Decoder(dict[str, _Image])
_MARKED = msgspec.json.Decoder(dict[str, _MarkedImage])


def read(path: Path) -> Iterator[Row]:
    """Yield one row per negative, linked to its positive by `cpt_p_id`; one image is in memory at a time.

    The image is named by its bare id. The kind is HNC's own type (17 of them). A caption that nothing links to is
    rejected. About a tenth to a fifth of the labels contradict the annotation: hence no `evidence`.

    Raises:
        HairsplitError: Torn, of another shape, a field is of another type, or a key stands twice.
    """
    for part in _cut(path, True):
        for image in _read_part(part, path):
            for row in image.rows:
                if isinstance(row, Reject):
                    yield row
                else:
                    at, caption, negative, kind = row
                    yield from checked(
                        image.where + at, image=image.image, caption=caption, negative=negative, kind=kind, source="hnc"
                    )


def _cut(path: Path, exact: bool) -> Iterator[Part]:
    return parts(path, HINT, MARKER, exact=exact)


def _read_part(part: Part, path: Path, drops: Collection[str] = ()) -> Iterator[ImageRows]:
    images = _decoded(part, marked=bool(drops))
    if images is None and not part.exact:
        raise InexactError
    for image, captions in (images if images is not None else _decoded_slowly(part, path, drops)).items():
        where = f"{path.name}, image {image}, "
        yield ImageRows(image, where, _linked(where, captions, drops))


def _decoded(part: Part, *, marked: bool) -> dict[str, dict[str, _Caption]] | None:
    """Image -> id -> caption; None if that is not what the part holds, or if a key may stand twice in it."""
    decoder: msgspec.json.Decoder[Any] = _MARKED if marked else _PLAIN
    with _making:
        _made.clear()
        _made_ambiguities.clear()
        try:
            images = {name: image.captions for name, image in decoder.decode(part.text).items()}
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        finally:
            captions, ambiguities = len(_made), len(_made_ambiguities)
            _made.clear()
            _made_ambiguities.clear()
    keys = {"captions": len(images)} | dict.fromkeys(("caption", "label", "type", "cpt_p_id"), captions)
    if marked:
        keys |= {"noisy": captions, "ambiguity": captions, "ambiguous": ambiguities}
    if marked and ambiguities > captions and ambiguities != _ambiguities(images):
        return None
    return images if captions == sum(map(len, images.values())) and _stand_so_often(keys, part.text) else None


def _ambiguities(images: Mapping[str, Mapping[str, _Caption]]) -> int:
    """How many the captions hold: fewer than were made where a subgraph stood twice."""

    def size(found: _Ambiguity) -> int:
        return 1 + sum(size(inner) for inner in (found.subgraph1, found.subgraph2) if inner)

    return sum(size(c.ambiguity) for own in images.values() for c in own.values() if isinstance(c, _Marked))


def _stand_so_often(keys: Mapping[str, int], text: bytes) -> bool:
    """Whether each key stands in the text exactly so often; at fewest it does, as the text was decoded.

    No, too, where a key is written with an escape, so that it would not be counted.
    """
    if b"\\" in text and any(match[1] for match in _ESCAPE_IN_TEXT.finditer(text)):
        return False
    if not occurrences(b" :", text) and all(occurrences(_ENDS[key], text) == count for key, count in keys.items()):
        return True
    found = Counter(match[1].decode() for match in _KEYS.finditer(text))
    return all(found[key] == count for key, count in keys.items())


def _decoded_slowly(part: Part, path: Path, drops: Collection[str]) -> dict[str, dict[str, _Caption]]:
    """The same, caption by caption, to find the one that is wrong."""
    try:
        str(part.text, "utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {part.offset + error.start:,} is not UTF-8"
        raise HairsplitError(f"torn or not valid JSON: {byte}", where=str(path), hint=FETCH) from None
    kind: type[_Caption] = _Marked if drops else _Caption
    images: dict[str, dict[str, _Caption]] = {}
    for image, raw in decode(part.text, dict[str, msgspec.Raw], str(path), HINT).items():
        where = f"{path}, image {image}"
        found = decode(raw, _RawImage, where, HINT).captions
        images[image] = {}
        for key, entry in found.items():
            images[image][key] = decode(entry, kind, f"{where}, caption {key}", HINT)
            refuse_twins(entry, f"{where}, caption {key}")
        refuse_twins(raw, where)
    return images


def _linked(where: str, captions: dict[str, _Caption], drops: Collection[str]) -> Iterator[Linked | Reject]:
    used: set[str] = set()
    for key, entry in captions.items():
        if entry.label == 1:
            continue
        linked = str(entry.cpt_p_id)
        positive = captions.get(linked)
        if positive is None or positive.label == 0:
            yield Reject(f"{where}caption {key}", "unlinked_negative", f"cpt_p_id is {entry.cpt_p_id}")
            continue
        used.add(linked)
        mark = _mark(entry, positive, drops) if drops else ""
        if mark:
            yield Reject(f"{where}caption {key}", mark)
        else:
            yield f"caption {key}", positive.caption, entry.caption, entry.type
    for key, entry in captions.items():
        if entry.label == 1 and key not in used:
            yield Reject(f"{where}caption {key}", "unlinked_positive")


def _mark(negative: _Caption, positive: _Caption, drops: Collection[str]) -> str:
    """The first of `drops` that one of the two captions carries."""
    for caption in (positive, negative):
        if isinstance(caption, _Marked):
            noisy = any(caption.noisy.values()) if isinstance(caption.noisy, dict) else caption.noisy
            if noisy and "noisy" in drops:
                return "noisy"
            if "ambiguous" in drops and _is_ambiguous(caption.ambiguity):
                return "ambiguous"
    return ""


def _is_ambiguous(found: _Ambiguity) -> bool:
    return found.ambiguous or any(_is_ambiguous(inner) for inner in (found.subgraph1, found.subgraph2) if inner)


ENTRY = Format(
    read=read,
    description="HNC train or val: {image id: {captions: {id: {caption, label, type, cpt_p_id}}}}",
    reference="doi:10.18419/darus-4341",
    licence="MIT (as tagged on the hub card patilli/HNC); images: Visual Genome, CC BY 4.0",
    example=(
        '{"2386621": {"captions": {'
        '"52": {"caption": "The cup is red.", "label": 1, "type": "attribute", "cpt_p_id": null}, '
        '"53": {"caption": "The cup is blue.", "label": 0, "type": "attribute", "cpt_p_id": 52}}}}'
    ),
    parts=Parts(cut=_cut, read=_read_part),
    drops=DROPS,
)
