"""How far the cursor of a partition may move on, given how far it was read (R12, R13)."""

from __future__ import annotations

from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.checkpoints import Progress
from syncrun.engine.course import Course
from syncrun.engine.cursors import is_before, is_time, latest


def advance(
    incremental: Incremental, saved: Progress, course: Course, *, whole: bool, listed: bool = False
) -> tuple[Any, Any]:
    """Return the cursor to save after *course*, and the mark that it waits to move to, if it waits.

    *whole* tells that every page was answered and that it ended for a proper reason, *listed* that deletions
    are asked for from the same cursor, and were before the records. Where a record may have
    been passed over, the same is read once more: the cursor moves to the mark of the read before, so that
    each record has been in the way of two reads, and no sync stays where it is for ever.
    """
    mark = _mark(incremental, saved.cursor, course, whole=whole)
    if not whole and mark == saved.cursor:
        return mark, saved.reached
    safe = _safe(incremental, saved, course, mark, listed=listed)
    if latest(safe, mark) == safe:
        return safe, None
    return safe, mark if whole else saved.reached


def _mark(incremental: Incremental, before: Any, course: Course, *, whole: bool) -> Any:
    """Return where to start from after *before*, should no record have been passed over."""
    if incremental.token is not None:
        return course.token if whole and course.token is not None else before
    if incremental.window is not None:
        return latest(before, _mark_of_windows(course, whole=whole))
    if whole or incremental.order == "ascending":
        return latest(before, course.seen.top)
    return before


def _safe(incremental: Incremental, saved: Progress, course: Course, mark: Any, *, listed: bool) -> Any:
    """Return up to where nothing can have been passed over, if the read ends at *mark*.

    Where others than times are cursors, all that is yet to change gets a greater one than any that a read
    before this one has seen, or the first page of this one, which is one moment.
    """
    seen, ordered = course.seen, incremental.order == "ascending"
    before, once_more = saved.cursor, latest(saved.cursor, saved.reached)
    # a time window is read once more by the run that has gone on with it
    if seen.doubt or (course.shifted and not course.is_windowed):
        return _later(before, saved.reached)
    if listed and incremental.token is None and not is_time(mark):
        return once_more  # what was deleted since the list was read is less than what was seen after it
    if incremental.token is not None or is_time(mark) or not seen.several:
        return mark
    if seen.numbered:  # nothing tells whether a record has slipped past
        return latest(once_more, seen.first) if ordered else once_more
    return mark if ordered else latest(once_more, seen.first)


def _later(before: Any, reached: Any) -> Any:
    """Return *reached*, which a response token cannot be compared for, if there is one."""
    return before if reached is None else reached


def _mark_of_windows(course: Course, *, whole: bool) -> Any:
    """Return the newest record of the windows that were read, or the end of the last one if they had none.

    The last window ends at our present, where the server's clock and late writers may still be before it.
    """
    begun = [part.start for part in course.parts if is_before(part.start, course.started)]
    last = begun[-1] if begun else None
    end = last if whole or not is_before(course.passed, course.started) else course.passed
    newest = course.seen.top
    if not is_time(newest):
        return end
    return newest if whole or end is None else min(newest, end)
