"""Commits that are staged but not yet in the database, so that nothing is fetched twice (R2, R3).

A run writes its rows to `<database>.staging/RUN/` and, just before each commit, a manifest beside them. A
manifest that is found when the next run of the sync starts is a commit that a crash or a held database
prevented: it is done then.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from syncrun.errors import RunError
from syncrun.stores.values.commit import Commit
from syncrun.stores.values.ids import SyncId
from syncrun.transform.stage import make_folder

_MANIFEST = "commit.json"
_ASIDE = "aside"


def folder_of(staging: Path, sync: SyncId, run_id: str) -> Path:
    """Return the folder that the run stages into."""
    return staging / f"{sync.connection}.{sync.connector}.{sync.sync}" / run_id


def save(folder: Path, commit: Commit) -> None:
    """Write the manifest of *commit* into *folder*, durably and all at once."""
    make_folder(folder)
    temporary = folder / f"{_MANIFEST}.part"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(commit, default=_written))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(folder / _MANIFEST)


def _written(value: object) -> Any:
    """Return what stands for a *value* that JSON does not have."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"a commit has no {type(value).__name__}")


def is_saved(folder: Path) -> bool:
    """Whether there is a manifest in *folder*."""
    return (folder / _MANIFEST).exists()


def done(folder: Path) -> None:
    """Forget the manifest: its commit is in the database."""
    (folder / _MANIFEST).unlink(missing_ok=True)


def find(staging: Path, sync: SyncId) -> Iterator[Commit]:
    """Yield what earlier runs of *sync* left to commit, oldest first; clear away what they left unfinished.

    Call it with the sync's lock held: nobody else writes there.
    """
    parent = folder_of(staging, sync, "")
    for folder in sorted(parent.iterdir()) if parent.is_dir() else ():
        manifest = folder / _MANIFEST
        if manifest.exists():
            yield _read(manifest)
        discard(folder)


def _read(manifest: Path) -> Commit:
    try:
        return TypeAdapter(Commit).validate_json(manifest.read_bytes())
    except ValidationError:
        raise RunError(
            f"{manifest}: this staged commit cannot be read",
            hint="remove its folder to fetch those records again",
        ) from None


def put_aside(staging: Path, sync: SyncId, run_id: str) -> str:
    """Move what a run has staged for another database out of the way; return what to tell of it."""
    folder = folder_of(staging, sync, run_id)
    kept = staging / _ASIDE / folder.parent.name / run_id
    kept.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(kept)
    return (
        f"what run {run_id} had staged was read for another database than the one that is here now: it is not"
        f" committed, and kept in {kept}, to be removed by hand"
    )


def discard(folder: Path) -> None:
    """Remove the staging folder of a run that is over, and the empty folders above it."""
    if is_saved(folder):
        done(folder)  # first: a manifest must not be found after its files are gone
    shutil.rmtree(folder, ignore_errors=True)
    for parent in (folder.parent, folder.parent.parent):
        try:
            parent.rmdir()
        except OSError:  # another run is using it
            return
