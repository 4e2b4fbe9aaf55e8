"""How far the cursor of a partition may move on, given how far it was read (R12, R13)."""

from __future__ import annotations

from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.checkpoints import latest
from syncrun.engine.course import Course
from syncrun.engine.cursors import is_before


def mark_after(incremental: Incremental, before: Any, course: Course, *, whole: bool) -> Any:
    """Return the mark that is safe to start from after *before*: the maximum only if nothing is behind it.

    *whole* tells that every page of *course* was answered and that it ended for a proper reason.
    """
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
