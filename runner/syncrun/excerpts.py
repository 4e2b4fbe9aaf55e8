"""The start of a text that is not ours, as messages, the log, the quarantine and tables show it (R23).

What is cut before it is masked may end in half a secret, which nobody recognises any more. Here alone text is
cut, and it is masked first: by everything that knows secrets and is in use.
"""

from __future__ import annotations

import threading
from typing import Protocol
from weakref import WeakSet

_LOOKED_AT = 65_536  # characters: looking through a gigabyte for the sake of its start would take long
_UNSURE = 16_384  # at the end of what is looked at: a secret may be cut in two there


class Masker(Protocol):
    """Something that knows secrets."""

    def text(self, text: str) -> str:
        """Return *text* without them."""
        ...


_guard = threading.Lock()
_in_use: WeakSet[Masker] = WeakSet()


def watch(masker: Masker) -> None:
    """Let *masker* look through all that is shown, for as long as somebody holds it."""
    with _guard:
        _in_use.add(masker)


def masked(text: str) -> str:
    """Return *text* without the secrets that anybody in this process knows."""
    with _guard:
        maskers = list(_in_use)
    for masker in maskers:
        text = masker.text(text)
    return text


def excerpt(text: str, length: int, *, masker: Masker | None = None) -> str:
    """Return *text* without secrets, cut to *length* characters, the last of which then is an ellipsis.

    *masker* looks through it too, besides those in use.
    """
    looked_at = text[:_LOOKED_AT]
    shown = masked(looked_at if masker is None else masker.text(looked_at))
    if len(looked_at) < len(text):
        shown = shown[: max(len(shown) - _UNSURE, 1)] + "…"
    return shown if len(shown) <= length else shown[: length - 1] + "…"
