"""Points in time as expressions see them: ISO 8601 text in UTC ending in `Z`, or epoch numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from syncrun.excerpts import excerpt
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.signatures import FunctionError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HOURS = re.compile(r"[+-]\d\d$")


def read_time(value: str | float, fmt: str = "iso") -> datetime:
    """Return the point in time, in UTC, that *value* means.

    Numbers are seconds since 1970 (milliseconds with *fmt* `epoch_ms`). Text is ISO 8601, an offset is
    honoured and a missing one means UTC; with another *fmt* it is read by `strptime`. Raise FunctionError for
    anything else.
    """
    if isinstance(value, (int, float)):
        return _read_epoch(value, fmt)
    if fmt in {"epoch", "epoch_ms"}:
        try:
            number = float(value)
        except ValueError:
            raise FunctionError(f"{_shorten(value)} is no number of {_unit(fmt)}") from None
        return _read_epoch(number, fmt)
    try:
        found = datetime.fromisoformat(value.strip()) if fmt == "iso" else parse_as(fmt, value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        expected = "is no ISO 8601 time" if fmt == "iso" else f"is no time written as {fmt}"
        raise FunctionError(f"{_shorten(value)} {expected}") from None


def parse_as(pattern: str, text: str) -> datetime:
    """Return the time that *text* names in a strptime *pattern*, naive without offset; raise ValueError.

    An offset of hours alone, as PostgreSQL writes it, is read too: at the end `%z` takes -05 for -0500.
    """
    if pattern.endswith("%z") and _HOURS.search(text):
        text += "00"
    return datetime.strptime(text, pattern)  # noqa: DTZ007


def _read_epoch(number: float, fmt: str) -> datetime:
    try:
        # through timedelta: exact to the microsecond, and good for times before 1970 on every platform
        if fmt == "epoch_ms":
            return _EPOCH + timedelta(milliseconds=number)
        return _EPOCH + timedelta(seconds=number)
    except (OverflowError, ValueError):
        hint = "" if fmt == "epoch_ms" else "; for milliseconds use parse_time(t, 'epoch_ms')"
        raise FunctionError(f"{number} {_unit(fmt)} since 1970 is no time{hint}") from None


def write_time(moment: datetime) -> str:
    """Return *moment* as ISO 8601 in UTC: `2024-05-01T00:00:00Z`, with 3 or 6 decimals only where needed."""
    moment = moment.astimezone(UTC).replace(tzinfo=None)
    if moment.microsecond == 0:
        return moment.isoformat() + "Z"
    return moment.isoformat(timespec="microseconds" if moment.microsecond % 1000 else "milliseconds") + "Z"


def format_time(moment: datetime, fmt: str) -> str | int:
    """Return *moment* as `iso`, `epoch`, `epoch_ms`, or by a `strftime` pattern, in UTC."""
    if fmt == "iso":
        return write_time(moment)
    if fmt in {"epoch", "epoch_ms"}:
        return count_epoch(moment, fmt)
    try:
        return moment.astimezone(UTC).strftime(fmt)
    except ValueError:
        raise FunctionError(f"{_shorten(fmt)} is no format of a time") from None


def count_epoch(moment: datetime, fmt: str = "epoch") -> int:
    """Return the whole seconds, or milliseconds, from 1970 to *moment*, rounded down."""
    return (moment - _EPOCH) // (_MILLISECOND if fmt == "epoch_ms" else timedelta(seconds=1))


def add_duration(moment: datetime, text: str) -> datetime:
    """Return *moment* moved by a signed duration such as `-1d` or `15m`."""
    unsigned = text.strip()
    sign = -1 if unsigned.startswith("-") else 1
    try:
        return moment + sign * parse_duration(unsigned.removeprefix("-" if sign < 0 else "+"))
    except ValueError as error:
        raise FunctionError(str(error)) from None
    except OverflowError:
        raise FunctionError(f"{write_time(moment)} moved by {text} is out of range") from None


def _unit(fmt: str) -> str:
    return "milliseconds" if fmt == "epoch_ms" else "seconds"


def _shorten(text: str) -> str:
    return repr(excerpt(text, 40))
