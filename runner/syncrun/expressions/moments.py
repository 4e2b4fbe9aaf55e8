"""Points in time as people write them: `2024-05-01`, `2024-05-01T12:00:00Z`, or `2h` for two hours ago."""

from __future__ import annotations

from datetime import UTC, datetime

from syncrun.expressions.durations import parse_duration


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the time that *text* names, aware; one without an offset is in UTC, a length is before *now*.

    Raise ValueError for anything else.
    """
    text = text.strip()
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - parse_duration(text)
        except (ValueError, OverflowError):
            raise ValueError(
                f"{text!r} is no time; write such as 2024-05-01, 2024-05-01T12:00Z, or 2h for two hours ago"
            ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
