"""Column names for whatever an API calls its members: no collisions, and the same names in every run.

A name depends on the member alone wherever possible, so the order in which members arrive does not matter:
- `_id` and the engine's other columns get an underscore at the end: `_id_` (a member `_id_` becomes `_id__`);
- an empty name is `_unnamed`;
- of names that differ only in case the first keeps its name (a known column's name is taken already), and the
  others get a suffix made from the name: `id_1a2b3c`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from syncrun.config.scalars import RESERVED_COLUMNS
from syncrun.transform.canonical import clean_text

RESERVED = RESERVED_COLUMNS | {"_unnamed", "rowid"}  # DuckDB finds rows by a rowid of its own


def plain_name(member: str) -> str:
    """Return the column name of *member* where no other member differs from it only in case."""
    name = clean_text(member).replace("\0", "\ufffd")
    if not name:
        return "_unnamed"
    return f"{name}_" if name.rstrip("_").casefold() in RESERVED else name


class Names:
    """Gives each member its column name; *known* are the names of columns that exist already."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = set(known)
        self._owners: dict[str, str | None] = {name.casefold(): None for name in self._known}
        self._given: dict[str, str] = {}

    def give(self, member: str) -> str:
        """Return the name for *member*, the same each time."""
        name = self._given.get(member)
        if name is None:
            name = self._given[member] = self._choose(member)
            self._owners[name.casefold()] = member
        return name

    def _choose(self, member: str) -> str:
        name = plain_name(member)
        folded = name.casefold()
        if folded not in self._owners or (name in self._known and self._owners[folded] is None):
            return name
        digest = hashlib.sha256(member.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
        return f"{name}_{digest[:6]}"
