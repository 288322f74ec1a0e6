"""Every launcher of the cluster page brings two ranks together, with the engine that it was told of."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from hairsplit.train.config import TrainConfig
from tests.train.small import Material, config, rows

ACCELERATE = [
    "accelerate.commands.launch", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no",
    "--dynamo_backend", "no", "--main_process_port", "0",
]  # fmt: skip
# `accelerate` and `deepspeed` are scripts that call these modules.
DEEPSPEED = ["deepspeed.launcher.runner", "--num_gpus", "2", "--master_port", "29617"]
TOLD = "as accelerate's launcher was told"
needs_deepspeed = pytest.mark.skipif(importlib.util.find_spec("deepspeed") is None, reason="DeepSpeed is an extra")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("launcher", "chosen", "engine"),
    [
        pytest.param([*ACCELERATE, "--multi_gpu", "-m"], "auto", "auto", id="accelerate"),
        pytest.param([*ACCELERATE, "--use_fsdp", "--fsdp_version", "2", "-m"], "auto", "fsdp2", id="FSDP2"),
        pytest.param(
            [*ACCELERATE, "--use_deepspeed", "--zero_stage", "3", "-m"],
            "auto",
            "zero3",
            id="accelerate's DeepSpeed",
            marks=needs_deepspeed,
        ),
        pytest.param([*DEEPSPEED, "--module"], "zero2", "zero2", id="deepspeed", marks=needs_deepspeed),
    ],
)
def test_two_ranks_come_together(
    material: Material, tmp_path: Path, launcher: list[str], chosen: str, engine: str
) -> None:
    settings = config(material, steps=2, engine=chosen)
    tree = TypeAdapter(TrainConfig).dump_python(settings, mode="json")
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree), "utf-8")
    command = [sys.executable, "-m", *launcher, "hairsplit", "train", "run.yaml", "--out", "run"]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "DS_ACCELERATOR": "cpu"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"  # DeepSpeed's launcher asks for python
    for name in ("ACCELERATE_USE_CPU", "TORCHELASTIC_RUN_ID"):
        environment.pop(name, None)
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, check=False, timeout=300, cwd=tmp_path
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert json.loads((tmp_path / "run" / "stamp.json").read_text())["ranks"] == 2
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["engine"] == engine
    assert said.count("pairs to train on") == said.count("everything is in run") == 1
    assert said.count(TOLD) == (chosen != engine)
    assert len(rows(tmp_path / "run", "train")) == 2


def test_the_job_on_the_cluster_page_is_a_shell_script(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "clusters.md").read_text("utf-8")
    (script,) = re.findall(r"^```bash\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "job.sh").write_text(script)
    bash = shutil.which("bash")
    assert bash is not None
    checked = subprocess.run([bash, "-n", tmp_path / "job.sh"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "--rdzv-id" in script
