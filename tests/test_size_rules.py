"""Small files, short functions, tests beside what they test."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_LINES_OF_A_FILE, MOST_LINES_OF_A_FUNCTION = 349, 60


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def test_no_file_is_long() -> None:
    lengths = {f: len(f.read_text("utf-8").splitlines()) for f in sources("src", "tests", "benchmarks")}
    assert len(lengths) > 100
    assert {f.relative_to(ROOT).as_posix(): n for f, n in lengths.items() if n > MOST_LINES_OF_A_FILE} == {}


def test_no_function_is_long() -> None:
    long = {}
    for file in sources("src", "tests", "benchmarks"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > MOST_LINES_OF_A_FUNCTION:
                    long[f"{file.relative_to(ROOT).as_posix()}:{node.name}"] = lines
    assert long == {}


def test_tests_mirror_the_packages() -> None:
    source, tests = ROOT / "src" / "hairsplit", ROOT / "tests"
    packages = [f.parent.relative_to(source) for f in source.rglob("__init__.py")]
    public = [p for p in packages if not any(part.startswith("_") for part in p.parts)]
    assert [p.as_posix() for p in public if not list((tests / p).glob("test_*.py"))] == []


def test_every_folder_of_tests_mirrors_a_package() -> None:
    source, tests = ROOT / "src" / "hairsplit", ROOT / "tests"
    folders = {f.parent.relative_to(tests) for f in tests.rglob("test_*.py")}
    assert sorted(p.as_posix() for p in folders if not (source / p).is_dir()) == []
