"""What the last bits of a sum depend on: machines that share a folder may add up in different orders."""

import platform
from pathlib import Path
from typing import Any

import torch


def machine_settings(device: torch.device) -> dict[str, Any]:
    """PyTorch's version, the processor, and the threads that a sum is split over."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    threads = torch.get_num_threads() if device.type == "cpu" else None
    capability = torch.backends.cpu.get_cpu_capability()
    return {"torch": torch.__version__, "device": [device.type, name, capability], "threads": threads}


def _processor() -> str:
    """The model of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else f"{platform.machine()} {platform.processor()}"
