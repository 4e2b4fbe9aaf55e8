"""When a sync runs by itself: `every: 15m`, or `cron: "0 6 * * 1-5"` with a `timezone`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, Field

from syncrun.config.scalars import TimeZone

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_INTERVAL = re.compile(
    r"([Ee]very\s+)?((?P<half>half(\s+an?)?)\s+|(?P<count>\d+(\.\d+)?)\s*)?"
    r"(?P<unit>s|m|h|d|w|(second|minute|hour|day|week)s?)",
    re.ASCII,
)
SHORTEST, LONGEST = timedelta(seconds=15), timedelta(days=30)
CRON_FIELDS = 5


class Schedule(Struct, frozen=True):
    """An interval, or a cron expression that is read in a time zone."""

    every: timedelta | None = None
    cron: str = ""
    timezone: str = "UTC"

    def __str__(self) -> str:
        if self.every is None:
            return f"{self.cron} ({self.timezone})"
        seconds = self.every.total_seconds()
        length, unit = next(
            (n, u) for n, u in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")) if not seconds % n or n == 1
        )
        return f"every {seconds / length:g}{unit}"


class Scheduled(Protocol):
    """A model with the three keys that say when."""

    @property
    def every(self) -> str | None: ...  # noqa: D102
    @property
    def cron(self) -> str | None: ...  # noqa: D102
    @property
    def timezone(self) -> str | None: ...  # noqa: D102


def parse_interval(text: str) -> timedelta:
    """Return the length of time between runs: `15m`, `every hour`, `every half hour`, `2 days`.

    Raise ValueError for anything else, and for less than 15 seconds or more than 30 days.
    """
    match = _INTERVAL.fullmatch(text.strip())
    bare = match is not None and len(match["unit"]) == 1 and not match["count"]
    if match is None or bare:
        raise ValueError(f"{text!r} is no interval; write such as 15m, 1h, 7d or every hour")
    count = 0.5 if match["half"] else float(match["count"] or 1)
    try:
        length = timedelta(**{_UNITS[match["unit"][0]]: count})
    except OverflowError:
        length = timedelta.max
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"{text!r} is out of range: from every 15s to every 30d")
    return length


def schedule_of(model: Scheduled) -> Schedule | None:
    """Return when *model* says that its sync runs, None when it says nothing."""
    if model.every is not None:
        return Schedule(every=parse_interval(model.every))
    if model.cron is not None:
        return Schedule(cron=" ".join(model.cron.split()), timezone=model.timezone or "UTC")
    return None


def check_schedule(model: Scheduled) -> None:
    """Raise ValueError for keys that contradict each other."""
    if model.every is not None and model.cron is not None:
        raise ValueError("a schedule is either every or cron, not both")
    if model.timezone is not None and model.cron is None:
        raise ValueError("timezone belongs to cron; the slots of every are counted in UTC")


def _check_interval(text: str) -> str:
    parse_interval(text)
    return text


def _check_cron(text: str) -> str:
    from cronsim import CronSim, CronSimError

    if len(text.split()) != CRON_FIELDS:
        raise ValueError(f"{text!r} is no cron expression; write five fields, such as '0 6 * * 1-5'")
    try:
        next(CronSim(" ".join(text.split()), datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        what = str(error).lower().replace("bad ", "its ", 1)
        raise ValueError(f"{text!r} is no cron expression: {what} is wrong") from None
    except StopIteration:
        raise ValueError(f"{text!r} names a day that never comes") from None
    return text


def _no_numbers(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"{value} is no interval; write such as {value}m")  # noqa: TRY004
    return value


Interval = Annotated[
    str,
    BeforeValidator(_no_numbers, json_schema_input_type=str),
    AfterValidator(_check_interval),
    Field(
        description="How often it runs by itself: 15s to 30d, or in words, such as every hour.",
        examples=["15m", "every hour"],
        json_schema_extra={
            "pattern": r"^\s*([Ee]very\s+)?(\d+(\.\d+)?\s*[smhdw]"
            r"|(\d+(\.\d+)?\s*|half\s+(an?\s+)?)?(second|minute|hour|day|week)s?)\s*$"
        },
    ),
]
Cron = Annotated[
    str,
    AfterValidator(_check_cron),
    Field(
        description="When it runs by itself, as five fields of cron: minute, hour, day, month, weekday.",
        examples=["0 6 * * 1-5"],
    ),
]
ScheduleZone = Annotated[TimeZone, Field(description="The time zone of cron; UTC when absent.")]
