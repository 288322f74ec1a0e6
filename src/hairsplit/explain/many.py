"""The margins of a whole pairs table explained: one row of numbers for each pair, resumable, picture by picture."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image

from hairsplit import __version__
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import decode, inside
from hairsplit.core.progress import progress_bar
from hairsplit.core.run import atomic_file
from hairsplit.core.tables import KEY, PairsTable, write_parquet
from hairsplit.core.types import Pair
from hairsplit.data.rows import open_pairs, rows_of
from hairsplit.encoders.dual_encoder import DualEncoder, weights_hash
from hairsplit.explain.attribute import contrast_captions
from hairsplit.explain.chosen import Chosen, choose, groups_of
from hairsplit.explain.explainer import Explainer, ImageSide
from hairsplit.explain.journal import NAMES, PAIRS, SECONDS, Journal, opened
from hairsplit.explain.margin_row import COLUMNS, SCHEMA, margin_row
from hairsplit.explain.text_sides import TextSides

VERSION = 1
_BLOCK = 10_000
"""Rows that are turned into columns at a time."""
_LOOK = 100
"""Pictures of which one at least must be there."""


@dataclass(frozen=True)
class Many:
    """Where the explained pairs of a table are."""

    pairs: Path
    """Parquet, see `margin_row.COLUMNS`; its metadata hold the plan, and what was left out."""
    plan: Mapping[str, Any]
    """All that the numbers depend on."""
    dropped: Mapping[str, int]
    """Reason -> rows left out."""
    went_on_from: int
    """Pictures that an earlier start had done."""


def explain_many(
    explainer: Explainer,
    table: PairsTable | Path,
    out: Path,
    *,
    images: Path | None = None,
    sample: int | None = None,
    seed: int = 0,
    indirect: bool = False,
    keep_factors: bool = False,
    progress: bool = False,
) -> Many:
    """Take the margin of every pair of a table apart, as `contrast_captions` does one by one, with the same numbers.

    The picture's side is worked out once for all captions of a picture, with the graphs that reverse mode needs of it;
    the text's side once for all pictures of a pair of captions. Each line is sampled where it bends, and no matrix
    product runs over several pairs: batched ones may differ in the last bit with what else is in the batch. So the
    numbers of a pair are its own: which other pairs a table, a sample or a picture has changes none of their bits.

    A run that was killed goes on where it was, with the same command, and ends with the same bytes (on one machine and
    number of threads; `seconds.parquet` apart).

    Args:
        explainer: The model, layers, references and tolerance.
        table: A pairs table, or its file.
        out: Folder for plan.json, pairs.parquet and seconds.parquet: new, empty, or that of a run to go on with.
        images: Images root in place of the one that a file names.
        sample: So many pairs of each kind, at least 1, see `choose`; None: all.
        seed: Of the sample.
        indirect: Explain both captions against blank ones also where the negative could be the reference. It takes
            several times as long; the words that both captions share then have a part in the margin, too.
        keep_factors: Work out each picture's V whole, see `Explainer.image_side`; worth it only with some tens of
            pairs a picture, or, with `indirect`, several.
        progress: Show how far it is, and the time left, on a terminal.

    Raises:
        HairsplitError: No such table or no pair in it that can be explained, or `out` holds something else, such as a
            run of another model, table or setting: the message tells which.
    """
    if sample is not None and sample < 1:
        raise HairsplitError(f"a sample of {sample} pairs is none", where="sample", hint="draw 1 of each kind at least")
    found = open_pairs(table, images) if isinstance(table, Path) else table
    rows = rows_of(found)
    chosen = choose(rows, sample=sample, seed=seed, where=str(found.path))
    plan = _plan(explainer, found, chosen, sample=sample, seed=seed, indirect=indirect, keep_factors=keep_factors)
    with opened(out, plan) as journal:
        start = 0
        if not (out / PAIRS).exists():
            _check_pictures(found, rows.images.names, rows.images.codes, chosen)
            start = journal.whole()
            groups = groups_of(rows, chosen, start)
            left = chosen.count - sum(map(len, chosen.groups[:start]))
            work = _Work(explainer, TextSides(explainer), found.root, indirect, keep_factors)
            with progress_bar("pairs", left) if progress else nullcontext(lambda _: None) as tick:
                for number, group in enumerate(groups, start):
                    journal.add(number, work.done(group))
                    tick(len(group))
            _finish(journal, chosen)
        journal.remove()
        return Many(out / PAIRS, journal.plan, _meta(out / PAIRS)["dropped"], start)


def explained_meta(pairs: Path) -> dict[str, Any]:
    """The plan of a file of explained pairs, and what was left out: `plan`, `dropped`.

    Raises:
        HairsplitError: It is none.
    """
    return _meta(pairs)


@dataclass(frozen=True)
class _Work:
    explainer: Explainer
    texts: TextSides
    root: Path
    indirect: bool
    keep_factors: bool

    def done(self, group: Sequence[tuple[int, Pair]]) -> dict[str, Any]:
        """What comes of the pairs of one picture."""
        began = time.perf_counter()
        picture, problem = _picture(self.root, group[0][1].image)
        if picture is None:
            return {"rows": [], "dropped": {problem: len(group)}, "seconds": []}
        dropped: Counter[str] = Counter()
        fit = []
        for row, pair in group:
            if problem := self._problem(pair):
                dropped[problem] += 1
            else:
                fit.append((row, pair))
        found: list[list[Any]] = []
        seconds: list[float] = []
        side = self.explainer.image_side(picture, keep_factors=self.keep_factors) if fit else None
        side = side.shared() if side is not None and len(fit) > 1 else side
        shared = (time.perf_counter() - began) / max(1, len(fit))
        for row, pair in fit:
            began = time.perf_counter()
            found.append(list(self._row(row, pair, side).values()))
            seconds.append(round(time.perf_counter() - began + shared, 6))
        return {"rows": found, "dropped": dropped, "seconds": seconds}

    def _row(self, row: int, pair: Pair, side: ImageSide | None) -> dict[str, Any]:
        assert side is not None and pair.negative is not None  # noqa: S101 - there is a pair, and it was chosen
        made = contrast_captions(
            self.explainer, side, pair.caption, pair.negative, indirect=self.indirect, texts=self.texts
        )
        return margin_row(row, pair, made)

    def _problem(self, pair: Pair) -> str:
        """Why a pair cannot be explained, if so."""
        try:
            both = [self.explainer.subject.words(text) for text in (pair.caption, pair.negative or "")]
        except HairsplitError:
            return "empty caption"
        if any(words.unseen for words in both):
            return "too long for the model"
        ids = [[token.id for token in words.tokens] for words in both]
        return "caption and negative are the same" if ids[0] == ids[1] else ""


def _picture(root: Path, name: str) -> tuple[Image.Image | None, str]:
    try:
        path = inside(root, name)
    except HairsplitError:
        return None, "picture outside of the images root"
    if not path.is_file():
        return None, "picture missing"
    try:
        return decode(path), ""
    except HairsplitError:
        return None, "picture broken"


def _check_pictures(table: PairsTable, names: Sequence[str], codes: Any, chosen: Chosen) -> None:
    first = [names[codes[group[0]]] for group in chosen.groups[:_LOOK]]
    if not any((table.root / name).is_file() for name in first):
        raise HairsplitError(
            f"none of the first {len(first)} pictures is in {table.root}",
            where=str(table.path),
            hint="say where they are: --images DIR",
        )


def _plan(
    explainer: Explainer, table: PairsTable, chosen: Chosen, *, sample: int | None, seed: int, **more: bool
) -> dict[str, Any]:
    module = explainer.subject.module
    weights = module.parameters_hash() if isinstance(module, DualEncoder) else _weights(module)
    return {
        "version": VERSION,
        NAMES: {"model": explainer.subject.name, "table": table.path.name},
        "model": weights,
        "table": table.hash,
        "settings": explainer.config.as_dict(),
        **more,
        "sample": sample,
        "seed": seed,
        "pairs": chosen.count,
        "pictures": len(chosen.groups),
        "choice": chosen.hash,
        "logit_scale": explainer.subject.scale,
        "device": explainer.subject.device.type,
        "hairsplit": __version__,
        "torch": torch.__version__,
        "dropped": dict(chosen.dropped),
    }


def _weights(module: torch.nn.Module) -> str:
    return weights_hash(sorted(module.state_dict().items()))


def _finish(journal: Journal, chosen: Chosen) -> None:
    """Turn the lines into tables: seconds first, so that the pairs' file says that all is done."""
    dropped, seconds, rows = Counter(chosen.dropped), [], []
    for line in journal.lines():
        dropped.update(line["dropped"])
        seconds += line["seconds"]
        rows += [row[0] for row in line["rows"]]
    if not rows:
        journal.remove()  # with the pictures mended, the same command begins anew
        told = ", ".join(f"{reason} {count:,}" for reason, count in sorted(dropped.items()))
        raise HairsplitError(f"no pair can be explained: {told}", where=str(journal.folder), hint="check the table")
    schema = pa.schema([pa.field("row", pa.int64()), pa.field("seconds", pa.float64())])
    write_parquet(journal.folder / SECONDS, pa.table({"row": rows, "seconds": seconds}, schema=schema))
    told_of = {"plan": journal.plan, "dropped": dict(sorted(dropped.items()))}
    schema = SCHEMA.with_metadata({KEY: json.dumps(told_of, sort_keys=True).encode()})
    with (
        atomic_file(journal.folder / PAIRS) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        values = (row for line in journal.lines() for row in line["rows"])
        while block := list(islice(values, _BLOCK)):
            columns = dict(zip(COLUMNS, zip(*block, strict=True), strict=True))
            writer.write_table(pa.table({name: list(column) for name, column in columns.items()}, schema=schema))


def _meta(pairs: Path) -> dict[str, Any]:
    try:
        raw = (pq.read_schema(pairs).metadata or {}).get(KEY)
        known = json.loads(raw) if raw else None
    except (OSError, pa.ArrowException, ValueError):
        known = None
    if not isinstance(known, dict) or "dropped" not in known:
        raise HairsplitError("holds no explained pairs", where=str(pairs), hint="make it: hairsplit explain --pairs")
    return known


def explained_rows(pairs: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of explained pairs."""
    for block in pq.ParquetFile(pairs).iter_batches(_BLOCK):
        yield from block.to_pylist()
