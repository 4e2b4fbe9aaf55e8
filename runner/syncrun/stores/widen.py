"""How stored values move to another column type without loss, as SQL expressions.

`convert` gives the value in the new type, or NULL where there is none; `is_kept` says if it converts back to
itself (or, from text to a timestamp, names the same instant). Values are always kept in the wider type of
`syncrun.widening`, apart from integers beyond 2^53 among numbers: those need text (`widest`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from syncrun.shapes import ColumnType
from syncrun.stores.types import sql_type
from syncrun.widening import JSON, NUMBER, STRING, widen

_NUMERIC = frozenset({"number", "integer", "decimal"})
# More digits of a second would be cut off.
_INSTANT = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}(:?\d{2})?)"


def widest(types: Iterable[ColumnType], fits_double: Callable[[], bool]) -> ColumnType:
    """Return the type that holds the values of all *types*, of which there is at least one.

    *fits_double* is asked, at most once, whether every exact number among them equals a double.
    """
    distinct = list(dict.fromkeys(types))
    result = distinct[0]
    for other in distinct[1:]:
        result = widen(result, other)
    bases = {t.base for t in distinct}
    if (
        "number" in bases
        and bases != {"number"}
        and bases <= _NUMERIC
        and not any(t.is_list for t in distinct)
    ):
        return NUMBER if fits_double() else STRING
    return result


def convert(value: str, old: ColumnType, new: ColumnType) -> str:
    """Return the SQL for *value*, an expression of type *old*, in type *new*; NULL where it cannot be."""
    if old == new:
        return value
    if new.base == "json" and not new.is_list:
        return _to_json(value, old)
    if new.base == "string" and not new.is_list:
        return _to_text(value, old)
    if old.base == "json" and not old.is_list and not new.is_list:
        value = f"({value} ->> '$')"
        old = STRING
    elif old.base == "string" and not old.is_list and new.is_list:
        value = f"TRY_CAST({value} AS JSON)"
    if old == STRING and new.base == "timestamp" and not new.is_list:
        value = f"CASE WHEN regexp_full_match({value}, '{_INSTANT}') THEN {value} END"
    return f"TRY_CAST({value} AS {sql_type(new)})"


def is_kept(value: str, old: ColumnType, new: ColumnType) -> str:
    """Return the SQL condition that *value*, which is not NULL, survives the conversion."""
    converted = convert(value, old, new)
    if old in {STRING, JSON} and new == ColumnType("timestamp"):
        return f"({converted}) IS NOT NULL"
    back = f"({_restore(converted, old, new)})"
    if old == STRING and new == NUMBER:
        return f"({back} IS NOT DISTINCT FROM {value} OR {back} IS NOT DISTINCT FROM {value} || '.0')"
    return f"{back} IS NOT DISTINCT FROM {value}"


def _restore(value: str, old: ColumnType, new: ColumnType) -> str:
    """Return the SQL that turns *value*, converted from *old* to *new*, back into *old*."""
    if new == STRING and old.base == "json" and not old.is_list:
        # text that reads as JSON came from such a value; a JSON string of that text cannot be told from it
        valid = f"json_valid({value}) AND json_type({value}) <> 'VARCHAR'"
        return f"CASE WHEN {valid} THEN CAST({value} AS JSON) ELSE to_json({value}) END"
    return convert(value, new, old)


def _to_json(value: str, old: ColumnType) -> str:
    if old.is_list or old.base in {"string", "boolean", "integer", "decimal"}:
        return f"to_json({value})"
    if old.base == "number":  # JSON has no NaN and no infinity
        return f"CASE WHEN isfinite({value}) THEN to_json({value}) ELSE to_json(CAST({value} AS VARCHAR)) END"
    return f"to_json({_to_text(value, old)})"


def _to_text(value: str, old: ColumnType) -> str:
    if old.is_list:
        return f"CAST(to_json({value}) AS VARCHAR)"
    if old.base == "json":
        return f"({value} ->> '$')"
    if old.base == "timestamp":
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"CAST({value} AS VARCHAR)"
