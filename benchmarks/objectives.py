"""Every objective x what may learn x seeds on drawn scenes, from `tiny`: what each gains, forgets and costs.

    OMP_NUM_THREADS=1 python benchmarks/objectives.py FOLDER [--workers 2] [--steps 150] [--seeds 3] [--objectives ...]

Makes the data, tries learning rates, runs, and writes the tables and the figure. A second call with the same FOLDER
goes on where the first one ended: each finished run is a JSON file in FOLDER/runs. Seed by seed, so a call cut short
has all objectives. The learning rate of a mode is the one of three with which `RATED_BY` reaches the best mean over
kinds on the validation split, at a seed of its own; all objectives have it. See docs/objectives-compared.md.
"""

import argparse
import contextlib
import functools
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import objectives_table
import torch
from objectives_run import NAMES, Data, Job, judge_start, make_data, objective_tree, run

from hairsplit.core.errors import HairsplitError, StoppedError
from hairsplit.core.run import read_json, stamp, write_json
from hairsplit.encoders.trainable import MODES, TrainableMode

RATES: dict[TrainableMode, tuple[float, ...]] = {
    "text_encoder": (2.5e-4, 7e-4, 2e-3),
    "full_encoder": (2.5e-4, 7e-4, 2e-3),
    "last_encoder": (3e-4, 1e-3, 3e-3),
    "projections": (1e-3, 3e-3, 1e-2),
    "lora": (7e-4, 2e-3, 6e-3),
    "vision_encoder": (2.5e-4, 7e-4, 2e-3),
}
"""Tried, in the order in which the modes are run."""
RATED_BY = "negclip"
"""One contrast over the batch with hard negatives in it: it has no reference, penalty or weight to be lucky with."""
RATE_SEED = 1_000


def rate_jobs(modes: Sequence[TrainableMode], steps: int, batch: int) -> list[Job]:
    """Trials of each mode's rates."""
    return [Job("rate", RATED_BY, mode, RATE_SEED, lr, steps, batch) for mode in modes for lr in RATES[mode]]


def chosen_rates(records: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Mode -> the rate of the best validation, the lower one of two equals.

    Raises:
        HairsplitError: All trials of a mode failed.
    """
    best: dict[str, tuple[float, float]] = {}
    for record in records:
        job = record["job"]
        score = record["validation"] if record["state"] == "done" else -1.0
        best[job["mode"]] = max(best.get(job["mode"], (-1.0, 0.0)), (score, -job["lr"]))
    for mode, (score, _) in best.items():
        if score < 0:
            raise HairsplitError("every learning rate failed", where=mode, hint="its files in runs/ say how")
    return {mode: -negative for mode, (_, negative) in best.items()}


def run_jobs(
    names: Sequence[str], modes: Sequence[TrainableMode], rates: dict[str, float], *, seeds: int, steps: int, batch: int
) -> list[Job]:
    """All runs, the first seed of all before the second of any.

    The first objective of a seed and mode also fills the cache of frozen work. Each seed begins with another one, so
    that the least of the seeds' costs is that of a filled cache.
    """
    jobs = []
    for seed in range(seeds):
        first = seed * len(names) // seeds
        for mode in modes:
            turned = [*names[first:], *names[:first]]
            jobs += [Job("run", name, mode, seed, rates[mode], steps, batch) for name in turned]
    return jobs


def pending(jobs: Sequence[Job], folder: Path) -> list[Job]:
    """Those without a record.

    Raises:
        HairsplitError: A record is of a run with other settings.
    """
    left = []
    for job in jobs:
        file = folder / f"{job.name}.json"
        if not file.exists():
            left.append(job)
        elif Job(**read_json(file)["job"]) != job:
            raise HairsplitError("was run with other settings", where=str(file), hint="take another FOLDER")
    return left


@functools.cache
def shared(folder: Path) -> Data:
    """The data, once in each process, which computes with one thread."""
    torch.set_num_threads(1)
    return Data(folder / "data")


def work(job: Job, folder: Path) -> dict[str, Any]:
    """Run a job and write its record."""
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        record = run(job, shared(folder), folder / "scratch" / f"{os.getpid()}")
    write_json(folder / "runs" / f"{job.name}.json", record)
    return record


def done(jobs: Sequence[Job], folder: Path, workers: int) -> Iterator[dict[str, Any]]:
    """Records of the jobs as they end."""
    if workers == 1:
        yield from (work(job, folder) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context) as pool:
        for future in as_completed([pool.submit(work, job, folder) for job in jobs]):
            yield future.result()


def go(what: str, jobs: Sequence[Job], folder: Path, workers: int, more: int = 0) -> None:
    """Run what is left of `jobs`, saying how long it takes; `more`: runs that follow."""
    left, started = pending(jobs, folder / "runs"), time.perf_counter()
    for count, record in enumerate(done(left, folder, workers) if left else (), 1):
        job = record["job"]
        per_run = (time.perf_counter() - started) / count
        result = "loss {:.3f} to {:.3f}".format(*record["loss"]) if record["state"] == "done" else record["error"]
        print(
            f"{what} {count}/{len(left)}: {job['objective']}, {job['mode']}, seed {job['seed']}, rate {job['lr']:g}: "
            f"{result}, {record['cpu_s']:.1f} CPU s; {per_run * (len(left) - count + more) / 60:.0f} min left",
            flush=True,
        )


def compare(arguments: argparse.Namespace) -> None:
    """All of it."""
    folder, names, modes = arguments.folder, arguments.objectives, arguments.modes
    for name in names:
        objective_tree(name)  # an unknown one is an error now
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    make_data(folder / "data", arguments.scenes)
    settings = {"steps": arguments.steps, "batch": arguments.batch}
    if not (folder / "start.json").exists():
        write_json(folder / "items.json", shared(folder).items())
        write_json(folder / "stamp.json", stamp(scenes=arguments.scenes, **settings))
        write_json(folder / "start.json", judge_start(shared(folder)))
    elif (scenes := read_json(folder / "stamp.json")["scenes"]) != arguments.scenes:
        raise HairsplitError(f"was run with other settings: {scenes} scenes", where=f"{folder}", hint="name a new one")
    count = arguments.seeds * len(names) * len(modes)
    if arguments.rate:
        rates = dict.fromkeys(modes, arguments.rate)
    else:
        trials = rate_jobs(modes, **settings)
        go("rates", trials, folder, arguments.workers, more=count)
        rates = chosen_rates([read_json(folder / "runs" / f"{job.name}.json") for job in trials])
    print("rates: " + ", ".join(f"{mode} {rate:g}" for mode, rate in rates.items()), flush=True)
    jobs = run_jobs(names, modes, rates, seeds=arguments.seeds, **settings)
    go("runs", jobs, folder, arguments.workers)
    objectives_table.write(folder)
    print((folder / "table.md").read_text("utf-8"))


def main(words: Sequence[str] | None = None) -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--workers", type=int, default=1, help="processes of one thread each")
    parser.add_argument("--scenes", type=int, default=2_500)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--batch", type=int, default=32, help="images of a step")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rate", type=float, help="learning rate of all modes, without trials")
    parser.add_argument("--objectives", nargs="+", default=list(NAMES), metavar="NAME")
    parser.add_argument("--modes", nargs="+", default=list(RATES), choices=MODES, metavar="MODE")
    try:
        compare(parser.parse_args(words))
    except StoppedError:
        sys.exit("stopped as asked; the same command goes on from here")
    except HairsplitError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
