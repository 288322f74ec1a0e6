"""Pairs per second of hairsplit's training step against a plain loop, open_clip and sentence-transformers.

    OMP_NUM_THREADS=1 python benchmarks/training.py [--rounds 3] [--images 8] [--only NAME ...] [--no-peers]

One process, a ViT-B/32 with random weights, pictures of 224 px, captions of HNC's lengths; the contenders take turns
step by step. What counts is processor time (of all threads), which a busy machine stretches less than the clock's; the
ratio by the clock is printed beside it. Losses are compared first, where the maths is equal. Peers that are not
installed are left out, and named: `pip install open_clip_torch sentence-transformers` into an environment
that has hairsplit.
"""

import argparse
import contextlib
import ctypes
import gc
import importlib.metadata
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
import training_contenders as contenders
from torch.utils.flop_counter import FlopCounterMode
from training_contenders import PEERS, Contender
from training_work import SMALL, VIT_B_32, Work, lengths, matmul_peak, processor, table

from hairsplit.core.tables import PairsTable
from hairsplit.encoders.dual_encoder import DualEncoder, new

NEGCLIP = {"name": "sum", "terms": [{"loss": {"name": "negclip"}}]}
CASES = {
    "full_encoder": ("full_encoder", NEGCLIP, 1),
    "full_encoder, K = 4": ("full_encoder", NEGCLIP, 4),
    "text_encoder": ("text_encoder", NEGCLIP, 1),
    "last_encoder": ("last_encoder", NEGCLIP, 1),
    "full_encoder, hnc_kl": ("full_encoder", {"name": "hnc_kl", "weight": 1.0, "lam": 0.01}, 1),
    "full_encoder, dpo_kl": ("full_encoder", {"name": "dpo_kl"}, 1),
}
TOLERANCE = 1e-5
HNC = Path(__file__).parents[2] / "shared" / "fixtures" / "hnc"


@dataclass
class Measured:
    """One contender's steps."""

    contender: Contender
    losses: list[float] = field(default_factory=list)
    flops: float = 0.0
    cold: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    """Of processor time, all threads."""
    wall: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    megabytes: float = 0.0
    """Most memory above what was held before a step: activations, gradients, scratch."""

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.seconds)


def peak_above(run: Callable[[], None]) -> float:
    """The megabytes that `run` takes at most above what was held before (Linux; else nan)."""
    gc.collect()
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        run()
        return float("nan")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    reset.write_text("5")

    def held(name: str) -> float:
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(name)) / 1024

    before = held("VmRSS")
    run()
    return held("VmHWM") - before


def of_case(
    work: Work, pairs: PairsTable, base: DualEncoder, precision: str, steps: int, *, peers: bool
) -> list[Measured]:
    """The contenders of a case, set up, the first one hairsplit."""
    own_loss = "negclip" not in str(work.objective)
    made = [contenders.hairsplit(work, pairs, base, precision, steps), contenders.plain(work, pairs, base, precision)]
    if peers and not own_loss:  # peers have no reference model
        variants = (False, True) if work.negatives > 1 else (False,)
        if contenders.importable("open_clip"):
            made += [contenders.open_clip(work, pairs, base, precision, shared=one) for one in variants]
        if contenders.importable("sentence_transformers"):
            made += [contenders.sentence_transformers(work, pairs, base, precision, shared=one) for one in variants]
    return [Measured(one) for one in made]


def race(work: Work, found: Sequence[Measured], rounds: int) -> None:
    """All take steps in turn: an epoch to warm up, then `rounds`. Operations and memory are counted on the way."""
    for number in range(work.batches + rounds):
        turn = number % len(found)
        for one in (*found[turn:], *found[:turn]):
            if number < work.batches:
                # hairsplit's first steps fill its cache as well: its operations are counted afterwards
                with FlopCounterMode(display=False) as counter:
                    _timed(one, one.cold, [])
                one.flops = float(counter.get_total_flops())
            elif number == work.batches:
                one.megabytes = peak_above(partial(_timed, one, one.seconds, one.wall))
            else:
                _timed(one, one.seconds, one.wall)
    with FlopCounterMode(display=False) as counter:
        found[0].contender.step()
    found[0].flops = float(counter.get_total_flops())


def _timed(one: Measured, seconds: list[float], wall: list[float]) -> None:
    clock, used = time.perf_counter(), time.process_time()
    one.losses.append(one.contender.step())
    seconds.append(time.process_time() - used)
    wall.append(time.perf_counter() - clock)
    one.waited.append(one.contender.waits())


def check(work: Work, found: Sequence[Measured], triplet: float | None, precision: str) -> str:
    """Compare first losses; in bf16 they differ by rounding, which is told and not judged."""
    expected = {"own": found[0].losses[0], "triplet": triplet}
    told = []
    for one in found[1:]:
        wanted = expected.get(one.contender.maths or "")
        if wanted is None:
            continue
        apart = abs(one.losses[0] - wanted)
        told.append(f"{one.contender.name} {apart:.1e}")
        if precision == "fp32" and not apart <= TOLERANCE * max(1.0, abs(wanted)):
            raise AssertionError(f"{work.name}: {one.contender.name} has loss {one.losses[0]}, hairsplit {wanted}")
    return f"loss {found[0].losses[0]:.6f}; apart from it: {', '.join(told)}"


