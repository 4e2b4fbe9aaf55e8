"""The numbers of a run as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_WORDS = ("added", "updated", "deleted", "unchanged", "duplicates", "quarantined", "filtered")
_MINUTE, _HOUR = 60, 3600


def told(counts: Mapping[str, Any]) -> str:
    """Return what happened to records, `12 added, 3 updated`; empty when nothing did."""
    parts = []
    for word in _WORDS:
        count = counts.get(word) or 0
        if count:
            parts.append(f"{count:,} {word.removesuffix('s') if count == 1 else word}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Return a length of time: `1.2 s`, `3 min 5 s`, `2 h 10 min`."""
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
