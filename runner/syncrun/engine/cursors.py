"""From a saved cursor to what `${cursor}` shows: lookback and format (R13)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from syncrun.config.sync import Incremental
from syncrun.errors import RunError
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.template import render as render_template

_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{6}Z)?")  # canonical, a date or a timestamp


def render(incremental: Incremental | None, cursor: Any, context: Mapping[str, Any]) -> Any:
    """Return the value of `${cursor}` for a read that starts from *cursor*; `start` when there is none.

    *cursor* is canonical: ISO 8601 UTC text for timestamps and dates, a whole number, or text.
    """
    if incremental is None:
        return None
    if cursor is None:
        return render_template(incremental.start, context)
    if incremental.token is not None:
        return cursor
    return _formatted(looked_back(cursor, incremental.lookback), incremental.format)


def looked_back(cursor: Any, lookback: str | int | None) -> Any:
    """Return the canonical *cursor* moved back by *lookback*; raise RunError where that means nothing."""
    if lookback is None:
        return cursor
    if isinstance(cursor, int):
        return cursor - _whole(lookback)
    moment = _moment(cursor)
    if moment is None:
        raise RunError(
            f"the cursor {cursor!r} is neither a time nor a whole number:"
            f" lookback {lookback!r} means nothing",
            hint="give incremental.type, or leave lookback out",
        )
    length = parse_duration(lookback) if isinstance(lookback, str) else timedelta(seconds=lookback)
    earlier = moment - length
    return earlier.date().isoformat() if _is_date(cursor) else _canonical(earlier)


def is_time(cursor: Any) -> bool:
    """Return whether the canonical *cursor* is a moment or a day."""
    return isinstance(cursor, str) and _TIME.fullmatch(cursor) is not None


def at_most(cursor: Any, now: datetime) -> Any:
    """Return the canonical *cursor*, or *now* when it is later: what changes until then would be missed."""
    if not is_time(cursor):
        return cursor
    return min(cursor, _canonical(now)[: len(cursor)])


def _whole(lookback: str | int) -> int:
    return lookback if isinstance(lookback, int) else int(parse_duration(lookback).total_seconds())


def _formatted(cursor: Any, form: str) -> Any:
    moment = _moment(cursor)
    if moment is None or (form == "iso" and _is_date(cursor)):
        return cursor
    if form == "iso":
        return _iso(moment)
    if form == "epoch":
        return int(moment.timestamp())
    if form == "epoch_ms":
        return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    return moment.strftime(form)


def _is_date(cursor: Any) -> bool:
    return isinstance(cursor, str) and len(cursor) == len("2024-05-01")


def _moment(cursor: Any) -> datetime | None:
    if not isinstance(cursor, str):
        return None
    try:
        if _is_date(cursor):
            day = date.fromisoformat(cursor)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        moment = datetime.fromisoformat(cursor)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _iso(moment: datetime) -> str:
    """Return *moment* as APIs write it: UTC with `Z`, and a fraction only when there is one."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Slice:
    """One `[start, end)` window of time; *end* is canonical, *shown* is the template root `window`."""

    start: str
    end: str
    shown: Mapping[str, Any]

    @property
    def bounds(self) -> tuple[str, str]:
        """Start and end, which tell one slice from another."""
        return self.start, self.end


def slices(incremental: Incremental, cursor: Any, context: Mapping[str, Any], now: datetime) -> list[Slice]:
    """Return the windows from *cursor* (or `start`) to *now*, oldest first; raise RunError without one."""
    assert incremental.window is not None  # noqa: S101 - the caller looked
    first = (
        render_template(incremental.start, context)
        if cursor is None
        else looked_back(cursor, incremental.lookback)
    )
    start = _moment(first)
    if start is None:
        raise RunError("incremental.window has nowhere to start", hint="give incremental.start a time")
    length = parse_duration(incremental.window)
    found = []
    while start < now:
        end = min(start + length, now)
        shown = {
            "start": _formatted(_iso(start), incremental.format),
            "end": _formatted(_iso(end), incremental.format),
        }
        found.append(Slice(_canonical(start), _canonical(end), shown))
        start = end
    return found


def _canonical(moment: datetime) -> str:
    """Return *moment* in the fixed-width form whose text order is the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
