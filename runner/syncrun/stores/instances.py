"""DuckDB instances in memory, to which files are attached for one act each.

An instance costs several times what attaching a file to it does, so it is kept for the next act. It holds no
lock and no file meanwhile.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from syncrun.errors import StoreError
from syncrun.stores.cipher import load_cipher
from syncrun.stores.types import quote, quote_text

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MOST_THREADS = 8  # each thread that reads staging files holds buffers of its own
_MEMORY = 2048  # MiB
_FRUGAL, _OF_A_THREAD = 64, 48  # MiB; a thread that reads JSON has a buffer of 32
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

_MOST_IDLE = 4

_idle: list[Instance] = []
_guard = threading.Lock()


class Instance:
    """An instance for acts on the file at *path*, and the connection of the act that goes on."""

    def __init__(self, path: Path) -> None:
        import duckdb

        self.path = path
        self._root = duckdb.connect()
        self._threads, self._memory = _configure(self._root, path)
        self._alias = ""
        self._encrypts = False
        self.db = self._root

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

    def attach(self, path: Path, alias: str, options: str) -> DuckDBPyConnection:
        """Attach the file at *path* as *alias*, and return a connection that uses it; raise duckdb.Error."""
        self.db = self._root.cursor()
        self.db.execute("SET TimeZone = 'UTC'")
        self.db.execute(
            "SET python_enable_replacements = false"
        )  # a table is never a variable of this program
        self.db.execute(f"SET threads = {self._threads}")
        self.db.execute(f"SET memory_limit = '{self._memory}MiB'")
        self.db.execute(f"ATTACH {quote_text(str(path))} AS {quote(alias)} {options}")
        self.db.execute(f"USE {quote(alias)}")
        self._alias = alias
        return self.db

    def close(self) -> None:
        """Let go of the file, and keep the instance for the next act unless something is wrong with it."""
        import duckdb

        try:
            if self._alias:
                with suppress(duckdb.TransactionException):  # there is none: the act has ended it
                    self.db.execute("ROLLBACK")
                self.db.execute("USE memory")
                self.db.execute(f"DETACH {quote(self._alias)}")
                self._alias = ""
            self.db.close()
        except duckdb.Error:
            self.discard()
            return
        except BaseException:
            self.discard()
            raise
        with _guard:
            _idle.append(self)
            surplus = _idle[:-_MOST_IDLE]
            del _idle[:-_MOST_IDLE]
        for instance in surplus:
            instance.discard()

    def discard(self) -> None:
        """End the instance, and with it whatever holds the file."""
        self.db.close()
        self._root.close()


def instance_for(path: Path) -> Instance:
    """Return an idle instance for acts on the file at *path*, or a new one."""
    with _guard:
        for position, instance in enumerate(_idle):
            if instance.path == path:
                return _idle.pop(position)
    return Instance(path)


def be_frugal(db: DuckDBPyConnection) -> None:
    """Let the act of *db* keep little in memory: what it would only cache goes to disk.

    Acts that cannot do with so little raise duckdb.OutOfMemoryException.
    """
    threads, memory = _settings(db)
    db.execute(f"SET memory_limit = '{min(memory, _FRUGAL + threads * _OF_A_THREAD)}MiB'")


def ran_out_of_memory(error: StoreError) -> bool:
    """Whether *error* says in words that an act could not do with the memory it had."""
    import duckdb

    return isinstance(error.__cause__, duckdb.OutOfMemoryException)


def _configure(db: DuckDBPyConnection, path: Path) -> tuple[int, int]:
    """Return how many threads and MiB to use, whatever the machine."""
    db.execute(f"SET temp_directory = {quote_text(f'{path}.tmp')}")
    threads, memory = _settings(db)
    return min(threads, _MOST_THREADS), min(memory, _MEMORY)


def _settings(db: DuckDBPyConnection) -> tuple[int, int]:
    """Return the number of threads, and the limit of memory in MiB."""
    threads, memory = db.execute(
        "SELECT current_setting('threads'), current_setting('memory_limit')"
    ).fetchall()[0]
    amount, unit = memory.split()
    return int(threads), max(1, int(float(amount) * _UNITS.get(unit, 1)) >> 20)
