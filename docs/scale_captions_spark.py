"""Captions for scene graphs on a Spark cluster: one task per partition of graphs, then one table.

    python docs/scale_captions_spark.py graphs.jsonl pairs.parquet --parts parts --partitions 8 --master 'local[2]'

`graphs.jsonl` (a file, or a folder of such files) holds a graph a line: {image_id, width, height, objects}. It and
`--parts` must be seen by every machine. Without `--master` Spark's own settings say where it runs, as under
`spark-submit`; PYSPARK_PYTHON names the Python of the machines if it is not the one that runs this.
"""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyspark import Broadcast
from pyspark.sql import SparkSession

from hairsplit.captions.generate import Settings
from hairsplit.captions.merge import Thinning, merge_tables
from hairsplit.captions.partition import Job, caption_partition
from hairsplit.captions.table import prepare


def task(lines: Iterable[str], job: Broadcast[Job], folder: Path) -> Iterator[str]:
    """Caption the graphs of one partition; what comes back is only where its table is."""
    yield str(caption_partition(lines, job.value, folder))


def main() -> None:
    """Count, caption, merge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("graphs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--parts", type=Path, required=True)
    parser.add_argument("--images", type=Path, default=Path("images"))
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--master", help="As spark://host:7077, or local[2] for two threads of this machine.")
    args = parser.parse_args()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else Spark's workers are the first python3 of the PATH
    builder = SparkSession.builder.appName("hairsplit captions")
    spark = (builder.master(args.master) if args.master else builder).getOrCreate().sparkContext
    job = spark.broadcast(prepare(args.graphs, args.images.resolve(), Settings(world="open", seed=0)))  # counts, once
    folder = args.parts.resolve()
    lines = spark.textFile(args.graphs.resolve().as_uri()).repartition(args.partitions)
    paths = lines.mapPartitions(lambda some: task(some, job, folder)).collect()
    parts = sorted({Path(path) for path in paths})  # partitions without a graph all have the same table
    report = merge_tables(parts, args.out, thinning=Thinning())
    sys.stdout.write(f"{len(parts)} parts, {report.rows:,} pairs of {report.images:,} images in {args.out}\n")
    spark.stop()


if __name__ == "__main__":
    main()
