"""The enumeration of one partition: which pages to fetch, and what is known after each of them.

`pages` runs in a worker thread and only fetches; `take` runs in the run's own thread, page by page in order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.checkpoints import Progress, Resume, latest
from syncrun.engine.cursors import Slice, at_most, is_before, is_time, looked_back, resumed
from syncrun.engine.plan import Mode, Partition
from syncrun.engine.walk import Begun, Fetch, Place, Taken, walk
from syncrun.expressions.compile import compile_expression
from syncrun.extract.fetch import Fetched
from syncrun.paginators.base import End, PageState, Pagination
from syncrun.wording import iso


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
        feed: Fetch | None = None,
        pagination: Pagination | None = None,
        resumable: bool = True,
        mapping: str | None = None,
        told: bool = False,
    ) -> None:
        self.partition, self.saved, self.mode, self.definition = partition, saved, mode, definition
        self.context, self._started = context, now
        self.end: End | None = None
        self.skipped = False
        self._incremental, self._fetch, self._parts, self._feed = incremental, fetch, parts, feed
        self._resumable, self._pagination, self._mapping, self._told = resumable, pagination, mapping, told
        self.shifted = ""
        self._read_to: End | None = None
        self._lost = ""
        self._watermark: Any = None
        self._position: PageState | None = None
        self._part: Slice | None = None
        self._passed: str | None = None
        self._token: Any = None
        self._detected: Pagination | None = None
        self._taken = 0
        self._job: Mapping[str, Any] | None = None
        self._begun = False
        self._share: float | None = None
        self._kept = False
        self._resume = self._usable(saved.resume, window)
        if self._resume is not None:
            self._go_on(self._resume)
        self._token_of = compile_expression(incremental.token) if incremental and incremental.token else None

    def _usable(self, resume: Resume | None, window: str | None) -> Resume | None:
        """Return *resume* when this enumeration is the one that it stopped in.

        A complete read that goes on may delete what its window has not seen, so it has to be that window.
        """
        if resume is None or (resume.mode, resume.definition) != (self.mode, self.definition):
            return None
        return resume if self.mode == "incremental" or resume.window == window else None

    def _go_on(self, resume: Resume) -> None:
        self._watermark, self._passed = resume.watermark, resume.passed
        if resume.started is not None:
            self._started = datetime.fromisoformat(resume.started)
        self._token, self._lost, self._detected = resume.token, resume.lost, resume.pagination
        if resume.listed:
            self._read_to = End(complete=True, reason="the records were read before")
        self._parts, same = resumed(self._parts, resume.part, resume.passed)
        if same:  # a page of another time window would be a page of another list
            self._position = resume.page if resume.page != PageState() else None
            self._job = resume.job
        self.shifted = resume.shifted or self._shifting()

    def _shifting(self) -> str:
        """Return where the enumeration goes on, when that may be another page than the one it stopped at.

        What an export holds does not change any more.
        """
        pagination = self._detected or self._pagination
        if self._position is None or self._job is not None or pagination is None:
            return ""
        return f"page {self._position.number + 1}" if pagination.shifts(self._position) else ""

    @property
    def since(self) -> Any:
        """The cursor below which records have not moved, for an API that cannot filter (`filter: client`)."""
        if self._incremental is None or self._incremental.filter != "client" or self.mode != "incremental":
            return None
        if self.saved.cursor is None:
            return None
        return looked_back(self.saved.cursor, self._incremental.lookback)

    @property
    def share(self) -> float | None:
        """How much of the partition has been read, from 0 to 1; None when the API does not say."""
        if self.end is not None:
            return 1.0
        return None if self._parts or self._feed else self._share

    @property
    def complete(self) -> bool:
        """Whether every page was answered and the enumeration ended for a proper reason (R7)."""
        return self.end is not None and self.end.complete

    @property
    def done(self) -> bool:
        """Whether nothing is missing: read completely, or rightly left out."""
        return self.complete or self.skipped

    @property
    def slices(self) -> int:
        """How many time windows there are to read; 0 for a sync without."""
        return len(self._parts)

    def pages(self) -> Iterator[Taken | Begun]:
        """Yield the partition's pages, from where an interrupted enumeration stopped, then its deletions.

        Deletions come last: what is deleted while the records are read is then not behind the new cursor.
        """
        if self._is_windowed or self._read_to is None:
            yield from walk(
                self._fetch,
                self.context,
                Place(self._position, self._detected, self._job),
                incremental=self._incremental,
                parts=self._parts,
                forgotten=self._forget_place,
            )
        if self._feed is not None:
            for fetched in self._feed(self.context, None):
                if isinstance(fetched, Fetched):
                    yield Taken(fetched, feed=True)

    @property
    def _is_windowed(self) -> bool:
        return self._incremental is not None and self._incremental.window is not None

    def _forget_place(self) -> None:
        before, self._resume = self._resume, None
        if not self._is_windowed:  # windows that were read to their end stay read
            self._token, self._lost, self.shifted = None, "", ""
        elif before is not None:
            self.shifted = before.shifted

    def begin(self, begun: Begun) -> None:
        """Note that an export is being prepared, which no other run has to ask for again."""
        self._job, self._part, self._position, self._begun = begun.job, begun.part, None, True

    def forget_job(self) -> None:
        """Note that there is nothing to wait for any more: the next run asks for another export."""
        self._job = self._position = None
        if self._resume is not None:
            self._resume = replace(self._resume, job=None, page=PageState())

    def take(self, taken: Taken, watermark: Any) -> None:
        """Note that a page is staged, and the greatest cursor value in it (R14)."""
        self._taken += 1
        following = taken.fetched.next
        self._detected = taken.fetched.detected or self._detected
        self._lost = self._lost or taken.fetched.lost
        self._share = taken.fetched.share
        if taken.feed:
            if isinstance(following, End):
                self.end = self._read_to if following.complete else following
            return
        self._watermark = latest(self._watermark, watermark)
        if self._token_of is not None:
            token = self._token_of(taken.fetched.page.body)
            self._token = token if token not in (None, "") else self._token
        self._part = taken.part
        if taken.again is not None:
            self._part, self._position, self._job = taken.again, None, None
            return
        if not isinstance(following, End):
            self._position = following
            return
        self._position = self._part = self._job = None
        if following.complete and self._lost:
            following = End(complete=False, reason=self._lost)
        if not following.complete:
            self.end = following
            return
        self._passed = taken.part.end if taken.part else None  # this window is done
        if taken.last_part:
            self._read_to = following
            self.end = following if self._feed is None else None

    def keep(self) -> None:
        """Count the partition as read, because an earlier run of the same snapshot has read it to its end."""
        self._kept, self.shifted = True, self.saved.shifted or ""
        self.end = End(complete=True, reason="it was read before")

    def finish(self) -> None:
        """Note that there are no more pages: complete, unless a page said otherwise."""
        if self.end is None:
            self.end = self._read_to or End(complete=True, reason="there was nothing to read")

    def stop(self, reason: str) -> None:
        """End the enumeration as incomplete."""
        self.end = End(complete=False, reason=reason)

    def skip(self, reason: str) -> None:
        """Leave the partition out: its records are neither read nor deleted, and the run stays complete."""
        self.skipped = True
        self.stop(reason)

    def progress(self, window: str | None) -> Progress:
        """Return what to save now; *window* is the snapshot window of a complete enumeration (R13)."""
        if self.skipped or self._kept:
            kept, shifted = window and self.saved.window, window and self.saved.shifted
            return replace(self.saved, resume=None, window=kept, shifted=shifted)
        cursor, mapping = self._cursor(), self._mapping_of_all()
        saved = replace(self.saved, cursor=cursor, resume=None, window=None, shifted=None, mapping=mapping)
        if self.end is None:
            return replace(saved, resume=self._place(saved.cursor, window))
        if self.end.complete:
            shifted = (window and self.shifted) or None
            return replace(saved, window=window, shifted=shifted, parents_seq=self.partition.seq or None)
        return replace(saved, resume=self._begun_export(None)) if self._job is not None else saved

    def _mapping_of_all(self) -> str | None:
        """Return the fingerprint of the mapping that all records have now; "" when there are several."""
        before, everything = self.saved.mapping, self.mode == "full" or self.saved.cursor is None
        if self._mapping is None or (everything and self.complete):
            return self._mapping
        if not self._taken or before == self._mapping:
            return before
        return self._mapping if before is None else ""

    def _begun_export(self, window: str | None) -> Resume:
        """Return the export that is being read, for the next run to read from its first page on.

        A snapshot that has seen its pages may end with this run; the next one then has to see them all.
        """
        return Resume(
            self.mode,
            PageState(),
            self.definition,
            started=iso(self._started),
            part=self._part.bounds if self._part is not None else None,
            window=window,
            job=self._job,
        )

    def _place(self, cursor: Any, window: str | None) -> Resume | None:
        """Return where the next run goes on when this one saves *cursor*."""
        if not self._resumable:  # older versions of what is already stored would come after it
            return None if self._job is None else self._begun_export(window)
        if self._taken == 0 and not self._begun:
            return self._resume  # its turn has not come, or the API did not answer
        listed = self._read_to is not None and not self._is_windowed
        if not (self._position or self._part or self._passed or self._job or listed):
            return None
        moved = self.mode == "incremental" and not self._is_windowed and cursor != self.saved.cursor
        if moved and self._job is None:
            return None  # the next run asks from the new cursor: the place is one in the list of the old one
        return Resume(
            self.mode,
            self._position or PageState(),
            self.definition,
            watermark=self._safe_watermark(),
            started=iso(self._started),
            passed=self._passed,
            part=self._part.bounds if self._part is not None else None,
            window=window,
            token=self._token,
            lost=self._lost,
            pagination=self._detected,
            listed=listed,
            job=self._job,
            shifted=self.shifted,
        )

    def _cursor(self) -> Any:
        """Return the mark that is safe to start from: the maximum only when nothing can be behind it."""
        incremental, before = self._incremental, self.saved.cursor
        if incremental is None:
            return None
        whole = self.end is not None and self.end.complete
        # a list of what is there does not tell what went: only the changes since the cursor do
        untold = self._told and self.mode == "full" and before is not None
        if untold or (not whole and (self._lost or self._feed is not None)):
            return before  # what was lost, or is not yet known to be deleted, has to come again
        if incremental.token is not None:
            return self._token if whole and self._token is not None else before
        if incremental.window is not None:
            return latest(before, self._windowed_cursor(whole=whole))
        if whole or self._is_ascending:
            return latest(before, self._safe_watermark())
        return before

    def _safe_watermark(self) -> Any:
        """Return the greatest cursor value that nothing can be behind.

        A record on a page that is read, perhaps days ago, may change before the last page is read, and get a
        cursor value that is less than what is there. So a time counts up to when the enumeration began, and
        any other value, after an interruption, up to what had been seen before it.
        """
        if is_time(self._watermark):
            return at_most(self._watermark, self._started)
        if self._resume is None or self._is_ascending:
            return self._watermark
        return self._resume.watermark

    @property
    def _is_ascending(self) -> bool:
        return self._incremental is not None and self._incremental.order == "ascending"

    def _windowed_cursor(self, *, whole: bool) -> Any:
        """Return the end of the last window that is in the past, or the newest record of the one that is not.

        The last window ends at our present, where the server's clock and late writers may still be before it.
        """
        begun = [part.start for part in self._parts if is_before(part.start, self._started)]
        last = begun[-1] if begun else None
        if not whole:
            return self._passed if is_before(self._passed, self._started) else last
        return latest(last, self._safe_watermark())
