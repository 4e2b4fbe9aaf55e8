"""Timestamps, dates and times of day: from what APIs write to the one form that is staged.

Staged forms have a fixed width, so that the order of texts is the order of times:
`2024-05-01T12:00:00.000000Z` (always UTC), `2024-05-01`, `12:00:00.000000`. Digits beyond microseconds are
cut.
"""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from syncrun.expressions.times import parse_as
from syncrun.transform.exact import exact_number
from syncrun.transform.invalid import Invalid, describe

_ISO = re.compile(
    r"(?P<year>\d{4})-?(?P<month>\d\d)-?(?P<day>\d\d)"
    r"(?:[Tt ]\s*(?P<hour>\d\d):?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"\s*(?P<offset>[Zz]|UTC|GMT|[+-]\d\d(?::?\d\d(?::?\d\d)?)?)?)?",
    re.ASCII,
)
_TIME = re.compile(
    r"(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?(?:[Zz]|[+-]00:?00)?",
    re.ASCII,
)
_MAIL = re.compile(r"(?:[A-Za-z]{3}, +)?\d{1,2} +[A-Za-z]{3} +\d{4} +\d\d:\d\d(?::\d\d)?(?: +\S+)?", re.ASCII)
_LONG_YEAR = re.compile(r"[+-]?\d{5,}-\d\d-\d\d|-\d{4}-\d\d-\d\d", re.ASCII)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECONDS = {"epoch": 1_000_000, "epoch_ms": 1_000}
_UNITS = {"epoch": "seconds", "epoch_ms": "milliseconds"}
_RANGE = "is outside the years 1 to 9999"

_SHORTEST, _WIDTH = 20, 27  # characters of a timestamp without and with microseconds
_KNOWS_24 = sys.version_info >= (3, 14)  # where 24:00 is midnight of the next day
_MOST_DIGITS = 18  # of an epoch; more are far beyond the year 9999

fromisoformat = dt.datetime.fromisoformat


def timestamp_converter(form: str | None, zone: dt.tzinfo) -> Callable[[Any], str]:
    """Return the function from a JSON value to a staged timestamp; *zone* is that of times without offset.

    *form* is None or `iso` (ISO 8601 and its usual variants, RFC 2822), `epoch`, `epoch_ms`, or a strptime
    format.
    """
    read = _reader(form, zone, "timestamp")

    def convert(value: Any) -> str:
        return stamp(read(value), value)

    def convert_iso(value: Any) -> str:
        return plain_timestamp(value) or stamp(read(value), value)

    return convert_iso if form in (None, "iso") else convert


def plain_timestamp(value: Any) -> str | None:
    """Return the staged form of what nearly every API sends: `2024-05-01T12:00:00Z`, perhaps with a fraction.

    The shape is checked because fromisoformat, which checks the digits, takes far more than that.
    """
    if value.__class__ is not str:
        return None
    marks = value[4:20:3]
    if marks == "--T::Z" and len(value) == _SHORTEST:
        staged = value.replace("Z", ".000000Z")
    elif marks == "--T::." and _SHORTEST < len(value) <= _WIDTH and value[-1] == "Z":
        staged = value[:-1].ljust(_WIDTH - 1, "0") + "Z"
    else:
        return None
    try:
        fromisoformat(value)
    except ValueError:
        return None
    return None if _KNOWS_24 and value[11:13] == "24" else staged


def date_converter(form: str | None, zone: dt.tzinfo) -> Callable[[Any], str]:
    """Return the function from a JSON value to a staged date; of times, only a midnight is a date."""
    read = _reader(form, zone, "date")
    local = form in _UNITS

    def convert(value: Any) -> str:
        moment = read(value)
        if local:
            moment = moment.astimezone(zone)
        if moment.time() != dt.time(0):
            raise Invalid(f"expected a date, got {describe(value)}, which has a time of day")
        return moment.date().isoformat()

    return convert


