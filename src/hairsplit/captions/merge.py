"""Parts of a table into one, sorted by image, and what can only be decided over all pairs."""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, compress, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hairsplit.captions._pieces import PIECE, files_of, is_cut, write_pieces
from hairsplit.captions._sorted import gathered, merged, run_batches, table_batches, write_run
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import writable
from hairsplit.core.tables import PairsMeta, pairs_of, read_meta, relative_root, write_blocks

if TYPE_CHECKING:  # it loads scikit-learn, which few need
    from hairsplit.captions.balance import Choice

LEFT_RIGHT_SHARE = 0.4
"""Default share of the pairs that may speak of left and right: graphs are full of them."""
OF_A_PART = ("shard", "partition", PIECE)
"""What the metadata of one part says that another's does not."""

_SIDEWAYS = '"p":"to the (left|right) of"'


class Thinning(NamedTuple):
    """What to leave out of a table as a whole."""

    left_right_share: float | None = LEFT_RIGHT_SHARE
    """Most of the pairs, 0 to 1, that may speak of left or right; None for any number."""
    balance: bool = False
    """Whether to leave out what gives answers away without the image; see `balance`."""

    def check(self) -> None:
        """Refuse a share outside of 0 to 1.

        Raises:
            HairsplitError: It is.
        """
        if self.left_right_share is not None and not 0 <= self.left_right_share <= 1:
            problem = f"the share of left and right is {self.left_right_share}"
            raise HairsplitError(problem, where="captions", hint="0 to 1")


def thinning_of(left_right_share: float | None, *, balance: bool) -> Thinning:
    """The thinning that a user asks for; the default share where none is given."""
    return Thinning(LEFT_RIGHT_SHARE if left_right_share is None else left_right_share, balance)


@dataclass(frozen=True)
class CaptionsReport:
    """What was made."""

    rows: int
    images: int
    """Scenes that gave at least one pair."""
    kinds: Mapping[str, int]
    """Family -> pairs."""
    rejects: Mapping[str, int]
    """Reason -> number of what was left out."""
    balance: Sequence[Mapping[str, Any]] = ()
    """Steps of the balancing, as `balance.balance_lines` shows them."""
    warnings: Sequence[str] = ()


def merge_tables(parts: Sequence[Path], out: Path, *, thinning: Thinning) -> CaptionsReport:
    """Make one table of the tables of all shards or partitions of a run: the bytes that a single run writes.

    Args:
        parts: Tables, or folders of tables.
        out: The table to write; must not exist.
        thinning: What to leave out of the whole; of the files of one that was cut, by default what was left out then.

    Raises:
        HairsplitError: They are of different runs, a shard or file is missing, or an image stands in two of them.
    """
    thinning.check()
    if out.exists():
        raise HairsplitError("exists already; nothing was changed", where=str(out), hint="choose another --out")
    files = files_of(parts)
    metas = {path: read_meta(path) for path in files}
    config = _common_config(metas)
    streams = [(str(path), table_batches(path)) for path in files]  # one that is named twice is an error
    first = next(iter(metas))
    root = (first.parent / metas[first].images_root).resolve()
    rejects: Counter[str] = Counter(metas[first].rejects)
    meta = PairsMeta(relative_root(out, root), metas[first].sources, config, {}, rejects)
    if is_cut(metas):
        if thinning != Thinning():
            hint = "leave --left-right and --balance out"
            raise HairsplitError("these files were thinned before they were cut", where="merge", hint=hint)
        return _joined(out, streams, meta)
    for path, known in metas.items():
        if path != first:
            rejects.update(known.rejects)
    return write_merged(out, streams, meta, thinning=thinning)


def _joined(out: Path, streams: Sequence[tuple[str, Iterable[pa.Table]]], meta: PairsMeta) -> CaptionsReport:
    """Write the files of a table that was cut as one; nothing is left out."""
    writable(out.parent)
    tally = _Tally(sides=False)
    write_blocks(out, tally.passing(gathered(merged(streams))), replace(meta, counts=tally.kinds))
    steps = meta.config["balance"]
    return replace(_report(tally, meta.rejects), balance=steps if isinstance(steps, list) else ())


def _common_config(metas: Mapping[Path, PairsMeta]) -> dict[str, Any]:
    """What the metadata of all parts say alike; the shards must be complete."""
    if not metas:
        raise HairsplitError("no table was given", where="merge", hint="hairsplit merge PART... --out TABLE")
    shards = sorted(tuple(meta.config["shard"]) for meta in metas.values() if "shard" in meta.config)
    if shards:
        number = shards[0][1]
        missing = sorted({(i, number) for i in range(number)} - set(shards))
        if missing:
            named = ", ".join(f"{i}/{n}" for i, n in missing)
            raise HairsplitError(f"shard {named} is missing", where="merge", hint="give the tables of all shards")
    configs = {path: {k: v for k, v in meta.config.items() if k not in OF_A_PART} for path, meta in metas.items()}
    (first, config), *others = configs.items()
    for path, other in others:
        differing = [key for key in sorted(config.keys() | other.keys()) if config.get(key) != other.get(key)]
        if differing or metas[path].sources != metas[first].sources:
            what = ", ".join(differing) or "the input files"
            raise HairsplitError(f"made in another run than {first}: {what}", where=str(path), hint="make it again")
    return config


