"""Where issued credentials rest: encrypted files beside the database, one a connection (R24).

They are files, not rows: a rotated token has to be safe before it is used, at any moment of a run, and the
database may be in another program's hands then. Each file is replaced as a whole and synced to disk, and
`flock` on a file beside it lets one process at a time ask for a new token. Without a key nothing is written,
and credentials live as long as the process.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncrun.auth.encryption import find_key
from syncrun.errors import LockedError, UsageError
from syncrun.own_file import open_own

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

_POLL_SECONDS = 0.05
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass
class Credentials:
    """What the connections of one database were issued; safe to share between threads.

    *folder* holds the files, None keeps everything in memory. *environ* is searched for the key.
    """

    folder: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    timeout: float = 300.0
    _memory: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    _locks: dict[str, threading.Lock] = field(default_factory=dict, repr=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _keys: list[MultiFernet | None] = field(default_factory=list, repr=False)

    @property
    def persistent(self) -> bool:
        """Whether what is saved outlives the process; raise UsageError for a key that is none."""
        return self.folder is not None and self._key is not None

    @property
    def _key(self) -> MultiFernet | None:
        with self._guard:
            if not self._keys:
                self._keys.append(find_key(self.environ))
            return self._keys[0]

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Keep other threads and processes from changing the credentials *name* in the meantime.

        Raise LockedError when another process does not let go within *timeout* seconds.
        """
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if self.folder is None or self._key is None:
                yield
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self._path(name).with_suffix(".lock")
            descriptor = open_own(path, os.O_RDWR | os.O_CREAT)
            try:
                self._acquire(descriptor, name)
                yield
            finally:
                os.close(descriptor)

    def load(self, name: str) -> dict[str, Any] | None:
        """Return what was saved as *name*, None when there is nothing.

        Raise UsageError for a file that the present key does not open.
        """
        key = self._key
        if self.folder is None or key is None:
            return self._memory.get(name)
        path = self._path(name)
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            return None
        from cryptography.fernet import InvalidToken

        try:
            saved = json.loads(key.decrypt(sealed))
        except (InvalidToken, ValueError):
            raise UsageError(
                f"the stored credentials of {name} cannot be decrypted",
                hint=f"SYNCRUN_SECRET_KEY is not the key they were written with; "
                f"give that one, or remove {path} and sign in again",
            ) from None
        values: dict[str, Any] | None = saved["values"] if saved.get("name") == name else None
        return values

    def save(self, name: str, values: Mapping[str, Any]) -> None:
        """Keep *values*, JSON, as *name*; on disk they are complete before this returns."""
        key = self._key
        if self.folder is None or key is None:
            self._memory[name] = dict(values)
            return
        sealed = key.encrypt(json.dumps({"name": name, "values": values}).encode())
        path = self._path(name)
        draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.new")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(sealed)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(self.folder)

    def forget(self, name: str) -> bool:
        """Remove what was saved as *name*, readable or not; return whether there was something."""
        known = self._memory.pop(name, None) is not None
        if self.folder is not None and self._path(name).exists():
            self._path(name).unlink(missing_ok=True)
            known = True
        return known

    def _path(self, name: str) -> Path:
        assert self.folder is not None  # noqa: S101 - callers have looked
        # The digest tells names apart that a file system without case takes for one.
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        return self.folder / f"{_UNSAFE.sub('_', name)[:80]}-{digest}.token"

    def _acquire(self, descriptor: int, name: str) -> None:
        deadline = self.clock() + self.timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self.clock() >= deadline:
                    raise LockedError(
                        f"another process is busy getting a token for {name}",
                        hint="wait for it, or end it if it hangs",
                    ) from None
                self.sleep(_POLL_SECONDS)
            else:
                return


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
