"""What is kept in memory: the bytes that were written, within the budget, embeddings before hidden states."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hairsplit.train.embeddings_cache import Budget, Cache, Store, padded_key


def keys(count: int) -> list[bytes]:
    return [padded_key(2**62 + n) for n in range(count)]


def rows(count: int, size: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, size), np.uint8)


def held(store: Store, count: int, size: int) -> int:
    """How many of the first records are there; they must be right."""
    out = np.zeros((count, size), np.uint8)
    found = store.read(keys(count), out)
    assert np.array_equal(found, store.has(keys(count)))
    assert np.array_equal(out[found], rows(count, size)[found])
    return int(found.sum())


def test_a_key_of_63_bits_has_16_bytes_of_its_own() -> None:
    assert len({padded_key(n) for n in (0, 1, 2**62, 2**63 - 1)}) == 4
    assert {len(key) for key in keys(3)} == {16}


def test_memory_gives_back_what_was_written_and_keeps_its_own_copy() -> None:
    store, given = Budget(1).store(100, yields=False), rows(5, 100)
    assert held(store, 5, 100) == 0
    store.write(keys(5), given)
    given[:] = 0
    store.write(keys(5), given)  # is here already
    assert held(store, 5, 100) == 5


def test_what_came_first_stays_and_all_stores_share_the_budget() -> None:
    budget = Budget(1)
    one, two = (budget.store(size, yields=True) for size in (100_000, 50_000))
    one.write(keys(6), rows(6, 100_000))
    two.write(keys(20), rows(20, 50_000))
    assert held(one, 6, 100_000) == 6
    assert held(two, 20, 50_000) == (1024 * 1024 - 6 * 100_200) // 50_200
    one.write(keys(20), rows(20, 100_000))
    assert held(one, 20, 100_000) == 6


def test_hidden_states_make_way_for_embeddings_and_never_the_other_way_round() -> None:
    budget = Budget(1)
    hidden, embeddings = budget.store(100_000, yields=True), budget.store(1_000, yields=False)
    hidden.write(keys(20), rows(20, 100_000))
    assert held(hidden, 20, 100_000) == 10
    embeddings.write(keys(300), rows(300, 1_000))
    assert held(embeddings, 300, 1_000) == 300
    assert held(hidden, 20, 100_000) == 6
    assert hidden.evicted == 4
    hidden.write(keys(20), rows(20, 100_000))
    assert held(embeddings, 300, 1_000) == 300
    embeddings.write(keys(2_000), rows(2_000, 1_000))
    assert held(hidden, 20, 100_000) == 0
    assert held(embeddings, 2_000, 1_000) == 1024 * 1024 // 1_200


def test_no_budget_keeps_nothing(tmp_path: Path) -> None:
    for folder in (None, tmp_path / "cache"):
        cache = Cache(folder, 0)
        store = cache.store("{}", 10, yields=False)
        store.write(keys(3), rows(3, 10))
        assert held(store, 3, 10) == 0
        cache.close()
    assert not (tmp_path / "cache").exists()


def test_the_same_settings_have_the_same_store_in_memory_and_on_disk(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        cache = Cache(folder, 1)
        one = cache.store('{"a": 1}', 10, yields=False)
        assert cache.store('{"a": 1}', 10, yields=False) is one
        other = cache.store('{"a": 2}', 10, yields=False)
        one.write(keys(3), rows(3, 10))
        assert (held(one, 3, 10), held(other, 3, 10)) == (3, 0)
        assert cache.damaged == 0
        cache.close()
    again = Cache(tmp_path, 1)
    assert held(again.store('{"a": 1}', 10, yields=False), 3, 10) == 3
    again.close()
