"""The page in headless Chromium: it draws, and nothing sticks out at the width of a desktop or of a phone."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from hairsplit.report.html import write_report
from tests.report.folders import write_demo

pytestmark = pytest.mark.browser
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--allow-file-access-from-files",
    "--virtual-time-budget=2000",
)
# Chromium draws no window below about 500 px, so the page is put into a frame of the width asked for.
FRAME = """<!doctype html><body style="margin:0">
<iframe id="f" src="{page}" style="width:{width}px;height:900px;border:0"></iframe>
<script>
document.getElementById("f").onload = event => {{
  const page = event.target.contentDocument, root = page.documentElement;
  const parts = [...page.querySelectorAll("main *, header *, footer *")];
  const outside = e => !e.closest(".scroll, pre, svg, .hidden") && e.getBoundingClientRect().right > {width} + 0.5;
  const out = parts.filter(outside).map(e => e.tagName);
  document.title = JSON.stringify({{width: root.scrollWidth, out: out,
    broken: [...page.images].filter(i => !i.naturalWidth).length,
    pictures: page.images.length, figures: page.querySelectorAll("figure svg").length}});
}};
</script>"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    return write_report(write_demo(root), root / "report.html")


def chromium(profile: Path, *words: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no chromium in PATH")
    command = [program, *FLAGS, f"--user-data-dir={profile}", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_sticks_out_sideways(report: Path, tmp_path: Path, width: int) -> None:
    frame = tmp_path / "frame.html"
    frame.write_text(FRAME.format(page=report.as_uri(), width=width), "utf-8")
    dom = chromium(tmp_path / "profile", "--window-size=1400,900", "--dump-dom", frame.as_uri())
    title = re.search(r"<title>(.*?)</title>", dom)
    assert title is not None, dom[:2000]
    assert title[1] == f'{{"width":{width},"out":[],"broken":0,"pictures":24,"figures":7}}'


@pytest.mark.parametrize("dark", [False, True])
def test_page_is_drawn_in_the_scheme_of_the_reader(report: Path, tmp_path: Path, dark: bool) -> None:
    shot = tmp_path / "shot.png"
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    chromium(tmp_path / "profile", *scheme, "--window-size=1280,1200", f"--screenshot={shot}", report.as_uri())
    picture = Image.open(shot).convert("L")
    assert picture.size == (1280, 1200)
    assert (picture.getpixel((5, 5)) < 60) == dark  # type: ignore[operator]
    low, high = picture.getextrema()
    assert high - low > 180  # type: ignore[operator]
