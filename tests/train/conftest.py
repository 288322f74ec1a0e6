"""Material to train from, made once."""

from collections.abc import Iterator

import pytest
import torch

from tests.train.small import Material, make_material


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Drawn pairs and a very small CLIP."""
    return make_material(tmp_path_factory.mktemp("material"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models as small as these lose by a second thread, on a busy machine a hundredfold."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
