"""From a saved cursor to what `${cursor}` shows: lookback and format (R13)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from syncrun.config.sync import Incremental
from syncrun.errors import RunError
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.template import render as render_template
from syncrun.transform.watermark import DAY
from syncrun.wording import iso

_TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{6}Z)?")  # canonical, a date or a timestamp

_FARTHEST_WEST = timedelta(hours=12)
_LONGEST_DAY = timedelta(hours=25)  # when clocks are set back
_MAY_BE_DAYS = (
    15 * 60 * 1_000_000
)  # microseconds; offsets of time zones are multiples of a quarter of an hour


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
    return earlier.date().isoformat() if _is_date(cursor) else written(earlier)


def unmoved_below(incremental: Incremental | None, cursor: Any) -> Any:
    """Return below which value records have not moved, for an API that cannot filter (`filter: client`)."""
    if incremental is None or incremental.filter != "client" or cursor is None:
        return None
    return looked_back(cursor, incremental.lookback)


def is_time(cursor: Any) -> bool:
    """Return whether the canonical *cursor* is a moment or a day."""
    return isinstance(cursor, str) and _TIME.fullmatch(cursor) is not None


def latest(first: Any, second: Any) -> Any:
    """Return the greater of two cursor values of one kind; None is less than anything."""
    if first is None or second is None:
        return first if second is None else second
    if isinstance(first, str) is not isinstance(second, str):
        return second  # the field's type changed: the newer kind counts
    return max(first, second)


def horizon(cursor: str, since: datetime, grain: int) -> str:
    """Return the canonical time before which nothing changes from *since* on, as *cursor* is written.

    The API writes times as multiples of *grain* microseconds: what changes a moment after *since* gets the
    multiple before it. Where they are days, that of *since* has perhaps not begun, or is over, at the API.
    """
    if _is_date(cursor):
        return written(since - _FARTHEST_WEST)[: len(cursor)]
    limit = _floored(since, grain)
    if grain == DAY and cursor > written(limit):
        limit = _floored(since - _LONGEST_DAY, grain)
    return written(limit)


def at_most(cursor: Any, since: datetime) -> Any:
    """Return the canonical *cursor*, or the time before which nothing changes from *since* on."""
    return min(cursor, horizon(cursor, since, 0)) if is_time(cursor) else cursor


def _floored(moment: datetime, grain: int) -> datetime:
    midnight = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    whole = (moment - midnight) // timedelta(microseconds=max(grain, 1))
    return midnight + whole * timedelta(microseconds=max(grain, 1))


def is_before(cursor: str | None, moment: datetime) -> bool:
    """Return whether the canonical time *cursor*, or none at all, is before *moment*."""
    return cursor is None or cursor < written(moment)


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
    return iso(moment)


@dataclass(frozen=True, slots=True)
class Slice:
    """One `[start, end)` window of time between canonical moments, which requests show as *form* says."""

    start: str
    end: str
    form: str = "iso"

    @property
    def shown(self) -> dict[str, Any]:
        """The template root `window`."""
        bounds = (_formatted(_iso(moment_of(moment)), self.form) for moment in self.bounds)
        return dict(zip(("start", "end"), bounds, strict=True))

    def halves(self, smallest: str) -> tuple[Slice, ...]:
        """Return its two halves; none when they were shorter than *smallest*, or the same to the API."""
        start, end = moment_of(self.start), moment_of(self.end)
        half = (end - start) / 2
        if half < parse_duration(smallest):
            return ()
        middle = start + half
        if half >= timedelta(seconds=1):
            middle = middle.replace(microsecond=0)
        halves = tuple(replace(self, **{name: written(middle)}) for name in ("end", "start"))
        return halves if all(part.shown["start"] != part.shown["end"] for part in halves) else ()

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
        found.append(Slice(written(start), written(end), incremental.format))
        start = end
    return found


def resumed(
    parts: Sequence[Slice], part: tuple[str, str] | None, passed: str | None
) -> tuple[list[Slice], bool]:
    """Return what of *parts* is left to read, and whether *part*, which was being read, is the first of it.

    Everything before *passed* is read. The windows of a later run need not be those of the earlier one: the
    last one ended at its present, and some may have been split.
    """
    left = [each for each in parts if passed is None or each.end > passed]
    if part is None or not left:
        return left, part is None
    start, end = part
    if start != (left[0].start if passed is None else passed) or not left[0].start <= start < left[0].end:
        return left, False
    rest = [replace(each, start=max(each.start, end)) for each in left if each.end > end]
    return [replace(left[0], start=start, end=end), *rest], True


def moment_of(canonical: str) -> datetime:
    """Return the moment that the *canonical* timestamp names."""
    return datetime.fromisoformat(canonical)


def written(moment: datetime) -> str:
    """Return *moment* in the fixed-width form whose text order is the order of time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
