"""Records without `fields`: every top-level member is a column, found as it comes.

A member becomes a column with its first value that is not null. The key and the cursor name members as
received.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncrun.config.sync import Sync
from syncrun.errors import RunError
from syncrun.shapes import Column
from syncrun.transform.identity import comparable, key_text
from syncrun.transform.infer import InferredColumn
from syncrun.transform.invalid import Invalid, NullKey, describe
from syncrun.transform.naming import Names, plain_name
from syncrun.transform.row import Written
from syncrun.transform.watermark import CursorReader

_MAX_COLUMNS = 2000
_MAX_SHAPES = 1000


class _Member:
    """A member of the records; *slot* is the name of its column, empty until it is one."""

    __slots__ = ("column", "name", "slot")

    def __init__(self, name: Any) -> None:
        self.name = name
        self.slot = ""
        self.column = InferredColumn("")


class MemberMapping:
    """The columns found so far, beginning with *known*; shared by all partitions of a run."""

    def __init__(self, sync: Sync, known: Sequence[Column]) -> None:
        self.key = sync.key_fields
        self.cursor: str | None = None
        self.reader: CursorReader | None = None
        if sync.incremental is not None and sync.incremental.cursor is not None:
            self.cursor = sync.incremental.cursor
            self.reader = CursorReader(None, sync.incremental.type, sync.incremental.format)
        self._names = Names(column.name for column in known)
        self._known = {column.name: column for column in known}
        self._columns = [InferredColumn(column.name, column.type) for column in known]
        self._positions = {column.name: position for position, column in enumerate(known)}
        self._members: dict[Any, _Member] = {}
        self._shapes: dict[tuple[Any, ...], list[_Member]] = {}

    @property
    def columns(self) -> tuple[Column, ...]:
        """The known columns, then the found ones in the order found; types fit all values so far."""
        return tuple(
            column.column(description=self._known[column.name].description)
            if column.name in self._known
            else column.column()
            for column in self._columns
        )

    @property
    def told_columns(self) -> tuple[Column, ...]:
        """All of them: a member has a column once a record has it."""
        return self.columns

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The key as names of columns."""
        return tuple(
            self._members[k].column.name or plain_name(k) if k in self._members else plain_name(k)
            for k in self.key
        )

    def bind(self, _context: Mapping[str, Any]) -> MemberMapping:
        """Return the mapping for one partition, which is the same in all."""
        return self

    def write(self, record: Any) -> Written:
        """Return the id and cursor of *record*, what of it is hashed, and what is staged; raise Invalid."""
        if not isinstance(record, dict):
            raise Invalid(f"expected an object, got {describe(record)}")
        shape = tuple(record)
        members = self._shapes.get(shape)
        if members is None:
            members = self._learn(shape)
        content: dict[str, Any] = {}
        staged: dict[str, Any] = {}
        same = True
        for member in members:
            value = record[member.name]
            if value is None:
                continue
            kind = value.__class__
            if not (kind is str and str in member.column.seen):
                if not member.slot:
                    self._find(record)
                value = self._stage(member, value)
            staged[member.slot] = value
            content[member.name] = hashed = value if kind is not float else comparable(value)
            same = same and hashed is value and member.slot == member.name
        return self._id(content), self._read_cursor(record), content, None if same else staged

    def _stage(self, member: _Member, value: Any) -> Any:
        try:
            return member.column.stage(value)
        except Invalid as problem:
            raise Invalid(problem.reason, str(member.name)) from None

    def _id(self, content: Mapping[str, Any]) -> str | None:
        if not self.key:
            return None
        values = []
        for name in self.key:
            value = content.get(name)
            if value is None:
                raise NullKey(name)
            values.append(value)
        return key_text(values)

    def _read_cursor(self, record: Mapping[str, Any]) -> Any:
        if self.reader is None or self.cursor is None:
            return None
        try:
            return self.reader.read(record.get(self.cursor))
        except Invalid as problem:
            raise Invalid(problem.reason, self.cursor) from None

    def identify(self, record: Any) -> tuple[str | None, Any]:
        """Return the id and the cursor of a *record* that may be invalid; None for what can't be told."""
        if not isinstance(record, dict):
            return None, None
        try:
            content = {
                k: comparable(InferredColumn(k).stage(record[k]))
                for k in self.key
                if record.get(k) is not None
            }
            key = self._id(content)
        except Invalid:
            key = None
        try:
            return key, self._read_cursor(record)
        except Invalid:
            return key, None

    def _learn(self, shape: tuple[Any, ...]) -> list[_Member]:
        """Return the members of records of this *shape*, in the order in which they are hashed."""
        members = [self._members.setdefault(name, _Member(name)) for name in sorted(shape, key=str)]
        if len(self._members) > _MAX_COLUMNS:
            raise RunError(
                f"the records have more than {_MAX_COLUMNS} different members, which are no columns",
                hint="name the wanted members in fields; one field of type json can hold an object of many",
            )
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
        self._shapes[shape] = members
        return members

    def _find(self, record: Mapping[Any, Any]) -> None:
        """Make columns of all new members of *record* that have a value, in its own order."""
        for name, value in record.items():
            member = self._members[name]
            if value is not None and not member.slot:
                self._add(member)

    def _add(self, member: _Member) -> None:
        name = self._names.give(str(member.name))
        position = self._positions.setdefault(name, len(self._columns))
        if position == len(self._columns):
            self._columns.append(InferredColumn(name))
        member.column = self._columns[position]
        member.slot = name
