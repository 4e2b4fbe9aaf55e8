"""Records that come in parts: what several answers of one run say of a key becomes one record.

syncs:
  people: {request: /people, key: id, merge: true}
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Parts:
    """The records of a run so far, by key, as far as they are known; memory grows with their number.

    *identify* returns the id of a record, None where it cannot be told: such a record stays as it is.
    """

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def merged(self, record: Any, identify: Callable[[Any], tuple[str | None, Any]]) -> Any:
        """Return *record* with the members that earlier parts of it gave, and that it has not or as null."""
        if not isinstance(record, dict):
            return record
        key, _ = identify(record)
        if key is None:
            return record
        given = {name: value for name, value in record.items() if value is not None}
        earlier = self._known.get(key)
        whole = record if earlier is None else {**record, **earlier, **given}
        self._known[key] = whole
        return whole
