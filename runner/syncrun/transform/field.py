"""One field of a mapping, made ready: where its value comes from, how it is converted, checked and masked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from syncrun.config.sync import FieldSpec
from syncrun.shapes import Column, ColumnType
from syncrun.transform.canonical import dump
from syncrun.transform.convert import Convert, converter
from syncrun.transform.infer import InferredColumn
from syncrun.transform.invalid import Invalid
from syncrun.transform.validate import Check, field_check
from syncrun.widening import STRING

_REDACTED = "[masked]"


class MappedField:
    """A field that writes the column *column* at *position*.

    *lenient* fields become null where their value is invalid (`on_invalid: null`); the key, required fields
    and the cursor never are. Raise ValueError for a type, timezone, pattern, enum or default that can't be
    used.
    """

    def __init__(
        self,
        name: str,
        column: str,
        position: int,
        spec: FieldSpec,
        *,
        known: ColumnType | None,
        lenient: bool,
    ) -> None:
        self.name = name
        self.column = column
        self.position = position
        self.spec = spec
        self.lenient = lenient and not spec.required
        self.declared = ColumnType.parse(spec.type) if spec.type else None
        self.inferred: InferredColumn | None
        self._convert: Convert
        if self.declared:
            self._convert = converter(self.declared, spec.format, spec.timezone)
            self.inferred = None
        else:
            self.inferred = InferredColumn(column, None if spec.mask else known)
            self._convert = self.inferred.stage
        self.default = None if spec.default is None else self._convert_default()
        check = field_check(spec, self._convert, self.declared.base if self.declared else None)
        self.check: Convert | None = partial(self._run, check) if check else None
        self.mask = _MASKS[spec.mask] if spec.mask else None
        kind = STRING if self.mask else self.declared
        self._declared_column = Column(column, kind, spec.hash, spec.description, True) if kind else None  # noqa: FBT003

    def _convert_default(self) -> Any:
        try:
            return self._convert(self.spec.default)
        except Invalid as problem:
            raise ValueError(f"default: {problem.reason}") from None

    @property
    def told(self) -> bool:
        """Whether the column's type is declared, or was told by a value."""
        return self.inferred is None or self.mask is not None or self.inferred.told

    @property
    def described_column(self) -> Column:
        """The column as the store sees it; the type of an inferred one is that of the values so far."""
        if self._declared_column is not None:
            return self._declared_column
        if self.inferred is None:
            return Column(self.column, STRING, self.spec.hash, self.spec.description)
        return self.inferred.column(hashed=self.spec.hash, description=self.spec.description)

    def convert(self, value: Any) -> Any:
        """Return *value*, which is not null, as staged, the default for a blank; raise Invalid."""
        try:
            staged = self._convert(value)
        except Invalid as problem:
            return self._refuse(problem)
        return self.default if staged is None else staged

    def _run(self, check: Check, staged: Any) -> Any:
        try:
            check(staged)
        except Invalid as problem:
            return self._refuse(problem)
        return staged

    def _refuse(self, problem: Invalid) -> None:
        if self.lenient:
            return
        # What is masked must not show up in a message.
        raise Invalid("the value is not valid" if self.mask else problem.reason, self.name) from None

    def stage(self, value: Any) -> Any:
        """Return *value*, null or not, as it ends up in the key, without the checks; raise Invalid."""
        staged = self.default if value is None else self.convert(value)
        return self.mask(staged) if self.mask and staged is not None else staged


def _redact(_staged: Any) -> str:
    return _REDACTED


def _digest(staged: Any) -> str:
    text = staged.encode("utf-8", "replace") if isinstance(staged, str) else dump(staged)
    return hashlib.sha256(text).hexdigest()


_MASKS: dict[str, Callable[[Any], str]] = {"redact": _redact, "sha256": _digest}
