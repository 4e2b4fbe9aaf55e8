"""Minutes with nothing to do: until when nothing is due, as long as no file changes that decides it.

A crontab line asks every minute, and mostly in vain. What the last look found is kept in the user's cache
folder (`$XDG_CACHE_HOME/syncrun`), so that the next ones need neither read YAML nor open the database. It is
no more than a memory: without it everything is looked at again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from syncrun import __version__
from syncrun.config.project_file import find_project_file

State = list[list[object]]


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of the project at *start* (its file, or a folder in or below it), in *env*."""

    start: Path
    env: str | None
    environ: Mapping[str, str]

    def recall(self, now: datetime) -> str | None:
        """Return what there is to say about nothing being due at *now*; None when that is not known."""
        try:
            known = json.loads(self._file.read_bytes())
            same = known["version"] == __version__ and known["files"] == state_of(map(Path, known["paths"]))
            idle = known["since"] <= now.timestamp() < known["until"]
        except (OSError, ValueError, LookupError, TypeError):
            return None
        return str(known["told"]) if same and idle else None

    def keep(self, paths: Iterable[Path], files: State, told: str, now: datetime, until: datetime) -> None:
        """Remember that nothing is due from *now* on *until* then; *files* was the state of *paths*."""
        document = {
            "version": __version__,
            "paths": [str(path.absolute()) for path in paths],
            "files": files,
            "told": told,
            "since": now.timestamp(),
            "until": until.timestamp(),
        }
        draft = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_text(json.dumps(document), encoding="utf-8")
            draft.replace(self._file)

    @property
    def _file(self) -> Path:
        project = self.start if self.start.is_file() else find_project_file(self.start)
        name = f"{(project or self.start).absolute()}\n{self.env or ''}"
        cache = self.environ.get("XDG_CACHE_HOME") or Path(self.environ.get("HOME", "/nonexistent"), ".cache")
        digest = blake2b(name.encode(errors="surrogateescape"), digest_size=12).hexdigest()
        return Path(cache, "syncrun", f"idle-{digest}.json")


def state_of(paths: Iterable[Path]) -> State:
    """Return what changes when one of *paths* does: its time, length and identity, or that it is missing."""
    found: State = []
    for path in paths:
        try:
            status = path.stat()
        except OSError:
            found.append([])
        else:
            found.append([status.st_mtime_ns, status.st_size, status.st_ino])
    return found
