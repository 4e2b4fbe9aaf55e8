"""The enumeration of one partition: which pages to fetch, and what is known after each of them.

`pages` runs in a worker thread and only fetches; `take` runs in the run's own thread, page by page in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from secrets import token_hex
from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.advance import advance
from syncrun.engine.checkpoints import Progress, Resume
from syncrun.engine.closing import Closing, up_to_now
from syncrun.engine.course import Course
from syncrun.engine.cursors import Slice, at_most, is_time, latest
from syncrun.engine.deleted_feed import DeletedFeed
from syncrun.engine.plan import Mode, Partition
from syncrun.engine.searches import Searches
from syncrun.engine.walk import Begun, Fetch, Taken, is_cut_short, walk
from syncrun.errors import RequestError, RunError
from syncrun.extract.fetch import Fetched
from syncrun.paginators.base import End, PageState, Pagination
from syncrun.transform.watermark import Progress as Values
from syncrun.wording import counted


class Reading:
    """Progress through one partition."""

    def __init__(
        self,
        partition: Partition,
        saved: Progress,
        *,
        mode: Mode,
        definition: str,
        incremental: Incremental | None,
        fetch: Fetch,
        context: Mapping[str, Any],
        now: datetime,
        window: str | None = None,
        parts: Sequence[Slice] = (),
        feed: DeletedFeed | None = None,
        pagination: Pagination | None = None,
        resumable: bool = True,
        mapping: str | None = None,
        told: bool = False,
        since: Any = None,
        clock: Callable[[], datetime] | None = None,
        searches: Searches | None = None,
    ) -> None:
        self.start: Any = None
        self.partition, self.saved, self.mode, self.definition = partition, saved, mode, definition
        self.context, self.since = context, since
        self.end: End | None = None
        self.skipped = False
        self._incremental, self._fetch, self._feed = incremental, fetch, feed
        self._resumable, self._mapping, self._told = resumable, mapping, told
        self._share: float | None = None
        self._kept = False
        self.told, self.entries, self.told_before = "", 0, False
        self._list_end: End | None = None
        self._list_error: RunError | None = None
        self._deleted_to: Any = None
        self._unlisted = False
        resume = saved.resume
        fits = resume is not None and resume.fits(mode, definition, window) and self._knows_list(resume)
        self._course = Course(incremental, parts, now, pagination, resume if fits else None)
        self._searches, self._tie = searches, None
        if searches is not None and self._course.searched is not None:
            self._search_from(searches, searches.after(self._course.searched, context))
        self._closing = self._closing_of(incremental, clock)
        self._read_to: End | None = None
        self.nameless = (resume.nameless if resume is not None and fits else None) or 0
        self._begin_list(resume if fits else None)

    @property
    def restarted(self) -> bool:
        """Whether it is read from its beginning: what an earlier run saw of it in the same window is old."""
        return self._course.anew and not self._kept and not self.skipped

    def _knows_list(self, resume: Resume) -> bool:
        """Return whether *resume* may be gone on with: a list that is read now knows less than one from then.

        A record may have been on a page that was read before, and have been there again since its deletion.
        """
        undated = self._feed is not None and not self._feed.dated
        return not undated or bool(resume.told) or self.mode == "full"

    def _begin_list(self, resume: Resume | None) -> None:
        """Find out whether the list of deletions is to be read, was read before, or does not count."""
        if self._feed is None:
            return
        if resume is None or self._feed.dated:
            self.told = token_hex(8)
        elif resume.told:
            self.told, self.told_before = resume.told, True
            self._list_end = End(complete=True, reason="the list was read before")
        else:
            self._unlisted = True

    @property
    def records_read(self) -> bool:
        """Whether all records are read, although the list of deletions may not be."""
        return self._read_to is not None and self._read_to.complete and not self.skipped

    def _verdict(self) -> End | None:
        """Return how records and list ended, once the records have."""
        if self._list_error is not None:
            return End(complete=False, reason=self._list_error.message)
        if self._read_to is not None and self._list_end is not None and not self._list_end.complete:
            return self._list_end
        return self._read_to

    def _closing_of(
        self, incremental: Incremental | None, clock: Callable[[], datetime] | None
    ) -> Closing | None:
        """Return how a complete read of time windows ends; None where it deletes nothing."""
        course = self._course
        if clock is None or incremental is None or not (course.is_windowed and course.parts):
            return None
        return Closing(course.began_at, clock, incremental.format, incremental.cap)

    @property
    def share(self) -> float | None:
        """How much of the partition has been read, from 0 to 1; None when the API does not say."""
        if self.end is not None:
            return 1.0
        return None if self._course.parts or self._feed else self._share

    @property
    def complete(self) -> bool:
        """Whether every page was answered and the enumeration ended for a proper reason (R7)."""
        return self.end is not None and self.end.complete

    @property
    def done(self) -> bool:
        """Whether nothing is missing: read completely, or rightly left out."""
        return self.complete or self.skipped

    @property
    def shifted(self) -> str:
        """Where it went on at a page that may have moved; empty when it did not."""
        return self.saved.shifted or "" if self._kept else self._course.shifted

    @property
    def unseen(self) -> str:
        """Why records that moved while it was read may not have been seen; empty when they were."""
        return self._course.unseen

    @property
    def has_gaps(self) -> bool:
        """Whether it has come to its end, and may have passed over records.

        A time window is read once more where it went on.
        """
        return self.complete and bool(self.shifted) and not self._course.is_windowed

    @property
    def went_on_from(self) -> datetime | None:
        """When the earlier enumeration began that it has finished; None when it has not."""
        return self._course.went_on_from if self.complete and not self._kept else None

    @property
    def counted(self) -> bool:
        """Whether pages are numbered and there was more than one: records may slip past (R32)."""
        return bool(self.saved.counted) if self._kept else self._course.counted

    @property
    def drift(self) -> str:
        """Why records may have slipped past; empty when nothing shows that."""
        return self.saved.drift or "" if self._kept else self._course.drift

    @property
    def slices(self) -> int:
        """How many time windows there are to read; 0 for a sync without."""
        return len(self._course.parts)

    def pages(self) -> Iterator[Taken | Begun]:
        """Yield the list of deletions, then the partition's pages, from where an earlier run stopped.

        The list comes first: what is there when the records are read is there, whatever the list says (R33),
        and what is deleted after the list was read comes with the next one. Where it cannot be read the
        records are, and what was wrong is raised in the end.
        """
        course = self._course
        if self._feed is not None and self.told and self._list_end is None:
            yield from self._list(self._feed)
        last: Taken | Begun | None = None
        for last in walk(
            self._fetch,
            self.context,
            course.place,
            incremental=self._incremental,
            parts=course.parts,
            more=self._closing is not None,
            cap=self._incremental.cap if self._incremental and self._searches else None,
            forgotten=course.forget_place,
        ):
            yield last
        if self._closing is not None and not (isinstance(last, Taken) and is_cut_short(last.fetched.next)):
            yield from up_to_now(self._fetch, self.context, self._closing)
        if self._list_error is not None:
            raise self._list_error

    def _list(self, feed: DeletedFeed) -> Iterator[Taken]:
        try:
            for fetched in feed.fetch(self.context, None):
                if isinstance(fetched, Fetched):
                    yield Taken(fetched, feed=True)
        except RunError as error:
            if not self.has_expired(error):
                self._list_error = error
            elif self.mode == "incremental":
                raise  # everything is read again (R16)
            else:
                self._list_end = End(complete=True, reason="all is read, which shows what is gone")

    def has_expired(self, error: RunError) -> bool:
        """Return whether the API no longer knows the cursor that it was asked with."""
        if self.saved.cursor is None or not isinstance(error, RequestError):
            return False
        declared = self._incremental.expired if self._incremental is not None else None
        return error.then == "reset" or (declared is not None and error.status in declared.statuses)

    def begin(self, begun: Begun) -> None:
        """Note that an export is being prepared, which no other run has to ask for again."""
        self._course.begin(begun)

    def forget_job(self) -> None:
        """Note that there is nothing to wait for any more: the next run asks for another export."""
        self._course.forget_job()

    def take(self, taken: Taken, values: Values) -> None:
        """Note that a page is staged, and the cursor *values* of all its records (R14)."""
        self._share = taken.fetched.share
        if self._searches is not None and taken.fetched.page.records:
            self._tie = self._searches.tie_of(taken.fetched.page)
        end = self._course.take(taken, values)
        if end is not None and not end.complete:
            self.end = end
        elif end is not None and taken.last_part:
            self._read_to = end
            self.end = self._verdict()

    def take_list(self, fetched: Fetched, watermark: Any, *, entries: int, rejected: int) -> None:
        """Note that a page of the list of deletions is staged: its entries, and the time of the newest."""
        self.entries += entries
        self._course.take_list(fetched)
        self._deleted_to = latest(self._deleted_to, watermark)
        end: PageState | End = fetched.next
        if rejected:
            bad = counted(rejected, "entry")
            end = End(
                complete=False, reason=f"deletes.request: {bad} cannot be read, and will be asked for again"
            )
        if isinstance(end, End) and (self._list_end is None or self._list_end.complete):
            self._list_end = end

    def keep(self) -> None:
        """Count the partition as read, because an earlier run of the same snapshot has read it to its end."""
        self._kept = True
        self.nameless = self.saved.nameless or 0
        self.end = End(complete=True, reason="it was read before")

    def _search_from(self, searches: Searches, context: Mapping[str, Any]) -> None:
        self.context, self._fetch = context, searches.fetch

    def goes_on(self) -> bool:
        """Return whether another search has to be made, because the last one gave all that it gives."""
        if self._searches is None or not self._course.capped:
            return False
        position = (self._course.seen.greatest, self._tie)
        following = self._searches.next(position, self.context)
        if isinstance(following, End):
            self.end = following
            return False
        self._search_from(self._searches, following)
        self._course.search_on(position)
        return True

    def finish(self) -> None:
        """Note that there are no more pages: complete, unless a page said otherwise."""
        if self.end is None:
            self._read_to = self._read_to or End(complete=True, reason="there was nothing to read")
            self.end = self._verdict()

    def stop(self, reason: str, hint: str = "") -> None:
        """End the enumeration as incomplete."""
        self.end = End(complete=False, reason=reason, hint=hint)

    def skip(self, reason: str) -> None:
        """Leave the partition out: its records are neither read nor deleted, and the run stays complete."""
        self.skipped = True
        self.stop(reason)

    @property
    def waits(self) -> bool:
        """Whether its cursor waits for another read, because this one may have passed over a record."""
        return self.complete and bool(self.shifted or self.doubt) and self.progress(None).reached is not None

    @property
    def doubt(self) -> str:
        """What happened while it was read that lets a record slip past; empty when nothing did."""
        return self._course.seen.doubt

    @property
    def moves(self) -> bool:
        """Whether it read something that is newer than its cursor."""
        now = self.progress(None)
        return (now.cursor, now.reached) != (self.saved.cursor, self.saved.reached)

    def progress(self, window: str | None) -> Progress:
        """Return what to save now; *window* is the snapshot window of a complete enumeration (R13)."""
        if self.skipped or self._kept:
            kept = replace(self.saved, resume=None)
            gone = replace(kept, window=None, shifted=None, counted=None, drift=None, nameless=None)
            return kept if window else gone
        everything = self.mode == "full" or self.saved.cursor is None
        all_read = everything and self.complete and not self.shifted
        mapping = self.saved.mapping_after(self._mapping, some=self._course.taken, every=all_read)
        saved = replace(
            self.saved,
            resume=None,
            window=None,
            shifted=None,
            counted=None,
            drift=None,
            nameless=None,
            mapping=mapping,
        )
        if self._incremental is not None:
            cursor, reached = self._advance(self._incremental)
            saved = replace(saved, cursor=cursor, reached=reached, deletions=self._deletions())
        if self.end is None:
            return replace(saved, resume=self._place(saved.cursor, window))
        if self.end.complete:
            if window:
                saved = replace(
                    saved,
                    window=window,
                    shifted=self.shifted or None,
                    counted=self.counted or None,
                    drift=self.drift or None,
                )
            # what it may have passed over is looked for although its parents have not changed
            parents = None if self.shifted or self.drift else self.partition.seq or None
            nameless = (window and self.nameless) or None
            return replace(saved, nameless=nameless, parents_seq=parents)
        return replace(saved, resume=self._export(None)) if self._course.job is not None else saved

    def _export(self, window: str | None) -> Resume:
        return self._course.export(self.mode, self.definition, window)

    def _place(self, cursor: Any, window: str | None) -> Resume | None:
        """Return where the next run goes on when this one saves *cursor*."""
        course = self._course
        if not self._resumable:  # older versions of what is already stored would come after it
            return None if course.job is None else self._export(window)
        if not (course.taken or course.begun):
            return course.stopped  # its turn has not come, or the API did not answer
        if not course.is_under_way:
            return None
        moved = self.mode == "incremental" and not course.is_windowed and cursor != self.saved.cursor
        if moved and course.job is None:
            return None  # the next run asks from the new cursor: the place is one in the list of the old one
        told = self.told if self._is_listed else ""
        place = course.resume(self.mode, self.definition, window, told=told)
        return replace(place, nameless=self.nameless or None)

    @property
    def _is_listed(self) -> bool:
        """Whether the list of deletions is read to its end, and all of it is understood."""
        return self._list_error is None and self._list_end is not None and self._list_end.complete

    def _deletions(self) -> Any:
        """Return where the next list of dated deletions begins: not after what this one could have missed.

        What is deleted after the records of the read before were read is newer than the cursor of then.
        """
        if self._feed is None or not self._feed.dated:
            return self.saved.deletions
        asked = self.saved.cursor if self.saved.deletions is None else self.saved.deletions
        if not (self._is_listed and self.records_read):
            return asked
        newest = self._deleted_to if is_time(self._deleted_to) else None
        known = latest(asked, newest and at_most(newest, self._course.started))
        return latest(known, self.saved.cursor)

    def _advance(self, incremental: Incremental) -> tuple[Any, Any]:
        """Return the cursor to save, and the mark that it waits to move to, if it waits."""
        before = self.saved.cursor
        # a list of what is there does not tell what went: only the changes since the cursor do
        untold = self._told and self.mode == "full" and before is not None
        # what was lost, or is not yet known to be deleted, has to come again
        dated = self._feed is not None and self._feed.dated
        undated = self._feed is not None and not dated
        missing = not self.complete and (bool(self._course.lost) or undated)
        if untold or missing or self._unlisted:
            return before, self.saved.reached
        whole = self.records_read if dated else self.complete
        return advance(incremental, self.saved, self._course, whole=whole, listed=undated)


def went_on(readings: Iterable[Reading]) -> str:
    """Return where *readings* went on at a page that may have moved, as the end of a sentence."""
    first, *others = [reading.shifted for reading in readings if reading.shifted]
    more = f", as {counted(len(others), 'more partition')} did" if others else ""
    return f"this one went on at {first}{more}, and numbered pages shift when records go"


def why_waiting(readings: Iterable[Reading]) -> str:
    """Return why cursors of *readings* do not move although all was read; empty when they do."""
    waiting = [reading for reading in readings if reading.waits]
    if not waiting:
        return ""
    if any(reading.shifted for reading in waiting):
        return f"the cursor waits for the next read: {went_on(waiting)}"
    slip = "so that one may have slipped past between numbered pages"
    return f"the cursor waits for the next read: {waiting[0].doubt}, {slip}"
