"""The example of docs/scale-captions.md on a real engine, where it is installed (the extra `ray`)."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from hairsplit.captions.table import write_captions
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.scenes import drawn

SCRIPT = Path(__file__).parents[2] / "docs" / "scale_captions_ray.py"


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'hairsplit[ray]'")
@pytest.mark.slow
def test_ray_gives_the_bytes_of_one_run(tmp_path: Path) -> None:
    write_scenes(tmp_path / "graphs.json", drawn(40))
    graphs = json.loads((tmp_path / "graphs.json").read_text())
    lines = [json.dumps({"image_id": key, **graph}) for key, graph in graphs.items()]
    (tmp_path / "graphs.jsonl").write_text("\n".join(lines))
    write_captions(tmp_path / "graphs.jsonl", None, tmp_path / "one.parquet", world="open")
    command = [sys.executable, str(SCRIPT), "graphs.jsonl", "ray.parquet", "--parts", "parts", "--images", "."]
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [*command, "--blocks", "3", "--cpus", "1"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list((tmp_path / "parts").iterdir())) == 3
    assert (tmp_path / "ray.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
