"""Records with `fields`: every field's expression at once, then the generated row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncrun.config.sync import FieldSpec, Sync
from syncrun.errors import EvaluationError, RunError
from syncrun.expressions.compile import MappingError, compile_expression, compile_mapping
from syncrun.expressions.functions import DEFAULT, Functions
from syncrun.expressions.layout import Layout
from syncrun.expressions.template import parse_template
from syncrun.shapes import Column
from syncrun.transform.field import MappedField
from syncrun.transform.identity import key_text
from syncrun.transform.invalid import Invalid
from syncrun.transform.naming import Names
from syncrun.transform.row import Write, generate_row
from syncrun.transform.watermark import CursorReader


class FieldMapping:
    """The fields of a sync, compiled; shared by all partitions of a run."""

    def __init__(
        self, sync: Sync, specs: Mapping[str, FieldSpec], known: Sequence[Column], functions: Functions
    ) -> None:
        self._functions = functions
        self.fields = _prepare(sync, specs, known)
        by_name = {field.name: field for field in self.fields}
        self.key = tuple(by_name[name] for name in sync.key_fields)
        self.reader: CursorReader | None = None
        self.cursor: MappedField | None = None
        if sync.incremental is not None and sync.incremental.cursor is not None:
            self.cursor = by_name[sync.incremental.cursor]
            self.reader = CursorReader(self.cursor.declared, sync.incremental.type, sync.incremental.format)
        self.constant = [field for field in self.fields if not parse_template(field.spec.path).constant]
        self.computed = [field for field in self.fields if parse_template(field.spec.path).constant]
        self.bind_row = generate_row(
            self.fields,
            frozenset(field.position for field in self.constant),
            [field.position for field in self.key],
            self.cursor.position if self.cursor else None,
            self.reader,
        )
        self.identifying = [f for f in self.computed if f in self.key or f is self.cursor]

    @property
    def paths(self) -> list[str]:
        """The expressions that are evaluated on every record."""
        return [field.spec.path for field in self.computed]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns in YAML order, with the types that fit all values so far."""
        return tuple(field.described_column for field in self.fields)

    @property
    def told_columns(self) -> tuple[Column, ...]:
        """Those of the columns whose types are known."""
        return tuple(field.described_column for field in self.fields if field.told)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The key as names of columns."""
        return tuple(field.column for field in self.key)

    def expression(self, field: MappedField, layout: Layout | None) -> Callable[[Any], Any]:
        """Return the function of one field alone."""
        return compile_expression(field.spec.path, functions=self._functions, layout=layout)

    def expressions(self, fields: Sequence[MappedField], layout: Layout | None) -> Callable[[Any], list[Any]]:
        """Return the function of several *fields*."""
        paths = [field.spec.path for field in fields]
        return compile_mapping(paths, functions=self._functions, layout=layout)

    def bind(self, context: Mapping[str, Any]) -> BoundFields:
        """Return the mapping for one partition; raise RunError for a constant that its field cannot hold."""
        constants = []
        for field in self.constant:
            try:
                value = parse_template(field.spec.path).render(context, functions=self._functions)
                constants.append(field.stage(value))
            except Invalid as problem:
                raise RunError(f"field {field.name}: {problem.reason}") from None
            except EvaluationError as error:
                raise RunError(f"field {field.name}: {error.message}", hint=error.hint) from None
        return BoundFields(self, constants)


class BoundFields:
    """The fields in one partition, for records with the attributes of *layout* where there is one.

    `write` gives the id and cursor of a record, what of it is hashed and what is staged; it raises Invalid.
    """

    def __init__(self, mapping: FieldMapping, constants: Sequence[Any], layout: Layout | None = None) -> None:
        self._mapping = mapping
        self._constants = constants
        self._layout = layout
        self._evaluate_identity = mapping.expressions(mapping.identifying, layout)
        evaluate = mapping.expressions(mapping.computed, layout)
        self.write: Write = mapping.bind_row(evaluate, self._evaluate_singly, constants)

    def laid_out(self, layout: Layout) -> BoundFields:
        """Return the same for records with the attributes of *layout*."""
        return BoundFields(self._mapping, self._constants, layout)

    def _evaluate_singly(self, record: Any) -> list[Any]:
        """Return the values, null where the expression of a lenient field fails; raise Invalid for others."""
        values = []
        for field in self._mapping.computed:
            try:
                values.append(self._mapping.expression(field, self._layout)(record))
            except EvaluationError as error:
                if not field.lenient:
                    raise Invalid(error.message, field.name) from None
                values.append(None)
        return values

    def identify(self, record: Any) -> tuple[str | None, Any]:
        """Return the id and the cursor of a *record* that may be invalid; None for what can't be told."""
        mapping = self._mapping
        try:
            values = dict(zip(mapping.identifying, self._evaluate_identity(record), strict=True))
        except MappingError:
            values = {field: self._attempt(field, record) for field in mapping.identifying}
        staged = dict(zip(mapping.constant, self._constants, strict=True))
        return self._id(values, staged), self._cursor(values)

    def _attempt(self, field: MappedField, record: Any) -> Any:
        try:
            return self._mapping.expression(field, self._layout)(record)
        except EvaluationError:
            return None

    def _id(self, values: Mapping[MappedField, Any], constants: Mapping[MappedField, Any]) -> str | None:
        try:
            key = [constants[f] if f in constants else f.stage(values[f]) for f in self._mapping.key]
        except Invalid:
            return None
        return key_text(key) if key and None not in key else None

    def _cursor(self, values: Mapping[MappedField, Any]) -> Any:
        field, reader = self._mapping.cursor, self._mapping.reader
        if field is None or reader is None or values.get(field) is None:
            return None
        try:
            return reader.read(field.convert(values[field]))
        except Invalid:
            return None


def _prepare(sync: Sync, specs: Mapping[str, FieldSpec], known: Sequence[Column]) -> list[MappedField]:
    """Return the fields in YAML order; raise RunError for one that can't be made ready."""
    strict = {*sync.key_fields, sync.incremental.cursor if sync.incremental else None}
    types = {column.name: column.type for column in known}
    names = Names()
    fields = []
    for position, (name, spec) in enumerate(specs.items()):
        column = names.give(name)
        lenient = sync.on_invalid == "null" and name not in strict
        try:
            fields.append(MappedField(name, column, position, spec, known=types.get(column), lenient=lenient))
        except ValueError as error:
            raise RunError(f"field {name}: {error}") from None
    return fields


def map_fields(
    sync: Sync, known: Sequence[Column] = (), functions: Functions = DEFAULT
) -> FieldMapping | None:
    """Return the mapping of *sync*, or None when it has no `fields`."""
    specs = sync.field_specs
    return None if specs is None else FieldMapping(sync, specs, known, functions)
