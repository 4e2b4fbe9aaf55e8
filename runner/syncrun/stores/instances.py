"""DuckDB instances in memory, to which files are attached for one act each.

An instance costs several times what attaching a file to it does, so it is kept for the next act. It holds no
lock and no file meanwhile.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.stores.cipher import load_cipher
from syncrun.stores.file_lock import log_of
from syncrun.stores.types import quote, quote_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MOST_THREADS = 8  # each thread that reads staging files holds buffers of its own
_MEMORY = 2048  # MiB
_FRUGAL = 112  # MiB, for one thread: each one that reads JSON has a buffer of 32, and as much to write
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

_MOST_IDLE = 4
_NEEDED = frozenset(  # so that a large table is read only in part, and is not what a join keeps in memory
    {
        "build_side_probe_side",
        "column_lifetime",
        "expression_rewriter",
        "filter_pullup",
        "filter_pushdown",
        "join_filter_pushdown",
        "join_order",
        "statistics_propagation",
        "unused_columns",
    }
)

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "python_enable_replacements": False,  # a table is never a variable of this program
    "autoinstall_known_extensions": False,  # nothing is downloaded
    "autoload_known_extensions": False,
}
_OF_LOGS = (".checkpoint", ".recovery")  # what DuckDB looks for beside a log that a crash has left
_REMOTE = "HTTPFileSystem,S3FileSystem,HuggingFaceFileSystem"

_idle: list[Instance] = []
_guard = threading.Lock()


@dataclass(frozen=True, slots=True)
class Seal:
    """What keeps an instance to its database: SQL that people write can open nothing else.

    With *files* it may read files of this machine. *export* is the one file that syncrun itself writes.
    """

    files: bool = False
    export: Path | None = None


class Instance:
    """An instance for acts on the file at *path*, one after the other; with a *seal* they only read.

    It *encrypts* what it writes.
    """

    def __init__(self, path: Path, *, seal: Seal | None = None, encrypts: bool = False) -> None:
        from syncrun.stores.library import duckdb

        self.path, self.seal = path, seal
        self._root = duckdb.connect(config=_CONFIG)
        self._root.execute("SET GLOBAL TimeZone = 'UTC'")
        self._threads, self._memory = _configure(self._root, path)
        self.inode: int | None = None
        self._alias = ""
        self._encrypts = self._small = False
        self._act: DuckDBPyConnection | None = None
        if encrypts:
            self.encrypt()
        if seal is not None:
            self._lock(seal)

    def _lock(self, seal: Seal) -> None:
        """Let nothing but what *seal* says be opened, and nobody change that."""
        self._root.execute(f"SET threads = {self._threads}")
        self._root.execute(f"SET memory_limit = '{self._memory}MiB'")
        if seal.files:
            if self._encrypts:  # the module that encrypts brings them
                self._root.execute(f"SET disabled_filesystems = '{_REMOTE}'")
        else:
            # DuckDB writes beside a file that is there
            exported = [seal.export, seal.export.with_name(f"tmp_{seal.export.name}")] if seal.export else []
            logs = [log_of(self.path).with_suffix(f".wal{suffix}") for suffix in ("", *_OF_LOGS)]
            paths = [self.path, *logs, *exported]
            listed = ", ".join(quote_text(str(path)) for path in paths)
            self._root.execute(f"SET allowed_paths = [{listed}]")
            self._root.execute("SET enable_external_access = false")
        self._root.execute("SET lock_configuration = true")

    @property
    def is_kept(self) -> bool:
        """Whether another act can use it."""
        return self.seal is None or self.seal.export is None

    def encrypt(self) -> None:
        """Let the act write encrypted files, where DuckDB's module for that is installed.

        Without it they can only be read, and nothing is put down on disk meanwhile.
        """
        if self._encrypts:
            return
        self._encrypts = True
        if load_cipher(self._root):
            self._root.execute("SET temp_file_encryption = true")
        else:
            self._root.execute("SET temp_directory = ''")

    @property
    def is_plain(self) -> bool:
        """Whether it has seen nothing of an encrypted file, and has no seal."""
        return not self._encrypts and self.seal is None

    def serves(self, path: Path, seal: Seal | None) -> bool:
        """Whether it is for acts on the file at *path*, with that *seal*."""
        return self.path == path and self.seal == seal

    def move(self, path: Path) -> bool:
        """Serve the file at *path* from now on; return False, the instance ended, when it cannot."""
        from syncrun.stores.library import duckdb

        try:
            self._root.execute(f"SET temp_directory = {quote_text(f'{path}.tmp')}")
        except duckdb.Error:  # something has been put down in the other one
            self.discard()
            return False
        self.path = path
        return True

    def attach(self, path: Path, alias: str, options: str) -> None:
        """Attach the file at *path* as *alias*; raise duckdb.Error."""
        self._root.execute(f"ATTACH {quote_text(str(path))} AS {quote(alias)} {options}")
        self._alias = alias

    def begin(self, *, frugal: bool = False, small: bool = False) -> DuckDBPyConnection:
        """Return a connection for an act on the attached file: nothing is left of the act before.

        A *frugal* act keeps little in memory: it has one thread, and what it would only cache goes to disk.
        One that cannot do with so little raises duckdb.OutOfMemoryException. The statements of a *small* act
        are planned quickly.
        """
        self._end()
        if self.seal is None:
            self._plan(small=small)
        self._act = self._root.cursor()
        if self.seal is None:
            threads, memory = (1, min(self._memory, _FRUGAL)) if frugal else (self._threads, self._memory)
            self._act.execute(f"SET threads = {threads}")
            self._act.execute(f"SET memory_limit = '{memory}MiB'")
        self._act.execute(f"USE {quote(self._alias)}")
        return self._act

    def _plan(self, *, small: bool) -> None:
        """Let DuckDB leave out the steps of its optimizer that take longer than they save a *small* act."""
        if small is self._small:
            return
        names = self._root.execute("SELECT name FROM duckdb_optimizers()").fetchall() if small else []
        left_out = ",".join(name for (name,) in names if name not in _NEEDED)
        self._root.execute(f"SET disabled_optimizers = {quote_text(left_out)}")
        self._small = small

    def _end(self) -> None:
        """End the act that goes on, with whatever it has begun."""
        if self._act is not None:
            self._act.close()
            self._act = None

    def close(self) -> None:
        """Let go of the file, and keep the instance for the next act unless something is wrong with it."""
        from syncrun.stores.library import duckdb

        try:
            self._end()
            if self._alias:
                self._root.execute(f"DETACH {quote(self._alias)}")
                self._alias = ""
        except duckdb.Error:
            self.discard()
            return
        except BaseException:
            self.discard()
            raise
        if not self.is_kept:
            self.discard()
            return
        with _guard:
            _idle.append(self)
            surplus = _idle[:-_MOST_IDLE]
            del _idle[:-_MOST_IDLE]
        for instance in surplus:
            instance.discard()

    def discard(self) -> None:
        """End the instance, and with it whatever holds the file."""
        self._end()
        self._root.close()


def instance_for(path: Path, *, seal: Seal | None = None, encrypts: bool = False) -> Instance:
    """Return an idle instance for acts on the file at *path*, or a new one."""
    with _guard:
        same = next((instance for instance in _idle if instance.serves(path, seal)), None)
        found = same
        if same is None and seal is None:
            found = next((instance for instance in _idle if instance.is_plain), None)
        if found is not None:
            _idle.remove(found)
    if found is None or not (found is same or found.move(path)):
        return Instance(path, seal=seal, encrypts=encrypts)
    return found


def ran_out_of_memory(error: StoreError) -> bool:
    """Whether *error* says in words that an act could not do with the memory it had."""
    from syncrun.stores.library import duckdb

    return isinstance(error.__cause__, duckdb.OutOfMemoryException)


def _configure(db: DuckDBPyConnection, path: Path) -> tuple[int, int]:
    """Return how many threads and MiB to use, whatever the machine."""
    db.execute(f"SET temp_directory = {quote_text(f'{path}.tmp')}")
    threads, memory = db.execute(
        "SELECT current_setting('threads'), current_setting('memory_limit')"
    ).fetchall()[0]
    amount, unit = memory.split()
    mebibytes = max(1, int(float(amount) * _UNITS.get(unit, 1)) >> 20)
    return min(int(threads), _MOST_THREADS), min(mebibytes, _MEMORY)
