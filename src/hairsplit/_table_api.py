"""The verbs of `hairsplit.api` that make and look into pairs tables: no model takes part."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hairsplit.core.types import World

if TYPE_CHECKING:  # loaded by the verbs that need them
    from hairsplit.captions.merge import CaptionsReport
    from hairsplit.captions.text_table import TextOptions, TextReport
    from hairsplit.data.hnc_export import HncReport
    from hairsplit.data.importing import Check, Draw, ImportReport
    from hairsplit.data.shards import ExportReport
    from hairsplit.scenes.drawing.write import DrawReport


def draw(
    out: Path,
    *,
    count: int = 2_000,
    seed: int = 0,
    size: int = 64,
    max_things: int = 4,
    recognition: int = 10,
    hold_out: bool = True,
    workers: int = 1,
    tick: Callable[[int], None] | None = None,
) -> "DrawReport":
    """Draw scenes of coloured shapes: pictures, scene graphs, captions and a recognition set; see `drawing.write`."""
    from hairsplit.scenes.drawing import write
    from hairsplit.scenes.drawing.sample import DrawnWorld

    world = DrawnWorld(size=size, max_things=max_things, hold_out=hold_out)
    return write.draw(out, count=count, seed=seed, world=world, recognition=recognition, workers=workers, tick=tick)


def captions(
    graphs: Path,
    out: Path,
    *,
    images: Path | None = None,
    world: World = "open",
    seed: int = 0,
    workers: int = 1,
    split: str | None = None,
    families: Mapping[str, float] | Sequence[str] | None = None,
    max_pairs_per_image: int = 32,
    negatives_per_positive: int = 1,
    complete_nouns: Collection[str] = (),
    weak_absence: bool = False,
    exclude_image_ids: Collection[str] = (),
    corpus: Path | None = None,
    shard: tuple[int, int] | None = None,
    shard_size: int | None = None,
    left_right_share: float | None = None,
    balance: bool = False,
) -> "CaptionsReport":
    """Make true captions and provably false hard negatives of scene graphs; see `captions.table.write_captions`.

    `left_right_share` and `balance` are explained at `captions.merge.Thinning`; a `shard` leaves them to `merge`.
    """
    from hairsplit.captions.generate import drawn_source
    from hairsplit.captions.merge import thinning_of
    from hairsplit.captions.table import write_captions

    plain = shard is not None and left_right_share is None and not balance
    return write_captions(
        graphs,
        images,
        out,
        world=world,
        seed=seed,
        workers=workers,
        split=split,
        families=families,
        max_pairs_per_image=max_pairs_per_image,
        negatives_per_positive=negatives_per_positive,
        complete_nouns=complete_nouns,
        weak_absence=weak_absence,
        exclude_image_ids=exclude_image_ids,
        corpus=corpus,
        shard=shard,
        shard_size=shard_size,
        thinning=None if plain else thinning_of(left_right_share, balance=balance),
        source_of=drawn_source,
    )


def merge(
    parts: Sequence[Path], out: Path, *, left_right_share: float | None = None, balance: bool = False
) -> "CaptionsReport":
    """Make one pairs table of those of all shards of a run; see `captions.merge.merge_tables`."""
    from hairsplit.captions.merge import merge_tables, thinning_of

    return merge_tables(parts, out, thinning=thinning_of(left_right_share, balance=balance))


def captions_from_text(captions: Path, out: Path, options: "TextOptions | None" = None) -> "TextReport":
    """Make hard negatives of plain captions by rule; see `captions.text_table.TextOptions`, None for its defaults."""
    from hairsplit.captions.text_table import TextOptions, write_text_captions

    return write_text_captions(captions, out, options or TextOptions())


def import_(
    format_name: str,
    annotations: str | Path,
    out: Path,
    *,
    images: Path | None = None,
    kinds: Sequence[str] | None = None,
    limit: int | None = None,
    exclude_image_ids: Sequence[str] = (),
    drops: Sequence[str] = (),
    check_images: "Check" = "decode",
    draw: "Draw | None" = None,
    overwrite: bool = False,
    workers: int | None = None,
    part: Mapping[str, Any] | None = None,
) -> "ImportReport":
    """Turn annotations of a known format and their pictures into a pairs table; see `data.importing.import_pairs`.

    `hub` and `webdataset` bring their pictures with them; see `data.unpacking.import_bundle`, and for `part`
    `data.bundles.Choice`.
    """
    from hairsplit._verbs.importing import run_import

    return run_import(
        format_name,
        str(annotations),
        out,
        images=images,
        kinds=kinds,
        limit=limit,
        exclude_image_ids=exclude_image_ids,
        drops=drops,
        check_images=check_images,
        draw=draw,
        overwrite=overwrite,
        workers=workers,
        part=part or {},
    )


def export(
    table: Path,
    out: Path,
    *,
    to: Literal["webdataset", "hnc", "hnc_test"] = "webdataset",
    images: Path | None = None,
    samples: Literal["images", "pairs"] = "images",
    shard_megabytes: int = 256,
) -> "ExportReport | HncReport":
    """Write a table as WebDataset shards (`data.shards`), or its texts in a shape of HNC's (`data.hnc_export`)."""
    from hairsplit._verbs.export import run_export

    return run_export(table, out, to, images=images, samples=samples, shard_megabytes=shard_megabytes)


def audit(
    table: Path,
    out: Path,
    *,
    against: Sequence[Path] = (),
    images: Path | None = None,
    format_name: str | None = None,
    seed: int = 0,
    sample: int = 100_000,
    look: bool = True,
    max_distance: int = 8,
    show: int = 50,
) -> dict[str, Any]:
    """What a table's texts give away without the images, what contradicts itself, what evaluation sets share with it.

    Args:
        table: Pairs table; its pictures need not be there.
        out: Folder for audit.json, which is returned, audit.html and, with `against`, exclude_images.txt; must not
            exist or be empty.
        against: Pairs tables or folders of pictures to look for the table's pictures in.
        images: Images root, if not the one that the table names.
        format_name: Read `table` as annotations of this format instead, as before an import.
        seed: Of the sample and the intervals.
        sample: The text-only attacks read at most so many pairs; all else is counted on every row.
        look: Also find copies that were resized or re-encoded; decodes every picture once.
        max_distance: Bits, of 64, in which the perceptual hashes of copies may differ.
        show: Pairs on the page with their pictures and boxes, drawn evenly over the kinds.
    """
    from hairsplit._verbs.audit import run_audit

    return run_audit(
        table,
        out,
        against=against,
        images=images,
        format_name=format_name,
        seed=seed,
        sample=sample,
        look=look,
        most_bits=max_distance,
        show=show,
    )
