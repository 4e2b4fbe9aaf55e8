"""Lengths of time as people write them: `500ms`, `15s`, `10m`, `1.5h`, `30d`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m|h|d|w)", re.ASCII)
_MOST_SECONDS = 36_500 * 86_400
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}


def parse_duration(text: str) -> timedelta:
    """Return the length of time that *text* names: `500ms`, `15s`, `10m`, `1.5h`, `30d`, `2w`.

    Raise ValueError for anything else, and for more than a hundred years: no date lies so far off.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no duration; write a number and ms, s, m, h, d or w, such as 15m")
    seconds = float(match["count"]) * _UNITS[match["unit"]]
    if seconds > _MOST_SECONDS:
        raise ValueError(f"{text!r} is too long a duration; the longest is 36500d, a hundred years")
    return timedelta(seconds=seconds)
