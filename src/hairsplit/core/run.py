"""Run folders: seeded streams, atomic writes, and the stamp that says where a number came from."""

import contextlib
import getpass
import hashlib
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from hairsplit import __version__
from hairsplit.core.errors import HairsplitError

_SECRET = re.compile(r"(?i)(token|secret|password|api[-_]?key)=\S+")


def stream(seed: int, *names: object) -> random.Random:
    """A random stream of its own for (seed, image, purpose): same for any number of workers, in any order."""
    key = "\x1f".join([str(seed), *map(str, names)]).encode()
    return random.Random(int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "big"))  # noqa: S311 - not for secrets


def number(seed: int, *names: object) -> int:
    """A 63-bit seed derived from (seed, names), for libraries that want a number."""
    key = "\x1f".join([str(seed), *map(str, names)]).encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 1


def write_at(file: int, data: bytes, offset: int) -> None:
    """All of `data` into an open file at `offset`, however little of it the system takes at a time."""
    left = memoryview(data)
    while left:
        done = os.pwrite(file, left, offset)
        left, offset = left[done:], offset + done


def file_hash(path: Path) -> str:
    """blake2b of a file's bytes, 32 hex digits."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def text_hash(text: str) -> str:
    """blake2b of a text, 32 hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def writable(folder: Path) -> None:
    """Check that files can be made in `folder` (made if missing).

    Raises:
        HairsplitError: It cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".write-test-"):
            return
    except OSError as error:
        raise HairsplitError(
            f"cannot write here ({error.strerror or error})", where=str(folder), hint="choose another --out"
        ) from None


def new_folder(folder: Path, besides: Collection[str] = ()) -> Path:
    """Make `folder`, which must not exist yet or be empty but for what is called one of `besides`.

    Raises:
        HairsplitError: It holds something already, or cannot be written to.
    """
    refuse_full(folder, besides)
    writable(folder)
    return folder


def refuse_full(folder: Path, besides: Collection[str] = ()) -> None:
    """Check that `folder` does not exist or is empty, as `new_folder`, without making it.

    Raises:
        HairsplitError: It holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(child.name not in besides for child in folder.iterdir())):
        raise HairsplitError(
            "exists already; nothing was changed", where=str(folder), hint="choose another --out, or remove it first"
        )


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, moved onto it on success; on failure nothing is left."""
    writable(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path` that replaces it on success; on failure nothing is left."""
    writable(path.parent)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        if path.exists():  # a folder cannot be replaced in one step: move the old one away first
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
            path.replace(old / path.name)
            temporary.replace(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


@contextlib.contextmanager
def filled_folder(folder: Path, besides: Collection[str] = ()) -> Iterator[Path]:
    """Make `folder`, new or empty, and yield a folder inside it; what is put there moves up on success.

    On failure `folder` is left empty but for `besides`, see `new_folder`.
    Unlike `atomic_folder` it never replaces `folder` itself, which may be a mount.

    Raises:
        HairsplitError: `folder` holds something already, or cannot be written to.
    """
    new_folder(folder, besides)
    temporary = Path(tempfile.mkdtemp(dir=folder, prefix=".partial."))
    try:
        yield temporary
        for child in sorted(temporary.iterdir()):
            child.replace(folder / child.name)
    finally:
        shutil.rmtree(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically.

    Raises:
        ValueError: A number in it is not finite: JSON has none such, and other readers choke on it.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str, allow_nan=False)
    with atomic_file(path) as temporary:
        temporary.write_text(text + "\n", "utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        HairsplitError: It is missing or torn.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise HairsplitError("no such file", where=str(path), hint="check the path") from None
    except OSError as error:
        raise HairsplitError(f"cannot be read ({error.strerror})", where=str(path), hint="check the path") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise HairsplitError(f"not valid JSON ({error})", where=str(path), hint="write or fetch it again") from None


def folder_name(label: str) -> str:
    """A label as the name of a folder, on any system."""
    return re.sub(r"[^\w.@+() -]", "_", label)


def stamp(**more: Any) -> dict[str, Any]:
    """Where a result comes from: versions, git commit, command, machine and time, secrets removed."""
    return {
        "hairsplit": __version__,
        "versions": {name: _version(name) for name in ("torch", "transformers", "accelerate", "numpy", "pyarrow")},
        "python": platform.python_version(),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "git": _git(),
        "argv": [_without_secrets(word) for word in sys.argv],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    }


def _without_secrets(word: str) -> str:
    word = _SECRET.sub(r"\1=...", word)
    with contextlib.suppress(KeyError, OSError):  # no user name in the process table: nothing to hide
        word = word.replace(f"/{getpass.getuser()}/", "/~/")
    return word


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Commit of the tree hairsplit runs from; None where it is installed without one."""
    folder = Path(__file__).parent
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*words: str) -> str | None:
        done = subprocess.run([git, *words], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    return None if commit is None else {"commit": commit, "dirty": bool(ask("status", "--porcelain"))}
