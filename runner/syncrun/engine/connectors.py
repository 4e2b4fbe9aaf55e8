"""Connectors as a long-lived process needs them: files parsed again when they change, deployed ones once."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.config.connector import Connector
from syncrun.config.load import load_connector, load_with_files
from syncrun.engine.places import state_of

if TYPE_CHECKING:
    from syncrun.stores.values.definition import Definition

_Stamp = tuple[tuple[int, int] | None, ...]
_loaded: dict[Path, tuple[list[Path], _Stamp, Connector]] = {}


def load(path: Path) -> Connector:
    """Return the connector in the file *path*, as it and the files that it names are now.

    Raise ConfigurationError with every problem.
    """
    known = _loaded.get(path)
    if known is not None and _stamp(known[0]) == known[1]:
        return known[2]
    before = _stamp([path])
    connector, names = load_with_files(path)
    folder = path.absolute().parent.parent
    files = [path, *(folder / name for name in names)]
    stamp = _stamp(files)
    if stamp[:1] == before:  # else it is being written: the next look reads it again
        _loaded[path] = (files, stamp, connector)
    return connector


def load_deployed(definition: Definition) -> tuple[Connector, Path]:
    """Return a deployed connector, and its file in a folder that is there as long as the process.

    Raise ConfigurationError, for a definition that an older syncrun took and this one does not.
    """
    from syncrun.config.bundle import write_files

    path = _unpacked(definition.digest) / definition.name
    if not path.exists():
        write_files(definition.files, path.parent.parent)
    return _parsed(path, f"{definition.name} ({definition.version}, deployed)"), path


@cache
def _parsed(path: Path, name: str) -> Connector:
    return load_connector(path, file=name)


@cache
def _unpacked(digest: str) -> Path:
    """Return a folder for the files of the definition *digest*; hooks run from there."""
    import shutil
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix=f"syncrun-{digest[:12]}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _stamp(files: list[Path]) -> _Stamp:
    """Return what changes when one of *files* does."""
    return tuple(map(state_of, files))
