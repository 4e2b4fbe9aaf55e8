"""Whether the database can be where the project says, and whether it has changed there."""

from __future__ import annotations

import os
from pathlib import Path

from syncrun.config.connection_config import UnsetVariable
from syncrun.config.project import Project
from syncrun.errors import UsageError


def check_place(database: Path, *, writing: bool) -> None:
    """Raise UsageError when no DuckDB file can be used at *database*, before anything is fetched for it."""
    hint = "name another file as `database` in syncrun.yaml"
    try:
        str(database).encode()
    except UnicodeEncodeError:
        raise UsageError(f"{str(database)!r} is not valid UTF-8, which DuckDB needs", hint=hint) from None
    if database.is_dir():
        raise UsageError(f"{database} is a folder, not a database file", hint=hint)
    needed = [database] if database.exists() else []
    if writing:
        if not database.parent.is_dir():
            message = f"there is no folder {database.parent} for the database"
            raise UsageError(message, hint=f"create it, or {hint}")
        needed.append(database.parent)  # the files of a run are beside it
    for place in needed:
        if not os.access(place, os.R_OK | (os.W_OK if writing else 0)):
            act = "write" if writing else "read"
            raise UsageError(f"no permission to {act} {place}", hint="check its owner and mode")


def state_of(path: Path) -> tuple[int, int] | None:
    """Return what changes when the file *path* does; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size)


def check_copy(copy: Path | None) -> None:
    """Raise UsageError when there is no folder for the published copy, before anything is fetched."""
    if copy is not None and not copy.parent.is_dir():
        message = f"there is no folder {copy.parent} for the published copy"
        raise UsageError(message, hint="create it, or name another file as `publish` in syncrun.yaml")


def key_of(project: Project) -> str | None:
    """Return the key that the project's database is encrypted with; raise UsageError when it is not set."""
    key = project.encryption_key
    if isinstance(key, UnsetVariable):
        raise UsageError(
            f"the key of the database is not set: there is no variable {key.name}",
            hint=f"set {key.name} in the environment or in .env",
        )
    return key
