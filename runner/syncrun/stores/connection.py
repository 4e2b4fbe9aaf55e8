"""The DuckDB file, opened for one act at a time: made, waited for, and its troubles put into words (R3).

The file is attached under a name that no connector can have. Opened by its path it would be named after the
file, and `github.duckdb` with its schema `github` would make `github.issues` ambiguous.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from syncrun.errors import StoreError
from syncrun.stores.binding import ANOTHER, GONE, REPLACED, other_database
from syncrun.stores.drafts import draft, place
from syncrun.stores.file_lock import inode_of, lock_file, log_of, shut_out
from syncrun.stores.foreign import check_own
from syncrun.stores.gate import Caller, gate_of
from syncrun.stores.instances import Instance, Seal, instance_for
from syncrun.stores.migrations import is_current, migrate, stored_version
from syncrun.stores.relay import relay_of
from syncrun.stores.troubles import OURSELVES, holder_in, in_words
from syncrun.stores.types import quote, quote_text
from syncrun.stores.values.basis import Basis
from syncrun.stores.waits import BusyError, HeldError, Waits

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ALIAS, _NEW = "syncrun-store", "syncrun-new"
_STORAGE = "v1.2.0"  # the oldest DuckDB that can open the file
_ENCRYPTED_STORAGE = "v1.4.0"  # the same, with a key
_STORAGE_OF = "SELECT tags['storage_version'] FROM duckdb_databases() WHERE database_name = ?"
_GAP = 0.05  # seconds that the file stays closed between threads that follow each other

_Opened = TypeVar("_Opened")


class DatabaseFile:
    """The file at *path*; `reading` and `writing` open it for as long as their block lasts.

    A file that is held is looked at again for *lock_timeout* seconds of *clock*, with *sleep* in between;
    *on_wait* is told once, in one sentence. Then LockedError names the holder. Threads of this process wait
    for each other for *patience* seconds, silently, and hand each other the open file; without it they are
    treated like anybody else. What DuckDB raises in a block becomes StoreError. With a *key* the file is
    encrypted.
    """

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout: float,
        patience: float | None = None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        on_wait: Callable[[str], None] | None,
        key: str | None = None,
    ) -> None:
        self.path = path.absolute()
        self._waits = Waits(
            self.path, lock_timeout=lock_timeout, patience=patience, clock=clock, sleep=sleep, on_wait=on_wait
        )
        self._clock, self._sleep, self._patience, self._key = clock, sleep, patience, key
        self._gate, self._relay = gate_of(self.path), relay_of(self.path)

    def telling(self, on_wait: Callable[[str], None]) -> DatabaseFile:
        """Return the same file for somebody who wants to be told what is waited for."""
        other = copy(self)
        other._waits = replace(self._waits, on_wait=on_wait)  # noqa: SLF001 - one of its own kind
        return other

    @property
    def exists(self) -> bool:
        """Whether there is anything at the path."""
        return self.path.exists()

    @contextmanager
    def reading(self, *, brief: bool = False) -> Iterator[DuckDBPyConnection | None]:
        """Open the file read-only; None when there is none, or none that was ever written to by syncrun.

        With *brief*, for blocks that are as short as a commit, it may also be one that others write to.
        """
        if not self.exists:
            yield None
            return
        with self.open(read_only=True, brief=brief) as db:
            yield db if stored_version(db) else None

    @contextmanager
    def reading_any(self, at: datetime) -> Iterator[DuckDBPyConnection]:
        """Open the file read-only; while there is none, an empty database in memory stands for it."""
        with self.reading() as db:
            if db is not None:
                yield db
                return
        with closing(self._attach(Path(":memory:"))) as instance:
            db = instance.begin()
            migrate(db, at)
            yield db

    @contextmanager
    def writing(
        self, at: datetime, *, basis: Basis | None = None, **act: bool
    ) -> Iterator[DuckDBPyConnection]:
        """Open the file for writing, after making it or upgrading its tables where needed, as of *at*.

        With a *basis* neither is done: what was read relies on a file that is there and up to date, and
        OtherDatabaseError says that it is not. What kind of *act* the block is, `Instance.begin` describes.
        """
        if not self.exists:
            if basis is not None:
                raise other_database(self.path, GONE)
            self._create(at)
        with self.open(read_only=False, **act) as db:
            if basis is None:
                migrate(db, at)
            elif not is_current(db):
                raise other_database(self.path, ANOTHER)
            yield db

    @contextmanager
    def open(self, *, read_only: bool, brief: bool = False, **act: bool) -> Iterator[DuckDBPyConnection]:
        """Open the file as it is; wait while somebody else holds it."""
        in_turns = self._patience is not None and (not read_only or (brief and self._relay.is_open))
        admitted = self._in_turn() if in_turns else self._admitted(read_only=read_only)
        with admitted as instance, self._in_our_words():
            yield instance.begin(**act)
            if not read_only and self._was_replaced(instance):
                raise other_database(self.path, REPLACED)

    @contextmanager
    def asking(self, seal: Seal) -> Iterator[DuckDBPyConnection]:
        """Open the file read-only for SQL that people write, which *seal* keeps to it."""
        with self._admitted(read_only=True, seal=seal) as instance, self._in_our_words():
            yield instance.begin()

    @contextmanager
    def alone(self) -> Iterator[DuckDBPyConnection]:
        """Open the file read-only, and nobody else of this process; no process can write to it meanwhile."""
        instance = self._waits.until(lambda caller: self._enter(caller, "READ_ONLY", alone=True))
        try:
            with self._in_our_words():
                yield instance.begin()
        finally:
            instance.discard()  # it may have other files, which nobody else should find attached
            self._gate.leave(read_only=False)

    @contextmanager
    def beside(self, db: DuckDBPyConnection, new: Path) -> Iterator[str]:
        """Make the file *new* of the same version, with the same key; yield its name in *db* of `alone`."""
        storage = db.execute(_STORAGE_OF, [_ALIAS]).fetchall()[0][0]  # such as v1.2.0+
        version = re.match(r"v[\d.]+", storage)
        options = [f"STORAGE_VERSION '{version[0] if version else _STORAGE}'", *self._key_option()]
        db.execute(f"ATTACH {quote_text(str(new))} AS {quote(_NEW)} ({', '.join(options)})")
        yield _NEW
        db.execute(f"DETACH {quote(_NEW)}")

    def shut_out(self, descriptor: int) -> None:
        """Wait until no other process has the file open, and let none open it before *descriptor* is closed.

        For whoever has it open `alone`, so that nobody has written to it since.
        """
        self._waits.until(lambda _caller: _or_held(lambda: shut_out(descriptor)))

    @property
    def mark(self) -> tuple[int, int, int]:
        """What is different once the file has been written to, or another took its place."""
        facts = self.path.stat()
        return facts.st_ino, facts.st_size, facts.st_mtime_ns

    @contextmanager
    def still(self, *, exclusive: bool) -> Iterator[int]:
        """Hold the file, complete, so that nobody writes to it, nor opens it when *exclusive*.

        Use the descriptor that is given: nothing of this process may open the file meanwhile.
        """
        descriptor = self._waits.until(lambda caller: self._hold(caller, exclusive=exclusive))
        try:
            yield descriptor
        finally:
            os.close(descriptor)
            self._gate.leave(read_only=False)

    def _hold(self, caller: Caller, *, exclusive: bool) -> int:
        if not self._gate.enter(caller, read_only=False):
            raise BusyError(OURSELVES)
        try:
            if log_of(self.path).exists():  # left by a crash: DuckDB takes it into the file
                with closing(self._attach_current()) as instance, self._in_our_words():
                    instance.begin().execute("CHECKPOINT")
            return _or_held(lambda: lock_file(self.path, exclusive=exclusive))
        except BaseException:
            self._gate.leave(read_only=False)
            raise

    @contextmanager
    def _admitted(self, *, read_only: bool, seal: Seal | None = None) -> Iterator[Instance]:
        option = "READ_ONLY" if read_only else ""
        instance = self._waits.until(
            lambda caller: self._enter(caller, option, alone=not read_only, seal=seal)
        )
        try:
            yield instance
        finally:
            self._close(instance, read_only=read_only)

    @contextmanager
    def _in_turn(self) -> Iterator[Instance]:
        """Open the file for writing, or take it from the thread before, and hand it to the one behind.

        After an error it is closed: DuckDB may have given it up until it is opened again.
        """
        began, fine = self._clock(), False
        came, instance = self._relay.join(timeout=self._patience or 0.0, drop=self._end_turn)
        if not came:
            raise self._waits.gave_up(OURSELVES, self._patience or 0.0)
        try:
            if instance is not None and self._was_replaced(instance):
                self._close(instance, read_only=False)
                instance = None
            if instance is None:
                instance = self._waits.until(lambda caller: self._enter(caller, "", alone=True), since=began)
                self._relay.opened(self._clock())
            yield instance
            fine = True
        finally:
            if not (fine and instance and self._relay.hand_over(instance, self._clock())):
                self._end_turn(instance)

    def _end_turn(self, instance: Instance | None) -> None:
        try:
            if instance is not None:
                self._close(instance, read_only=False)
                if self._relay.wanted:
                    self._sleep(_GAP)
        finally:
            self._relay.leave()

    def _close(self, instance: Instance, *, read_only: bool) -> None:
        try:
            instance.close()
        finally:
            self._gate.leave(read_only=read_only)

    def _enter(self, caller: Caller, option: str, *, alone: bool, seal: Seal | None = None) -> Instance:
        if not self._gate.enter(caller, read_only=not alone):
            raise BusyError(OURSELVES)
        try:
            return self._attach_current(option, seal)
        except BaseException:
            self._gate.leave(read_only=not alone)
            raise

    def _attach_current(self, option: str = "", seal: Seal | None = None) -> Instance:
        """Attach the file, and make sure that it is still the one at the path now that it is locked."""
        before = inode_of(self.path)
        if before is None:  # DuckDB would make one
            raise other_database(self.path, GONE)
        try:
            instance = self._attach(self.path, option, seal)
        except StoreError:
            if before != inode_of(self.path):  # what was replaced has been emptied
                raise HeldError("another program") from None
            raise
        if before != inode_of(self.path):
            instance.close()
            raise HeldError("another program")
        instance.inode = before
        return instance

    def _was_replaced(self, instance: Instance) -> bool:
        """Whether another file, or none, is at the path since *instance* opened the one that was there."""
        return instance.inode not in (None, inode_of(self.path))

    def _attach(self, path: Path, option: str = "", seal: Seal | None = None) -> Instance:
        from syncrun.stores.library import duckdb

        instance = instance_for(self.path, seal=seal, encrypts=self._key is not None)
        try:
            options = [option] if option else []
            if self._key is not None:
                instance.encrypt()
                options += self._key_option() if path.name != ":memory:" else []
            check_own(path)
            instance.attach(path, _ALIAS, f"({', '.join(options)})" if options else "")
        except duckdb.Error as error:
            instance.close()
            holder = holder_in(str(error))
            if holder:
                raise HeldError(holder) from None
            raise in_words(error, self.path) from error
        except BaseException:
            instance.discard()
            raise
        return instance

    def _key_option(self) -> list[str]:
        return [] if self._key is None else [f"ENCRYPTION_KEY {quote_text(self._key)}"]

    def _create(self, at: datetime) -> None:
        """Make the file beside its place, then move it there: a crash leaves none or a good one (R2)."""
        if not self.path.parent.is_dir():
            raise StoreError(f"{self.path}: there is no folder {self.path.parent}", hint="create the folder")
        storage = _STORAGE if self._key is None else _ENCRYPTED_STORAGE
        with draft(self.path) as new:
            option = f"STORAGE_VERSION '{storage}'"
            with closing(self._attach(new, option)) as instance, self._in_our_words():
                migrate(instance.begin(), at)
            place(new, self.path)

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        from syncrun.stores.library import duckdb

        try:
            yield
        except duckdb.Error as error:
            raise in_words(error, self.path) from error


def _or_held(lock: Callable[[], _Opened]) -> _Opened:
    try:
        return lock()
    except BlockingIOError:
        raise HeldError("another program") from None