@dataclass
class _Tally:
    """What is counted while rows pass."""

    sides: bool = True
    """Whether to note rows that speak of left or right, for `over`."""
    kinds: Counter[str] = field(default_factory=Counter)
    images: int = 0
    rows: int = 0
    sideways: list[NDArray[np.int64]] = field(default_factory=list)
    """Rows that speak of left or right."""
    ranks: list[NDArray[np.uint64]] = field(default_factory=list)
    """Their pair ids, which are hashes, as numbers."""
    last: str | None = None

    def passing(self, blocks: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for block in blocks:
            self.kinds.update(block.column("kind").to_pylist())
            for image_id, _ in groupby(block.column("image_id").to_pylist()):
                self.images += image_id != self.last
                self.last = image_id
            if self.sides:
                self._note_sides(block)
            self.rows += block.num_rows
            yield block

    def _note_sides(self, block: pa.Table) -> None:
        form = pc.binary_join_element_wise(block.column("caption_form"), block.column("negative_form"), "")
        rows = np.flatnonzero(pc.match_substring_regex(form, _SIDEWAYS).fill_null(False).to_numpy())
        ids = block.column("pair_id").take(pa.array(rows)).to_pylist()
        self.sideways.append(rows + self.rows)
        self.ranks.append(np.array([int(text or "0", 16) for text in ids], np.uint64))

    def over(self, share: float | None) -> NDArray[np.int64]:
        """The rows of left and right beyond their share, chosen by hash."""
        if share is None or share >= 1 or not self.sideways:
            return np.empty(0, np.int64)
        rows, ranks = np.concatenate(self.sideways), np.concatenate(self.ranks)
        allowed = int((self.rows - len(rows)) * share / (1 - share) + 1e-9)
        return rows[np.lexsort((rows, ranks))][allowed:]


def write_merged(
    out: Path,
    streams: Sequence[tuple[str, Iterable[pa.Table]]],
    meta: PairsMeta,
    *,
    thinning: Thinning,
    shard_size: int | None = None,
) -> CaptionsReport:
    """Merge tables, each sorted by image, leave out what `thinning` says, and write the rest, atomically.

    Args:
        out: The table to write.
        streams: Name, for errors, and tables of each part.
        meta: Of the table; its counts are filled in here, its rejects may still grow while the streams are read.
        thinning: What to leave out of the whole.
        shard_size: Images a file, if `out` is to be a folder of several.
    """
    writable(out.parent)
    config = {**meta.config, **thinning._asdict()}
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        whole, tally = Path(folder) / "whole.arrow", _Tally(sides=thinning.left_right_share is not None)
        meta = replace(meta, config=config, counts=tally.kinds)
        write_run(whole, tally.passing(gathered(merged(streams))))
        rejects = Counter(meta.rejects)
        keep = np.ones(tally.rows, bool)
        over = tally.over(thinning.left_right_share)
        keep[over] = False
        if len(over):
            rejects["left and right: over their share of the pairs"] += len(over)
        choice = _balanced(whole, keep, int(config.get("seed", 0)), rejects) if thinning.balance else None
        if keep.all() and choice is None:
            _write(out, run_batches(whole), meta, shard_size)
            return _report(tally, rejects)
        if not keep.any():
            problem = f"none of {tally.rows:,} pairs is left of thinning"
            raise HairsplitError(problem, where=str(out), hint="more families, --left-right 1, or no --balance")
        left = _Tally(sides=False)
        steps = _steps(choice) if choice else []
        meta = replace(meta, config={**config, "balance": steps} if choice else config)
        meta = replace(meta, counts=left.kinds, rejects=rejects)
        _write(out, left.passing(_kept(whole, keep, choice)), meta, shard_size)
        return replace(_report(left, rejects), balance=steps, warnings=choice.warnings if choice else [])


def _write(out: Path, blocks: Iterable[pa.Table], meta: PairsMeta, shard_size: int | None) -> None:
    if shard_size is None:
        write_blocks(out, blocks, meta)
    else:
        write_pieces(out, blocks, meta, shard_size)


def _balanced(whole: Path, keep: NDArray[np.bool_], seed: int, rejects: Counter[str]) -> "Choice":
    """What the balancing keeps of the rows that are kept so far; `keep` is narrowed down to it."""
    from hairsplit.captions.balance import choose

    pairs = chain.from_iterable(map(pairs_of, run_batches(whole)))
    choice = choose(compress(pairs, keep), seed=seed)
    rejects["balance: would tell caption from negative without the image"] += int((~choice.keep).sum())
    keep[keep] = choice.keep
    return choice


def _steps(choice: "Choice") -> list[dict[str, Any]]:
    from hairsplit.captions.balance import balance_json

    return balance_json(choice.steps)


def _report(tally: "_Tally", rejects: Mapping[str, int]) -> CaptionsReport:
    return CaptionsReport(tally.rows, tally.images, dict(sorted(tally.kinds.items())), dict(sorted(rejects.items())))


def _kept(whole: Path, keep: NDArray[np.bool_], choice: "Choice | None") -> Iterator[pa.Table]:
    at, gaps = 0, choice.text_gap[choice.keep] if choice else None
    for batch in run_batches(whole):
        rows = batch.filter(pa.array(keep[at : at + batch.num_rows]))
        at += batch.num_rows
        if gaps is not None:
            some, gaps = gaps[: rows.num_rows], gaps[rows.num_rows :]
            column = pa.array(some, pa.float64(), mask=np.isnan(some))
            rows = rows.set_column(rows.column_names.index("text_gap"), "text_gap", column)
        yield rows
