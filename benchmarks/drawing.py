"""How many scenes of 64 px one core draws a second: sampled, rendered, encoded as PNG, and the whole of `draw`.

    python benchmarks/drawing.py [--count 3000] [--size 64] [--rounds 5] [--folder /dev/shm]

The best of some rounds is printed, in scenes per second of processor time and of the clock: the first is what the code
costs, the second is what you wait for, which includes the file system and whatever else the machine does. How many
files of that size the folder takes is printed as well: no `draw` into it can be faster. Pass a folder in memory, such
as /dev/shm, to take a slow disk out of the picture.
"""

import argparse
import io
import os
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from hairsplit.scenes.drawing.render import render
from hairsplit.scenes.drawing.sample import DrawnWorld, scene
from hairsplit.scenes.drawing.write import draw


def best(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Least seconds of processor and of clock that `work` took."""
    times = []
    for _ in range(rounds):
        processor, clock = time.process_time(), time.perf_counter()
        work()
        times.append((time.process_time() - processor, time.perf_counter() - clock))
    return min(one for one, _ in times), min(two for _, two in times)


def cpu_name() -> str:
    """What the processor calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--count", type=int, default=3_000, help="scenes")
    parser.add_argument("--size", type=int, default=64, help="side of a picture, pixels")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, default=None, help="where to draw; the system's folder for such files")
    wanted = parser.parse_args()
    world, names = DrawnWorld(size=wanted.size), [f"train_{n:06d}" for n in range(wanted.count)]
    scenes = [scene(world, 0, name) for name in names]
    pictures = [render(one, 0) for one in scenes]

    def encoded(number: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pictures[number]).save(file, "PNG", compress_level=1)
        return file.getvalue()

    content = encoded(0)

    def files() -> None:
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            for name in names:
                (Path(folder) / name).write_bytes(content)

    def whole() -> None:
        with tempfile.TemporaryDirectory(dir=wanted.folder) as folder:
            draw(Path(folder) / "drawn", count=wanted.count, world=world, recognition=0)

    print(
        f"n = {wanted.count:,} scenes of {wanted.size} px, best of {wanted.rounds}; {cpu_name()}, "
        f"{os.cpu_count()} cores,"
    )
    print(f"one of them used; load {os.getloadavg()[0]:.1f}; files in {wanted.folder or tempfile.gettempdir()}")
    print(f"{'':<24}{'per processor second':>22}{'per second':>14}")
    parts: dict[str, Callable[[], object]] = {
        "sample": lambda: [scene(world, 0, name) for name in names],
        "render": lambda: [render(one, 0) for one in scenes],
        "encode as PNG": lambda: [encoded(number) for number in range(wanted.count)],
        "draw, with files": whole,
        "(such files alone)": files,
    }
    for name, work in parts.items():
        processor, clock = best(work, wanted.rounds)
        print(f"{name:<24}{wanted.count / processor:>22,.0f}{wanted.count / clock:>14,.0f}")


if __name__ == "__main__":
    main()
