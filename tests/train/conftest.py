"""Material to train from, made once."""

import pytest

from tests.train.small import Material, make_material


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Drawn pairs and a very small CLIP."""
    return make_material(tmp_path_factory.mktemp("material"))
