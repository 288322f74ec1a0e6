"""The second pass over one part of the graphs: what a worker process, or a task of Ray or Spark, does."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pyarrow as pa

from hairsplit.captions._choice import Choice
from hairsplit.captions._garbage import no_collections
from hairsplit.captions._rows import Row, table_of
from hairsplit.captions.census import PORTION, portions
from hairsplit.captions.generate import Plan
from hairsplit.core.run import text_hash
from hairsplit.core.tables import PairsMeta, relative_root, write_blocks
from hairsplit.core.types import Scene
from hairsplit.scenes.readers.gqa import RawGraph, raw_graph


@dataclass(frozen=True)
class Job:
    """All that the pairs of a graph depend on besides the graph, fit to be sent to another process or machine."""

    plan: Plan
    choice: Choice
    source: str
    """The `source` of a scene's rows, unless `source_of` knows better."""
    source_of: Callable[[Scene], str | None] | None
    config: Mapping[str, Any]
    """For the metadata of the table."""
    sources: Mapping[str, str]
    """Input file -> its hash, for the metadata."""
    scenes: int
    """How many there are, about; for progress bars."""


def captioned(job: Job, graphs: Sequence[RawGraph]) -> tuple[pa.Table, Counter[str]]:
    """The rows of some graphs, as a table, and reason -> number of what was left out."""
    rejects: Counter[str] = Counter()
    splits: set[str] = set()
    rows: list[Row] = []
    with no_collections():
        for graph in graphs:
            scene = job.choice.scene(graph, rejects, splits)
            if scene is not None:
                source = (job.source_of(scene) if job.source_of else None) or job.source
                rows += job.plan.rows(scene, source, rejects)
        return table_of(rows), rejects


def caption_partition(lines: Iterable[str | bytes], job: Job, folder: Path) -> Path:
    """Write the pairs of some graphs, each a line of JSON `{image_id, width, height, objects}`, as a table of its own.

    It may run on any machine that sees `folder`. The table is named after the lines: a task that an engine runs twice
    writes the same bytes to the same file. `merge.merge_tables` makes one table of the parts, the same however the
    graphs were parted.

    Args:
        lines: The graphs of this partition, in any order.
        job: From `table.prepare`, which has seen all graphs.
        folder: Where the parts go; made if missing.

    Returns:
        The table's path.

    Raises:
        HairsplitError: A line is no graph, or the folder cannot be written to.
    """
    digest = blake2b(digest_size=16)
    tables, rejects = [], Counter[str]()
    graphs = sorted((raw_graph(line, "partition") for line in lines), key=lambda graph: graph.image_id)
    for portion in portions(graphs, PORTION):
        digest.update(b"\x1e".join(graph.text for graph in portion))
        table, counted = captioned(job, portion)
        tables.append(table)
        rejects.update(counted)
    name = digest.hexdigest()
    path = folder / f"part-{name}.parquet"
    kinds: Counter[str] = Counter()
    for table in tables:
        kinds.update(table.column("kind").to_pylist())
    root = relative_root(path, job.choice.root)
    meta = PairsMeta(root, job.sources, {**job.config, "partition": text_hash(name)}, kinds, rejects)
    write_blocks(path, tables, meta)
    return path
