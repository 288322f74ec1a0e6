"""Small tar archives for tests, safe and unsafe."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from PIL import Image


def picture(colour: str = "red", kind: str = "JPEG") -> bytes:
    """An encoded picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (12, 10), colour).save(buffer, kind)
    return buffer.getvalue()


def tar(path: Path, members: Mapping[str, bytes | str], mode: str = "w") -> Path:
    """Write an archive."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            add(archive, tarfile.TarInfo(name), data if isinstance(data, bytes) else data.encode())
    return path


def add(archive: tarfile.TarFile, member: tarfile.TarInfo, data: bytes = b"") -> None:
    """Add one member as it is."""
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
