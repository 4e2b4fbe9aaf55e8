"""The staging files of a run: pages are appended as they are mapped, and sealed files are committed.

    rows-000001.jsonl       lines of records, see `records.StagedFile`
    rejected-000001.jsonl   quarantined records, see `records.RejectedFile`
    told-000001.jsonl       what a list of deleted ids says, see `stores.values.told`

Only the owner may read them. A sealed file is on disk, whatever happens next: a later run can commit it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from syncrun.shapes import Column, RejectedFile, StagedFile
from syncrun.transform.mapping import Mapped

_BUFFER = 1 << 16  # for small pages; larger ones are written as they are
_ATTEMPTS = 10


class Staging:
    """Writes into *folder*, which is made if it is not there; its existing files are left alone.

    `rows` and `bytes` count what was written since the last seal: lines of records of any kind, and bytes of
    all files.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows = _Lines(folder, "rows")
        self._rejected = _Lines(folder, "rejected")
        self._told = _Lines(folder, "told")
        self._columns: tuple[Column, ...] = ()
        self._finished: list[StagedFile] = []
        self._finished_rows = 0
        self._finished_bytes = 0

    @property
    def rows(self) -> int:
        """Lines of records that wait to be sealed."""
        return self._finished_rows + self._rows.count + self._told.count

    @property
    def rejected(self) -> int:
        """Quarantined records that wait to be sealed."""
        return self._rejected.count

    @property
    def bytes(self) -> int:
        """Bytes that wait to be sealed."""
        return self._finished_bytes + self._rows.size + self._rejected.size + self._told.size

    def write(self, mapped: Mapped, columns: Sequence[Column]) -> None:
        """Append a page; *columns* are the mapper's after it. Raise OSError when the disk is full.

        Columns may be added and widen within a file, since values are staged so that they can be read with
        the types the columns have in the end. Should positions change, another file begins.
        """
        names = [column.name for column in columns]
        before = [column.name for column in self._columns]
        if self._rows.count and names[: len(before)] != before:
            self._finish_rows()
        self._columns = tuple(columns)
        self._rows.write(mapped.text, mapped.count)
        self._rejected.write(b"".join(mapped.rejected), len(mapped.rejected))
        self._told.write(mapped.told, mapped.told_count)

    def seal_told(self) -> list[StagedFile]:
        """Put what lists of deletions say on disk and return its files; `seal` them first, or not at all."""
        if not self._told.count:
            return []
        rows = self._told.count
        file = StagedFile(self._told.finish(), (), rows)
        _sync_folder(self._folder)
        return [file]

    def seal(self) -> tuple[list[StagedFile], list[RejectedFile]]:
        """Put all that was written on disk and return its files in order; later pages go into new ones."""
        self._finish_rows()
        staged, self._finished = self._finished, []
        self._finished_rows = self._finished_bytes = 0
        rejected = []
        if self._rejected.count:
            rows = self._rejected.count
            rejected.append(RejectedFile(self._rejected.finish(), rows))
        if staged or rejected:
            _sync_folder(self._folder)
        return staged, rejected

    def close(self) -> None:
        """Close the files and leave them as they are; nothing more is written."""
        self._rows.close()
        self._rejected.close()
        self._told.close()

    def discard(self) -> None:
        """Remove every file that this object has written, sealed or not, and the folder if it is empty."""
        self._rows.remove()
        self._rejected.remove()
        self._told.remove()
        self._finished.clear()
        self._finished_rows = self._finished_bytes = 0
        if self._folder.is_dir() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    def _finish_rows(self) -> None:
        if self._rows.count:
            self._finished_rows += self._rows.count
            self._finished_bytes += self._rows.size
            rows = self._rows.count
            self._finished.append(StagedFile(self._rows.finish(), self._columns, rows))


class _Lines:
    """A growing series of files, `NAME-000001.jsonl` and on, of which at most one is open."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._name = name
        self._file: BinaryIO | None = None
        self._path = folder
        self._written: list[Path] = []
        self.count = 0
        self.size = 0

    def write(self, text: bytes | bytearray, count: int) -> None:
        if not count:
            return
        if self._file is None:
            self._file = self._open()
        self.size += self._file.write(text)
        self.count += count

    def finish(self) -> Path:
        """Close the open file, durably, and return where it is."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
        self.count = self.size = 0
        return self._path

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def remove(self) -> None:
        self.close()
        for path in self._written:
            path.unlink(missing_ok=True)
        self._written.clear()
        self.count = self.size = 0

    def _open(self) -> BinaryIO:
        make_folder(self._folder)
        number = 1 + max(
            (int(p.stem.rpartition("-")[2]) for p in self._folder.glob(f"{self._name}-*.jsonl")), default=0
        )
        self._path = self._folder / f"{self._name}-{number:06}.jsonl"
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._written.append(self._path)
        return os.fdopen(descriptor, "wb", buffering=_BUFFER)


def make_folder(folder: Path) -> None:
    """Make the staging *folder* of a run, for its owner only."""
    for attempt in range(_ATTEMPTS):
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileNotFoundError:  # the run of another sync has just removed the parent that they share
            if attempt == _ATTEMPTS - 1:
                raise
        else:
            return


def _sync_folder(folder: Path) -> None:
    """Make the names of the files durable too, where the system lets a folder be synchronised."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
