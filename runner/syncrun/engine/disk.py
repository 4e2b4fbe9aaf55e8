"""What the operating system refuses, in words."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from syncrun.errors import StoreError


@contextmanager
def in_words() -> Iterator[None]:
    """Raise StoreError in place of OSError."""
    try:
        yield
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"{place}the disk is full", hint="make room, then run again") from None
        raise StoreError(f"{place}{error.strerror or error}") from None
