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
        hint = "make room, then run again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise StoreError(f"{place}{error.strerror or error}", hint=hint) from None
