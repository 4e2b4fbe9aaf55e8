"""Numbers of things, amounts of bytes and points in time, as they are told everywhere."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))


def counted(count: int, noun: str) -> str:
    """Return how many there are: `1 record`, `1,200 records`.

    The last word of *noun* is the one that has a plural: `live record`.
    """
    if count == 1:
        return f"1 {noun}"
    many = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {many}"


def size(count: int) -> str:
    """Return a number of bytes: `12 bytes`, `1.5 MiB`."""
    for unit, least in _UNITS:
        if count >= least:
            return f"{count / least:.3g} {unit}"
    return counted(count, "byte")


def iso(at: datetime) -> str:
    """Return a point in time as ISO 8601 in UTC: `2024-05-01T10:00:00Z`; a naive one has no `Z`."""
    return at.isoformat() if at.tzinfo is None else f"{at.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def minute(at: datetime | None) -> str:
    """Return a point in time to the minute, `2024-05-01T10:00Z`; empty when there is none."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if at else ""
