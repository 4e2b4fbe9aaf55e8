"""How far the cursor of a partition may move on, given how far it was read (R12, R13)."""

from __future__ import annotations

from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.checkpoints import Progress, latest
from syncrun.engine.course import Course
from syncrun.engine.cursors import is_before


def advance(incremental: Incremental, saved: Progress, course: Course, *, whole: bool) -> tuple[Any, Any]:
    """Return the cursor to save after *course*, and the mark that it waits to move to, if it waits.

    *whole* tells that every page was answered and that it ended for a proper reason. A list that went on at a
    page that may have moved has perhaps passed over a record: it is read from the same cursor once more. If
    that read goes on at such a page as well, the cursor moves to the mark of the first one: each record has
    been in the way of two reads, and no sync stays where it is for ever.
    """
    before, mark = saved.cursor, _safe_mark(incremental, saved.cursor, course, whole=whole)
    # a time window is read once more by the run that has gone on with it
    if mark == before or not course.shifted or course.is_windowed:
        return mark, None if whole or mark != before else saved.reached
    if not whole:
        return before, saved.reached
    return (before if saved.reached is None else saved.reached), mark


def _safe_mark(incremental: Incremental, before: Any, course: Course, *, whole: bool) -> Any:
    """Return the mark that is safe to start from after *before*: the maximum only if nothing is behind it."""
    if incremental.token is not None:
        return course.token if whole and course.token is not None else before
    if incremental.window is not None:
        return latest(before, _end_of_windows(course, whole=whole))
    if whole or incremental.order == "ascending":
        return latest(before, course.watermark)
    return before


def _end_of_windows(course: Course, *, whole: bool) -> Any:
    """Return the end of the last window that is in the past, or the newest record of the one that is not.

    The last window ends at our present, where the server's clock and late writers may still be before it.
    """
    begun = [part.start for part in course.parts if is_before(part.start, course.started)]
    last = begun[-1] if begun else None
    if not whole:
        return course.passed if is_before(course.passed, course.started) else last
    return latest(last, course.watermark)
