"""Notices an enumeration that goes round in circles (R17)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from syncrun.http.messages import Request
from syncrun.paginators.base import Page, PageState


class LoopGuard:
    """Remembers what was asked for, and the last page."""

    def __init__(self) -> None:
        self._states: dict[bytes, int] = {}
        self._requests: dict[bytes, int] = {}
        self._content = b""
        self._records: Sequence[Any] = []

    def admit(self, state: PageState, request: Request) -> str | None:
        """Remember what is about to be asked for; return why not to, when it was asked for before."""
        asked = _digest(repr((state.page, state.offset, state.token, state.url)).encode())
        before = self._states.setdefault(asked, state.number)
        if before != state.number:
            what = "next URL" if state.url is not None else "token"
            return f"page {state.number} names the same {what} that page {before} named"
        asked = _digest(repr(request.parts).encode())
        before = self._requests.setdefault(asked, state.number)
        if before != state.number:
            return f"the request for page {state.number + 1} is the same as that for page {before + 1}"
        return None

    def repeated(self, page: Page, content: bytes) -> str | None:
        """Remember *page*; return what is wrong when it has the same records as the page before it."""
        records = page.records
        counts_on = page.state.token is None and page.state.url is None
        # Kinds that count on by themselves would not notice a server that ignores the page number, even when
        # the rest of its answer, a request id or the time, differs.
        same = content == self._content or (counts_on and records == self._records)
        self._content, self._records = content, records
        return f"page {page.state.number + 1} is the same as the page before it" if same and records else None


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
