"""`hairsplit push`: a model's folder to a repository of the hub, or to another folder; what arrived is checked."""

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HFValidationError, OfflineModeIsEnabled
from huggingface_hub.hf_api import RepoFile

from hairsplit._verbs.card import model_folder
from hairsplit.core.errors import HairsplitError
from hairsplit.core.run import atomic_folder
from hairsplit.core.wording import counted
from hairsplit.encoders import dual_encoder
from hairsplit.report.card import CARD

ALLOWED = ("*.safetensors", "*.json", "merges.txt", CARD, "LICENSE*", "adapter/*.json", "adapter/*.safetensors")
"""What a model's folder is made of. Nothing else leaves the machine: a folder may hold a user's other things."""
_LOCAL = "file://"


def run_push(
    model: Path, to: str, *, public: bool = False, message: str | None = None, without_card: bool = False
) -> str:
    """See `hairsplit.api.push`."""
    folder = model_folder(model)
    if not (folder / CARD).is_file() and not without_card:
        raise HairsplitError(
            f"has no {CARD}, and nobody would know what the model is",
            where=str(folder),
            hint="write one with `hairsplit report EVALUATION... --card MODEL`, or push --without-card",
        )
    encoder = dual_encoder.load(folder)  # what cannot be loaded is not given to others
    files = allowed_files(folder)
    left = sum(path.is_file() for path in folder.rglob("*")) - len(files)
    weights = encoder.parameters_hash()
    where = _to_folder(folder, files, to) if _is_local(to) else _to_hub(folder, files, to, public, message)
    kept = f"; {counted(left, 'file')} of other kinds stayed here" if left else ""
    return f"{where}: {counted(len(files), 'file')}, weights {weights}{kept}"


def allowed_files(folder: Path) -> tuple[str, ...]:
    """Those files of a folder that are part of a model, relative to it, in order of name."""
    found = {path for pattern in ALLOWED for path in folder.glob(pattern) if path.is_file()}
    return tuple(sorted(path.relative_to(folder).as_posix() for path in found))


def _is_local(to: str) -> bool:
    return to.startswith((_LOCAL, "/", "./", "../", "~")) or Path(to).is_dir()


def _to_folder(folder: Path, files: Sequence[str], to: str) -> str:
    target = Path(to.removeprefix(_LOCAL)).expanduser()
    if target.is_file() or (target.is_dir() and any(target.iterdir()) and not (target / "config.json").is_file()):
        raise HairsplitError(
            "holds something that is no model; nothing was changed", where=str(target), hint="choose another folder"
        )
    if target.resolve() == folder.resolve():
        raise HairsplitError("is the model itself", where=str(target), hint="choose another folder")
    with atomic_folder(target) as temporary:
        for name in files:
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / name, temporary / name)
            if _sha256(temporary / name) != _sha256(folder / name):
                raise HairsplitError("was not copied whole", where=str(target / name), hint="check the disk")
    return str(target)


def _to_hub(folder: Path, files: Sequence[str], repo: str, public: bool, message: str | None) -> str:
    api = HfApi()
    try:
        api.create_repo(repo, private=not public, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            allow_patterns=list(files),
            commit_message=message or f"hairsplit push: {folder.resolve().name}",
        )
        arrived = api.get_paths_info(repo, list(files), revision=commit.oid)
    except OfflineModeIsEnabled:
        raise HairsplitError("the hub is switched off (HF_HUB_OFFLINE)", where=repo, hint="unset it to push") from None
    except HFValidationError as error:
        hint = "a repository is USER/NAME; a folder is written ./FOLDER"
        raise HairsplitError(str(error).splitlines()[0], where=repo, hint=hint) from None
    except Exception as error:  # of whichever HTTP library the hub's client stands on
        why = (str(error).splitlines() or [type(error).__name__])[0]
        hint = "check the network, and log in with `hf auth login` (a token that may write)"
        raise HairsplitError(f"the hub did not take it ({why})", where=repo, hint=hint) from None
    _refuse_different(folder, files, [one for one in arrived if isinstance(one, RepoFile)], repo)
    return str(commit.commit_url)


def _refuse_different(folder: Path, files: Sequence[str], arrived: Sequence[RepoFile], repo: str) -> None:
    """Compare hashes, which the hub tells: SHA-256 of large files, git's of the others."""
    there = {one.path: one for one in arrived}
    for name in files:
        found, own = there.get(name), folder / name
        if found is not None and found.lfs is not None:
            same = found.lfs.sha256 == _sha256(own)
        else:
            same = found is not None and found.blob_id == _git_hash(own)
        if not same:
            raise HairsplitError(f"{name} did not arrive as it is here", where=repo, hint="push again")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _git_hash(file: Path) -> str:
    data = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