def time_converter(form: str | None) -> Callable[[Any], str]:
    """Return the function from a JSON value to a staged time of day, which has no offset but UTC."""

    def convert(value: Any) -> str:
        try:
            if isinstance(value, dt.time):
                return value.isoformat("microseconds")[:15]
            if form not in (None, "iso"):
                return parse_as(str(form), _text(value)).time().isoformat("microseconds")
            match = _TIME.fullmatch(_text(value))
            if match is not None:
                time = dt.time(int(match["hour"]), int(match["minute"]), int(match["second"] or 0))
                return time.replace(microsecond=_microseconds(match["fraction"])).isoformat("microseconds")
        except ValueError:
            pass
        raise Invalid(f"expected a time of day{_like(form)}, got {describe(value)}")

    return convert


def stamp(moment: dt.datetime, value: Any) -> str:
    """Return *moment* as a staged timestamp; *value* is what messages show."""
    try:
        return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")[:26] + "Z"
    except OverflowError:
        raise Invalid(f"{describe(value)} {_RANGE}") from None


def _reader(form: str | None, zone: dt.tzinfo, name: str) -> Callable[[Any], dt.datetime]:
    """Return the function from a JSON value to an aware datetime in the offset it was written in."""

    def read(value: Any) -> dt.datetime:
        if isinstance(value, dt.datetime):  # from a hook
            return value if value.tzinfo else value.replace(tzinfo=zone)
        if isinstance(value, dt.date):
            return dt.datetime.combine(value, dt.time(0), zone)
        if form in _UNITS:
            return _from_epoch(value, str(form))
        try:
            moment = _parse(_text(value), form)
        except OverflowError:
            raise Invalid(f"{describe(value)} {_RANGE}") from None
        except ValueError:
            raise _refusal(value, form, name) from None
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)

    return read


def _parse(text: str, form: str | None) -> dt.datetime:
    return parse_iso(text) if form is None or form == "iso" else parse_as(form, text)


def parse_iso(text: str) -> dt.datetime:
    """Return the time that *text* names in ISO 8601 or RFC 2822, naive without offset; raise ValueError.

    Also taken: a space for the T, offsets without colon, a date alone (midnight), 24:00, and a leap second,
    which is the first second of the next minute.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        if _LONG_YEAR.match(text):
            raise OverflowError(_RANGE)
        if _MAIL.fullmatch(text):
            return parsedate_to_datetime(text)
        raise ValueError(text)
    if match["year"] == "0000":
        raise OverflowError(_RANGE)
    day_ends = match["hour"] == "24" and match["minute"] == "00" and match["second"] in (None, "00")
    leaps = match["second"] == "60"
    moment = dt.datetime(
        int(match["year"]),
        int(match["month"]),
        int(match["day"]),
        0 if day_ends else int(match["hour"] or 0),
        int(match["minute"] or 0),
        59 if leaps else int(match["second"] or 0),
        _microseconds(match["fraction"]),
        _offset(match["offset"]),
    )
    return moment + dt.timedelta(days=day_ends, seconds=leaps)


def _offset(text: str | None) -> dt.tzinfo | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return dt.UTC
    digits = text[1:].replace(":", "").ljust(6, "0")
    length = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:4]), seconds=int(digits[4:]))
    return dt.timezone(-length if text[0] == "-" else length)


def _microseconds(digits: str | None) -> int:
    return int(digits[:6].ljust(6, "0")) if digits else 0


def _from_epoch(value: Any, form: str) -> dt.datetime:
    number = exact_number(value)
    if number is None:
        raise Invalid(f"expected {_UNITS[form]} since 1970, got {describe(value)}")
    try:
        if number.adjusted() < _MOST_DIGITS:
            return _EPOCH + dt.timedelta(microseconds=int(number * _MICROSECONDS[form]))
    except OverflowError:
        pass
    raise Invalid(f"{describe(value)} {_RANGE}")


def _text(value: Any) -> str:
    """Return the text that *value* is, for functions whose ValueError means that it is no time."""
    if isinstance(value, str):
        return value.strip()
    raise ValueError(value)


def _like(form: str | None) -> str:
    return "" if form in (None, "iso") else f" like {form}"


def _refusal(value: Any, form: str | None, name: str) -> Invalid:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    advice = " (format: epoch or epoch_ms reads numbers)" if number else ""
    return Invalid(f"expected a {name}{_like(form)}, got {describe(value)}{advice}")
