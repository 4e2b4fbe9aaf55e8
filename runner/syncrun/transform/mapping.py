"""Pages of records to staged lines: validate, hook, explode, filter, map, convert, identify, hash.

A record takes one of these ways:
    mapped           a `U` line
    flagged deleted  a `D` line (R11)
    not `where`      a `D` line too: a stored record that no longer passes has left the model
    left out         nothing: a hook gave no record for it
    unmoved          an `S` line: with `filter: client`, a record from before the saved cursor
    bad              a rejected line with the reason, and an `S` line if the key is usable (R22)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from syncrun.config.sync import Sync
from syncrun.decoders.narrow import NarrowRecords
from syncrun.errors import RunError
from syncrun.expressions.compile import compile_expression
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.layout import Layout, layout_of
from syncrun.shapes import Column, Model
from syncrun.transform.canonical import clean_text
from syncrun.transform.conceal import Concealer
from syncrun.transform.fields import BoundFields, map_fields
from syncrun.transform.identity import Occurrences
from syncrun.transform.members import MemberMapping
from syncrun.transform.page import Form, Page
from syncrun.transform.parts import Parts
from syncrun.transform.validate import Check, schema_check
from syncrun.transform.watermark import Comparable, Progress

Redact = Callable[[str], str]
Records = Callable[[Any], Sequence[Any]]
"""What a hook makes of one record; it raises HookError."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one page became.

    *text* has *count* lines of a StagedFile, *rejected* those of a RejectedFile. *rows*
    counts `U` lines, *dropped* the records that `where` or a hook kept out, *deleted* those flagged as
    deleted, *unmoved* those from before the cursor. *progress* covers the cursor values of all records of the
    page (R14). *next_ordinal* is that of the next page's first record. Of those rejected
    so many are *nameless*: their key cannot be read. Of a list of deletions, *told* has
    *told_count* lines of what it says, and nothing else.
    """

    text: bytearray
    count: int
    rejected: list[bytes]
    rows: int
    dropped: int
    deleted: int
    unmoved: int
    progress: Progress
    next_ordinal: int
    nameless: int = 0
    told: bytes = b""
    told_count: int = 0

    @property
    def watermark(self) -> Comparable | None:
        """The greatest cursor value, or None when no record has one."""
        return self.progress.greatest

    @property
    def passed(self) -> int:
        """How many records were what the sync expects, whether or not they became rows."""
        return self.rows + self.dropped + self.deleted + self.unmoved

    @property
    def rejection(self) -> str:
        """Why the first of those rejected was; empty when none was."""
        return str(json.loads(self.rejected[0])["reason"]) if self.rejected else ""


class Mapper:
    """The mapping of one sync for one run; not for several threads at a time.

    *known* are the columns that the table has, *schema* is the JSON Schema when the sync names a file,
    *redact* takes secrets out of what is quarantined. Raise RunError for a mapping that can't be used.
    """

    def __init__(
        self,
        sync: Sync,
        *,
        known: Sequence[Column] = (),
        schema: Mapping[str, Any] | None = None,
        redact: Redact | None = None,
        functions: Functions = DEFAULT,
    ) -> None:
        self.sync = sync
        self.redact = redact or _as_it_is
        self.rows = map_fields(sync, known, functions) or MemberMapping(sync, known)
        self.concealer = Concealer([s.path for s in (sync.field_specs or {}).values() if s.mask])
        self.occurrences = Occurrences()
        self.parts = Parts() if sync.merge else None
        self.check = _schema_check(sync, schema)
        rule = sync.delete_rule
        self._functions = functions
        self._judging = (rule.flag if rule else None, sync.where)
        self.explode = compile_expression(sync.explode.path, functions=functions) if sync.explode else None

    @cached_property
    def layout(self) -> Layout | None:
        """What the mapping reads of a record; None when records have to be decoded as a whole."""
        whole = self.check is not None or self.explode is not None or self.sync.raw or self.sync.merge
        if whole or isinstance(self.rows, MemberMapping):
            return None
        return layout_of([*self.rows.paths, *filter(None, self._judging)], self._functions)

    def form(self, rows: BoundFields | MemberMapping, layout: Layout | None = None) -> Form:
        """Return how records are read; with the attributes of *layout* where there is one."""
        flag, where = (
            compile_expression(text, functions=self._functions, layout=layout) if text else None
            for text in self._judging
        )
        if layout is not None and isinstance(rows, BoundFields):
            rows = rows.laid_out(layout)
        return Form(rows, flag, where)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns so far: those of `fields` in YAML order, else the known ones and then those found."""
        return self.rows.columns

    def model(self, connector: str, name: str = "", *, told: bool = False) -> Model:
        """Return the model as known so far; *name* is the sync's name, for a sync that names no model.

        With *told* it has only the columns whose types are known, before the first record has been mapped.
        """
        specs = self.sync.field_specs
        inferred = specs is None or any(spec.type is None and spec.mask is None for spec in specs.values())
        return Model(
            connector,
            self.sync.model or name,
            self.rows.told_columns if told else self.columns,
            key=self.rows.key_columns,
            inferred=inferred,
            open=specs is None,
            raw=self.sync.raw,
            history=self.sync.history,
        )

    def bind(
        self,
        partition: str,
        context: Mapping[str, Any],
        *,
        since: Comparable | None = None,
        hook: Records | None = None,
    ) -> BoundMapper:
        """Return the mapper of one partition, with the `${…}` of `fields` rendered over *context*.

        Records whose cursor is below *since* are unmoved (`filter: client`); *hook* sees each record first.
        Raise RunError for a constant that fails.
        """
        return BoundMapper(self, partition, self.rows.bind(context), since, hook)


def _as_it_is(text: str) -> str:
    return text


def _schema_check(sync: Sync, schema: Mapping[str, Any] | None) -> Check | None:
    if schema is None and isinstance(sync.json_schema, str):
        raise RunError(f"schema: {sync.json_schema} has not been read")
    schema = schema if schema is not None else sync.json_schema  # type: ignore[assignment]
    if schema is None:
        return None
    try:
        return schema_check(schema)
    except ValueError as error:
        raise RunError(str(error)) from None


class BoundMapper:
    """Maps the pages of one partition."""

    def __init__(
        self,
        mapper: Mapper,
        partition: str,
        rows: BoundFields | MemberMapping,
        since: Comparable | None,
        hook: Records | None,
    ) -> None:
        self._mapper = mapper
        self._partition = clean_text(partition)
        self._form = mapper.form(rows)
        self._laid_out: Form | None = None
        self._rows = rows
        self._since, self._hook = since, hook

    def map(self, records: Sequence[Any], ordinal: int) -> Mapped:
        """Return the staged lines of *records*, whose first has the position *ordinal* in the run.

        Raise RunError for the first bad record under `on_invalid: fail`.
        """
        page = Page(
            self._mapper,
            self._form,
            partition=self._partition,
            since=self._since,
            hook=self._hook,
            ordinal=ordinal,
        )
        if isinstance(records, NarrowRecords):
            self._laid_out = self._laid_out or self._mapper.form(self._rows, self._mapper.layout)
            page.take_narrow(records, self._laid_out)
        else:
            page.take(records)
        return Mapped(
            text=page.text,
            count=page.count,
            rejected=page.rejected,
            rows=page.rows,
            dropped=page.dropped,
            deleted=page.deleted,
            unmoved=page.unmoved,
            progress=Progress.of(page.cursors),
            next_ordinal=page.ordinal,
            nameless=page.nameless,
        )
