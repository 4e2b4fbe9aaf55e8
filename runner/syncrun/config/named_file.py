"""Files that a connector names, found and read in its project folder, which they cannot leave (R25)."""

from __future__ import annotations

from pathlib import Path

from syncrun.errors import SyncrunError

_MAX_BYTES = 4 * 1024 * 1024


class NamedFileError(SyncrunError):
    """A file that cannot be used."""


def resolved(name: str, folder: Path) -> Path | None:
    """Return where *name* in *folder* leads to; None for what leads nowhere: links in a circle, a NUL."""
    try:
        return (folder.resolve() / name).resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def read_named_file(name: str, project: Path) -> tuple[Path, bytes]:
    """Return path and content of the file *name* in the *project* folder; raise NamedFileError."""
    path = resolved(name, project)
    if path is None:
        raise NamedFileError(f"{name!r} leads to no file")
    if not path.is_relative_to(project.resolve()):
        raise NamedFileError(f"'{name}' is outside the project folder")
    try:
        with path.open("rb") as stream:
            content = stream.read(_MAX_BYTES + 1)
    except OSError as error:
        reason, root = error.strerror or str(error), project.resolve()
        raise NamedFileError(f"'{name}' cannot be read: {reason}", hint=f"looked in {root}") from None
    if len(content) > _MAX_BYTES:
        raise NamedFileError(f"'{name}' is larger than {_MAX_BYTES // 1024 // 1024} MB")
    return path, content
