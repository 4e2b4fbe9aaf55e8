"""The files of a project that somebody edits, told as they change."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from syncrun.errors import UsageError

_SUFFIXES = frozenset({".json", ".py", ".yaml", ".yml"})


def file_changes(folder: Path, stop: threading.Event) -> Iterator[frozenset[Path]]:
    """Yield the files that change below *folder*, those of one moment together, until *stop* is set.

    Raise UsageError where the library that watches is not installed.
    """
    try:
        from watchfiles import watch
    except ModuleNotFoundError:
        raise UsageError(
            "watching files needs the package watchfiles", hint="pip install 'syncrun[dev]'"
        ) from None
    root = folder.absolute()
    for found in watch(
        root,
        watch_filter=lambda _change, path: is_source(Path(path), root),
        stop_event=stop,
        raise_interrupt=False,
    ):
        yield frozenset(Path(path) for _, path in found)


def is_source(path: Path, folder: Path) -> bool:
    """Return whether *path* is what a project in *folder* is written in; data and hidden folders are not."""
    if not path.is_relative_to(folder):
        return False
    *folders, name = path.relative_to(folder).parts or ("",)
    if name == ".env":
        return not folders
    hidden = any(part.startswith(".") or part == "__pycache__" for part in (*folders, name))
    return not hidden and path.suffix in _SUFFIXES
