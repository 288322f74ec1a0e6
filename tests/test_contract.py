"""Every entry of every catalogue loads, is of its kind, and can be named wherever entries are named."""

import importlib
import pkgutil
import re

import pytest

import hairsplit
from hairsplit import api
from hairsplit.captions import FAMILIES
from hairsplit.core.catalog import Catalog
from hairsplit.data.formats import FORMATS
from hairsplit.losses import LOSSES

CATALOGS: dict[str, Catalog[object]] = {
    module.package: module
    for found in pkgutil.walk_packages(hairsplit.__path__, "hairsplit.")
    if found.ispkg
    for module in vars(importlib.import_module(found.name)).values()
    if isinstance(module, Catalog)
}
ENTRIES = [(package, name) for package, catalog in CATALOGS.items() for name in catalog.names()]


def test_the_known_catalogues_are_found() -> None:
    assert {LOSSES.package, FORMATS.package, FAMILIES.package} <= set(CATALOGS)
    assert all(len(catalog.names()) > 1 for catalog in CATALOGS.values())


@pytest.mark.parametrize(("package", "name"), ENTRIES)
def test_an_entry_loads_and_is_of_its_kind(package: str, name: str) -> None:
    assert isinstance(CATALOGS[package][name], CATALOGS[package].kind)


@pytest.mark.parametrize(("package", "name"), ENTRIES)
def test_a_name_can_be_typed(package: str, name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", name), package


def test_every_entry_is_listed_with_a_line_of_its_own() -> None:
    lists = api.list_()
    for kind, catalog in (("losses", LOSSES), ("formats", FORMATS), ("families", FAMILIES)):
        assert tuple(name for name, _ in lists[kind]) == catalog.names()
        assert len({line for _, line in lists[kind]}) == len(lists[kind])
