"""Data sets of the Hugging Face hub, or local folders in its layout, row by row through `datasets`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from hairsplit.core.catalog import nearest
from hairsplit.core.downloads import DOWNLOAD
from hairsplit.core.errors import HairsplitError
from hairsplit.core.images import MAX_BYTES
from hairsplit.core.types import Reject
from hairsplit.data.bundles._bundle import COLUMNS, Bundle, Choice, Sample, paired

_ALIASES = {
    "image": ("image", "img", "picture", "jpg"),
    "caption": ("caption", "captions", "text", "sentence", "sentences", "positive_caption"),
    "negative": ("negative", "negatives", "negative_caption", "negative_captions", "neg_text", "hard_negative"),
    "kind": ("kind", "type", "category"),
    "image_id": ("image_id", "imgid", "filename", "file_name"),
    "source": ("source",),
}
"""Meaning -> names that a column may have without being told, the preferred one first."""
_REMOTE = re.compile(r"data_(?:files|dir):.*?://|^\s*-?\s*path:.*://", re.MULTILINE | re.DOTALL)
_ALLOW = f"--download, or {DOWNLOAD}=1, allows fetching it from the hub"


def read(name: str, choice: Choice) -> Iterator[Sample | Reject]:
    """Yield a sample per row, streaming. Lists of captions and negatives make several rows.

    Raises:
        HairsplitError: Nothing of that name on this machine and fetching was not asked for; no such split, config or
            column; or the data set cannot be read.
    """
    unknown = [meaning for meaning in choice.columns if meaning not in COLUMNS]
    if unknown:
        message = f"no column is called {unknown[0]!r} here"
        raise HairsplitError(message, where="--column", hint=nearest(unknown[0], COLUMNS))
    folder = Path(name).expanduser()
    local = folder.is_dir()
    if not local and not choice.download:
        raise HairsplitError("no such folder, and nothing is fetched unless asked", where=name, hint=_ALLOW)
    if local and not choice.download:
        _refuse_remote(folder)
    datasets = _library()
    rows = _open(str(folder.resolve()) if local else name, name, choice)
    features = _features(rows, name)
    columns = _columns(features, choice.columns, name)
    image = columns["image"]
    if isinstance(features[image], datasets.Image):
        rows = rows.cast_column(image, datasets.Image(decode=False))  # its own bytes, not decoded and encoded again
    elif getattr(features[image], "dtype", None) not in {"string", "large_string", "binary", "large_binary"}:
        raise HairsplitError(
            f"the column {image!r} holds no pictures but {features[image]}", where=name, hint="--column image=NAME"
        )
    root = folder.resolve() if local else None
    source = folder.resolve().name if local else name
    labels = [(c, features[c]) for c in columns.values() if isinstance(features[c], datasets.ClassLabel)]
    for number, row in enumerate(_each(rows, name)):
        named = row | {column: label.int2str(row[column]) for column, label in labels if row[column] is not None}
        yield _sample(f"row {number}", named, columns, source, root, download=choice.download)


def _library() -> Any:
    try:
        import datasets
    except ModuleNotFoundError as missing:
        raise HairsplitError(
            f"hub needs {missing.name}", where="hairsplit.data.bundles", hint="pip install 'hairsplit[hub]'"
        ) from None
    return datasets


def _open(place: str, name: str, choice: Choice) -> Any:
    datasets = _library()
    try:
        split = choice.split
        if split is None:
            known = datasets.get_dataset_split_names(place, choice.config, revision=choice.revision)
            if len(known) != 1:
                raise HairsplitError(f"has the splits {', '.join(known)}", where=name, hint=f"--split {known[0]}")
            split = known[0]
        return datasets.load_dataset(place, choice.config, split=split, revision=choice.revision, streaming=True)
    except HairsplitError:
        raise
    except Exception as error:  # many kinds, of many libraries
        raise _unreadable(name, error) from None


def _unreadable(name: str, error: Exception) -> HairsplitError:
    first = (str(error).strip().splitlines() or [""])[0]
    return HairsplitError(
        f"the data set cannot be read ({type(error).__name__}: {first})",
        where=name,
        hint="check the name, --split, --config and --revision; data sets that need a script cannot be read",
    )


def _features(rows: Any, name: str) -> Mapping[str, Any]:
    try:
        found = rows.features or rows._resolve_features().features
    except Exception as error:
        raise _unreadable(name, error) from None
    return dict(found)


def _each(rows: Any, name: str) -> Iterator[dict[str, Any]]:
    try:
        yield from rows
    except Exception as error:
        raise _unreadable(name, error) from None


def _refuse_remote(folder: Path) -> None:
    """A local card may name files elsewhere, which `datasets` would fetch."""
    card = folder / "README.md"
    if card.is_file():
        text = card.read_text("utf-8", errors="replace")
        head = text.split("\n---", 1)[0] if text.startswith("---") else ""
        if _REMOTE.search(head):
            raise HairsplitError("its card names files to fetch", where=str(card), hint=_ALLOW)


def _columns(features: Mapping[str, Any], told: Mapping[str, str], name: str) -> dict[str, str]:
    """Meaning -> column, as told or by its usual names."""
    found = {}
    for meaning, column in told.items():
        if column not in features:
            raise HairsplitError(
                f"has no column {column!r}; it has {', '.join(features)}",
                where=name,
                hint=f"--column {meaning}=NAME; {nearest(column, list(features))}",
            )
        found[meaning] = column
    for meaning, aliases in _ALIASES.items():
        usual = next((alias for alias in aliases if alias in features and alias not in told.values()), None)
        if meaning not in found and usual is not None:
            found[meaning] = usual
    for meaning in ("image", "caption"):
        if meaning not in found:
            raise HairsplitError(
                f"which column is the {meaning}? It has {', '.join(features)}",
                where=name,
                hint=f"say so: --column {meaning}=NAME",
            )
    return found


def _sample(
    where: str, row: Mapping[str, Any], columns: Mapping[str, str], source: str, root: Path | None, *, download: bool
) -> Sample | Reject:
    value = row[columns["image"]]
    path = value.get("path") if isinstance(value, dict) else value if isinstance(value, str) else None
    data = value.get("bytes") if isinstance(value, dict) else value if isinstance(value, bytes) else None
    if data is None:
        data = _fetched(path, root, download=download) if path else Reject(where, "no_image")
    if isinstance(data, Reject):
        return Reject(where, data.reason, data.detail)
    rows = paired(_texts(row[columns["caption"]]), _texts(row[columns["negative"]]) if "negative" in columns else [])
    if rows is None:
        return Reject(where, "uneven_texts", "captions and negatives are not equally many")
    if not rows:
        return Reject(where, "missing_caption")
    shared = {m: row[c] for m, c in columns.items() if m in {"kind", "image_id", "source"} and row[c] is not None}
    if path and "image_id" not in shared:
        shared["image_id"] = PurePosixPath(path.replace("\\", "/")).stem
    return Sample(where, data, [{"source": source, **shared, "caption": c, "negative": n} for c, n in rows])


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, Sequence) else []


def _fetched(path: str, root: Path | None, *, download: bool) -> bytes | Reject:
    """The bytes of a picture that the row only names."""
    if "://" in path:
        return _remote(path) if download else Reject("", "not_fetched", path)
    file = Path(path) if root is None else root / path
    if root is None or not file.resolve().is_relative_to(root):
        return Reject("", "image_outside_root", path)
    try:
        if file.stat().st_size > MAX_BYTES:
            return Reject("", "broken_image", f"{file.stat().st_size:,} bytes")
        return file.read_bytes()
    except OSError as error:
        return Reject("", "missing_image", f"{path}: {error.strerror}")


def _remote(path: str) -> bytes | Reject:
    import fsspec

    try:
        with fsspec.open(path, "rb") as file:
            return bytes(file.read(MAX_BYTES + 1))  # one too many is refused when it is decoded
    except Exception as error:  # of any file system
        return Reject("", "missing_image", f"{path}: {error}")


ENTRY = Bundle(
    read=read,
    description="a data set of the Hugging Face hub, or a folder in its layout (parquet, imagefolder + metadata.jsonl)",
    reference="huggingface.co/docs/datasets",
)
