"""The start of a text that is not ours, as messages, the log, the quarantine and tables show it (R23).

What is cut before it is masked may end in half a secret, which nobody recognises any more. Here alone text is
cut, and it is masked first: by everything that knows secrets and is in use.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

MASK = "***"

_LOOKED_AT = 8192  # characters, and those that are shown: a look through a gigabyte would take long
_UNSURE = 4096  # at the end of what is looked at: a secret may be cut in two there


class Masker(Protocol):
    """Something that knows secrets."""

    def spans(self, text: str) -> Iterable[tuple[int, int]]:
        """Return where they are in *text*."""
        ...


_guard = threading.Lock()
_in_use: Counter[Masker] = Counter()


def watch(masker: Masker) -> None:
    """Let *masker* look through all that is shown, until `unwatch` is called as often."""
    with _guard:
        _in_use[masker] += 1


def unwatch(masker: Masker) -> None:
    """End one `watch` of *masker*."""
    with _guard:
        _in_use[masker] -= 1
        if _in_use[masker] <= 0:
            del _in_use[masker]


@contextmanager
def watching(masker: Masker) -> Iterator[None]:
    """Let *masker* look through all that is shown in the block, in whatever thread."""
    watch(masker)
    try:
        yield
    finally:
        unwatch(masker)


def masked(text: str, *more: Masker) -> str:
    """Return *text* without the secrets that anybody in this process knows, *more* included.

    They look at the same text: what one of them masks may be a part of what another knows.
    """
    with _guard:
        maskers = [*_in_use, *(masker for masker in more if masker not in _in_use)]
    return without([span for masker in maskers for span in masker.spans(text)], text)


def without(spans: Iterable[tuple[int, int]], text: str) -> str:
    """Return *text* with `***` in place of each of *spans*; those that overlap are one."""
    parts: list[str] = []
    done = start = end = 0
    for first, last in [*sorted(spans), (len(text) + 1, 0)]:
        if first < end:
            end = max(end, last)
            continue
        if end > start:
            parts += [text[done:start], MASK]
            done = end
        start, end = first, last
    return "".join([*parts, text[done:]]) if parts else text


def excerpt(text: str, length: int, *, masker: Masker | None = None) -> str:
    """Return *text* without secrets, cut to *length* characters, the last of which then is an ellipsis.

    *masker* looks through it too, besides those in use.
    """
    looked_at = text[: _LOOKED_AT + length]
    shown = masked(looked_at) if masker is None else masked(looked_at, masker)
    if len(looked_at) < len(text):
        shown = shown[: max(len(shown) - _UNSURE, 1)] + "…"
    return shown if len(shown) <= length else shown[: length - 1] + "…"
