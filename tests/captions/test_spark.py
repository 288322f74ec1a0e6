"""The example of docs/scale-captions.md on a real Spark, where one is installed."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest

from hairsplit.captions.table import write_captions
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.scenes import drawn

SCRIPT = Path(__file__).parents[2] / "docs" / "scale_captions_spark.py"


@pytest.mark.skipif(find_spec("pyspark") is None, reason="Spark is not installed: pip install 'hairsplit[spark]'")
@pytest.mark.skipif(which("java") is None, reason="Spark needs Java")
@pytest.mark.slow
def test_spark_gives_the_bytes_of_one_run(tmp_path: Path) -> None:
    """With more partitions than graphs, so that some of them are empty."""
    write_scenes(tmp_path / "graphs.json", drawn(6))
    graphs = json.loads((tmp_path / "graphs.json").read_text())
    lines = [json.dumps({"image_id": key, **graph}) for key, graph in graphs.items()]
    (tmp_path / "graphs.jsonl").write_text("\n".join(lines))
    write_captions(tmp_path / "graphs.jsonl", None, tmp_path / "one.parquet", world="open")
    command = [sys.executable, str(SCRIPT), "graphs.jsonl", "spark.parquet", "--parts", "parts", "--images", "."]
    done = subprocess.run(
        [*command, "--partitions", "8", "--master", "local[2]"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 2 <= len(list((tmp_path / "parts").iterdir())) <= 7
    assert (tmp_path / "spark.parquet").read_bytes() == (tmp_path / "one.parquet").read_bytes()
