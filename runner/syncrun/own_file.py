"""Files that processes share beside the database, such as locks: no link leads what is written elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from syncrun.errors import StoreError


def open_own(path: Path, flags: int) -> int:
    """Return a descriptor of the file at *path*, for nobody else where it is made; raise OSError.

    Raise StoreError for a link, which would have another file written to, and for anything but a file.
    """
    try:
        descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _no_file(path, "a symbolic link") from None
        raise
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise _no_file(path, "no file")


def _no_file(path: Path, what: str) -> StoreError:
    return StoreError(f"{path} is {what}: nothing is written through it", hint="remove it; it is made anew")
