"""Captions for scene graphs on a Ray cluster: one task per block of graphs, then one table.

    python docs/scale_captions_ray.py graphs.jsonl pairs.parquet --parts parts --blocks 8

`graphs.jsonl` (a file, or a folder of such files) holds a graph a line: {image_id, width, height, objects}. It and
`--parts` must be seen by every machine. Without a cluster's address Ray starts one on this machine.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import pyarrow as pa
import ray

from hairsplit.captions.generate import Settings
from hairsplit.captions.merge import Thinning, merge_tables
from hairsplit.captions.partition import Job, caption_partition
from hairsplit.captions.table import prepare


def task(block: pa.Table, job: Job, folder: Path) -> pa.Table:
    """Caption the graphs of one block; what comes back is only where its table is."""
    path = caption_partition(block.column("text").to_pylist(), ray.get(job), folder)
    return pa.table({"path": [str(path)]})


def main() -> None:
    """Count, caption, merge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--parts", type=Path, required=True)
    parser.add_argument("--images", type=Path, default=Path("images"))
    parser.add_argument("--blocks", type=int, default=8)
    parser.add_argument("--cpus", type=int, help="Of a cluster that is started here.")
    args = parser.parse_args()
    ray.init(num_cpus=args.cpus)
    job = prepare(args.graphs, args.images.resolve(), Settings(world="open", seed=0))  # counts over all graphs, once
    lines = ray.data.read_text(str(args.graphs.resolve())).repartition(args.blocks)
    work = partial(task, job=ray.put(job), folder=args.parts.resolve())
    paths = lines.map_batches(work, batch_size=None, batch_format="pyarrow").take_all()
    report = merge_tables([Path(row["path"]) for row in paths], args.out, thinning=Thinning())
    sys.stdout.write(f"{len(paths)} parts, {report.rows:,} pairs of {report.images:,} images in {args.out}\n")


if __name__ == "__main__":
    main()
