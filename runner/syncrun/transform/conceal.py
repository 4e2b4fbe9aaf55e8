"""Keeps what a masked field hides out of `_raw` and of the quarantine as well."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

CONCEALED = "[masked]"

_NAME = re.compile(r'"([^"]*)"|([A-Za-z_]\w*)', re.ASCII)
_ANYTHING = re.compile(r"@|\\|(?<!\[)\*")


class Concealer:
    """Hides the top-level members that *paths*, the JMESPath of masked fields, may read.

    Every name in a path counts, wherever it stands. A path that may read anything (`@`, `*`), or whose names
    cannot be told, hides the whole record.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        named = [{quoted or plain for quoted, plain in _NAME.findall(path)} for path in paths]
        self._names = frozenset().union(*named)
        self._everything = any(
            not names or _ANYTHING.search(path) for names, path in zip(named, paths, strict=True)
        )
        self._idle = not paths

    def hide(self, record: Any) -> Any:
        """Return *record* with the hidden members replaced."""
        if self._idle:
            return record
        if self._everything or not isinstance(record, dict):
            return CONCEALED
        return {name: CONCEALED if name in self._names else member for name, member in record.items()}
