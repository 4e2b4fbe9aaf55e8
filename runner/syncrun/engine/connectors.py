"""Connector files as a long-lived process needs them: parsed once, and again when they have changed."""

from __future__ import annotations

from pathlib import Path

from syncrun.config.connector import Connector
from syncrun.config.load import load_with_files

_Stamp = tuple[tuple[int, int], ...]
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


def _stamp(files: list[Path]) -> _Stamp:
    """Return when *files* were changed, and their sizes; that of one that is gone is no other's."""
    return tuple(_facts(file) for file in files)


def _facts(file: Path) -> tuple[int, int]:
    try:
        found = file.stat()
    except OSError:
        return (-1, -1)
    return (found.st_mtime_ns, found.st_size)