def report(work: Work, found: Sequence[Measured], peak: float) -> list[str]:
    """The lines of a case."""
    own = found[0]
    best = min((one for one in found if one.contender.rival), key=lambda one: one.median)
    lines = []
    for one in found:
        ratios = [theirs / ours for theirs, ours in zip(one.seconds, own.seconds, strict=True)]
        wall = statistics.median(theirs / ours for theirs, ours in zip(one.wall, own.wall, strict=True))
        spread = f"{statistics.median(ratios):.2f} x ({min(ratios):.2f} to {max(ratios):.2f}; clock {wall:.2f})"
        lines.append(
            f"| {one.contender.name} | {work.pairs / one.median:.2f} | {one.contender.images / one.median:.2f} | "
            f"{one.median:.2f} | {one.flops / 1e9:,.0f} | {one.flops / 1e9 / one.median / peak:.0%} | "
            f"{one.megabytes:,.0f} | {'' if one is own else spread}{', best' if one is best else ''} |"
        )
    if work.trainable != "full_encoder" or "negclip" not in str(work.objective):
        extra = statistics.median(own.cold) / own.median
        lines.append(f"warming the cache: a step with new pictures and captions takes {extra:.2f} x a warm one")
    share = sum(own.waited[-len(own.wall) :]) / sum(own.wall)
    return [*lines, f"hairsplit waited for data in {share:.1%} of its time"]


def run_case(work: Work, base: DualEncoder, precision: str, options: argparse.Namespace, peak: float) -> None:
    """Print one case."""
    with tempfile.TemporaryDirectory() as folder:
        pairs = table(work, Path(folder), base.image_size, lengths(options.hnc))
        steps = work.batches + options.rounds + 1
        found = of_case(work, pairs, base, precision, steps, peers=not options.no_peers)
        race(work, found, options.rounds)
        asked = any(one.contender.maths == "triplet" for one in found)
        compared = check(work, found, contenders.triplet_loss(work, pairs, base) if asked else None, precision)
        print(f"\n### {work.name}, {precision}: {work.images} images, K = {work.negatives}, n = {options.rounds}\n")
        print("| | pairs/s | images/s | CPU s/step | GFLOP/step | of peak | MB/step | hairsplit is faster by |")
        print("|---|---|---|---|---|---|---|---|")
        rows = report(work, found, peak)
        print("\n".join(line for line in rows if line.startswith("|")))
        print("\n" + ". ".join([compared, *(line for line in rows if not line.startswith("|"))]) + ".", flush=True)
        for one in found:
            one.contender.close()
    gc.collect()


def versions() -> Mapping[str, str]:
    """Of everything that takes part; a peer that is not installed says so."""
    names = {"hairsplit": "hairsplit", "torch": "torch", "transformers": "transformers"}
    names |= {"open_clip": "open_clip_torch", "sentence_transformers": "sentence-transformers"}
    known = {}
    for module, name in names.items():
        missing = module in PEERS and not contenders.importable(module)
        known[name] = "not installed, left out" if missing else importlib.metadata.version(name)
    return known


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="Timed steps of each contender.")
    parser.add_argument("--images", type=int, default=8, help="Of a step; half as many where K = 4.")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    parser.add_argument("--only", nargs="+", choices=CASES, help="Cases.")
    parser.add_argument("--no-peers", action="store_true", help="Against the plain loop alone.")
    parser.add_argument("--hnc", type=Path, default=HNC, help="Folder of HNC's files, for the lengths of captions.")
    parser.add_argument("--quick", action="store_true", help="A small model: whether it runs, not how fast.")
    options = parser.parse_args(arguments)
    if options.quick:
        options.images, options.rounds = 4, 1
    started = time.perf_counter()
    base = new(SMALL if options.quick else VIT_B_32)
    print(f"{processor()}; {torch.get_num_threads()} thread(s)")
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    counts = lengths(options.hnc)
    mean = sum(k * v for k, v in counts.items()) / sum(counts.values())
    print(f"{sum(p.numel() for p in base.parameters()):,} numbers; captions of {mean:.1f} tokens on average")
    for precision in options.precision:
        peak = matmul_peak(torch.float32 if precision == "fp32" else torch.bfloat16, 256 if options.quick else 2048)
        print(f"\n## {precision}: matmul {peak:,.0f} GFLOP/s")
        for name in options.only or CASES:
            trainable, objective, negatives = CASES[name]
            images = options.images if negatives == 1 else max(2, options.images // 2)
            run_case(Work(name, trainable, objective, images, negatives, batches=1), base, precision, options, peak)
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
