"""Every loss has a page whose example runs as it stands."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from hairsplit.losses import LOSSES

PAGES = Path(__file__).parents[2] / "docs" / "losses"


@pytest.mark.parametrize("name", LOSSES.names())
def test_the_page_of_a_loss_names_its_fields_and_its_source(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert all(f"`{field.name}`" in page for field in fields(LOSSES[name].spec) if field.name != "name")
    assert LOSSES[name].reference in page
    links = re.findall(r"\]\(([a-z_]+\.md)\)", page)
    assert links
    assert all((PAGES / link).exists() for link in links)


@pytest.mark.parametrize("name", LOSSES.names())
def test_the_example_of_a_page_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    (example,) = re.findall(r"```python\n(.*?)```", (PAGES / f"{name}.md").read_text("utf-8"), re.DOTALL)
    exec(example, {"__name__": "example"})  # noqa: S102
    assert re.search(r"tensor\([0-9.]+\)", capsys.readouterr().out)
