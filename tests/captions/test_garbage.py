"""Why nobody need look for cyclic garbage while captions are made: there is next to none."""

import gc
from pathlib import Path

from hairsplit.captions._garbage import no_collections
from hairsplit.captions.table import write_captions
from hairsplit.scenes.readers.gqa import write_scenes
from tests.captions.scenes import drawn


def garbage_of(scenes: int, folder: Path) -> int:
    """Objects of cyclic garbage that a run leaves behind."""
    write_scenes(folder / f"{scenes}.json", drawn(scenes))
    gc.collect()
    with no_collections():
        write_captions(folder / f"{scenes}.json", None, folder / f"{scenes}.parquet", world="closed")
        return gc.collect()


def test_more_scenes_leave_no_more_cyclic_garbage(tmp_path: Path) -> None:
    garbage_of(2, tmp_path)  # what is made once
    assert garbage_of(70, tmp_path) < garbage_of(5, tmp_path) + 65


def test_collections_are_as_before_behind_the_block() -> None:
    with no_collections():
        assert not gc.isenabled()
        with no_collections():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
