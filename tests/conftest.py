"""Fixtures for all tests: one thread, no network, shapes checked, and the real data where it is at hand."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings
from jaxtyping import install_import_hook

CHECKED = (
    "hairsplit.core.tensors",
    "hairsplit.data.pixels",
    "hairsplit.data.token_ids",
    "hairsplit.encoders.dual_encoder",
    "hairsplit.encoders.stages",
    "hairsplit.losses",
    "hairsplit.train.step",
)
"""Modules whose annotated shapes are checked at every call: those through which tensors flow."""
install_import_hook(CHECKED, "beartype.beartype")  # before any of them is imported

settings.register_profile("untimed", deadline=None)  # on a busy machine anything may take 200 ms
settings.load_profile("untimed")

torch.set_num_threads(1)  # models as small as these lose by a second one, on a busy machine a hundredfold


@pytest.fixture
def shared() -> Path:
    """The folder of real data that lies beside a developer's checkout; a user's clone has none."""
    folder = Path(os.environ.get("HAIRSPLIT_SHARED", Path(__file__).parents[2] / "shared"))
    if not folder.is_dir():
        pytest.skip("real data (../shared or $HAIRSPLIT_SHARED) is not at hand")
    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections leave this machine in no test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and address[0] not in {"127.0.0.1", "::1", "localhost"}:
            raise RuntimeError(f"a test tried to reach {address}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
