"""How far the enumeration of a partition has come: where it goes on, and what is known of it so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.checkpoints import Resume
from syncrun.engine.cursors import Slice, resumed
from syncrun.engine.searches import Position
from syncrun.engine.seen import NOTHING
from syncrun.engine.walk import Begun, Place, Taken
from syncrun.expressions.compile import compile_expression
from syncrun.extract.fetch import Fetched
from syncrun.paginators.base import End, PageState, Pagination
from syncrun.transform.watermark import Progress
from syncrun.wording import iso


class Course:
    """The way through one partition, from where an earlier one stopped, if it did; `Resume` is what is saved.

    *parts* are the time windows to read, `passed` is the end of the last one that was read completely.
    *started* is when the enumeration began. Without a declared *pagination* it is the one detected. `shifted`
    tells where it went on at a page that may have moved, `unseen` why records that moved may not have been
    seen at all. `counted` tells that there was more than one numbered page, `drift` why records may have
    slipped past.
    """

    def __init__(
        self,
        incremental: Incremental | None,
        parts: Sequence[Slice],
        started: datetime,
        pagination: Pagination | None,
        stopped: Resume | None,
    ) -> None:
        self.parts, self.started, self.stopped = parts, started, stopped
        self.begun = self.taken = self.counted = False
        self.token: Any = None
        self.unseen = self.lost = self.shifted = self._shifted_before = self.drift = ""
        self.passed: str | None = None
        self.job: Any = None
        self.anew = stopped is None
        self._incremental, self._pagination = incremental, pagination
        self.seen = NOTHING
        self.searched: Position | None = None
        self.capped = False
        self._page: PageState | None = None
        self._part: Slice | None = None
        self._detected: Pagination | None = None
        self._received, self._second = 0, False
        self._token_of = compile_expression(incremental.token) if incremental and incremental.token else None
        if stopped is not None:
            self._go_on(stopped)

    def _go_on(self, at: Resume) -> None:
        self.seen, self.passed = at.seen, at.passed
        if at.started is not None:
            self.started = datetime.fromisoformat(at.started)
        self.token, self.lost, self._detected = at.token, at.lost, at.pagination
        self.parts, same = resumed(self.parts, at.part, at.passed)
        if same:  # a page of another time window would be a page of another list
            self._page = at.page if at.page != PageState() else None
            self.job, self._received, self._second = at.job, at.received or 0, at.second
        self.searched = at.searched
        self._shifted_before = at.shifted
        self.shifted = at.shifted or self._shifting()
        self.counted, self.drift = at.counted, at.drift

    def _shifting(self) -> str:
        """Return where the enumeration goes on, when that may be another page than the one it stopped at.

        What an export holds does not change any more.
        """
        pagination = self._detected or self._pagination
        if self._page is None or self.job is not None or pagination is None:
            return ""
        return f"page {self._page.number + 1}" if pagination.shifts(self._page) else ""

    @property
    def went_on_from(self) -> datetime | None:
        """When the enumeration began that it goes on with; None when it began its own."""
        return self.started if self.stopped is not None else None

    @property
    def place(self) -> Place:
        """Where to begin. A time window that goes on at a page that may have moved is read once more."""
        moved = bool(self._shifting()) and not self._second
        return Place(self._page, self._detected, self.job, self._received, moved)

    @property
    def is_windowed(self) -> bool:
        """Whether there are time windows to read."""
        return self._incremental is not None and self._incremental.window is not None

    @property
    def is_under_way(self) -> bool:
        """Whether it stands somewhere between its beginning and its end."""
        return any((self._page, self._part, self.passed, self.job, self.searched))

    def begin(self, begun: Begun) -> None:
        """Note that an export is being prepared, which no other run has to ask for again."""
        self.job, self._part, self._page, self.begun = begun.job, begun.part, None, True

    def forget_job(self) -> None:
        """Note that there is nothing to wait for any more: the next run asks for another export."""
        self.job = self._page = None
        if self.stopped is not None:
            self.stopped = replace(self.stopped, job=None, page=PageState())

    def forget_place(self) -> None:
        """Note that the API does not know the place any more: everything is read from the first page on."""
        self.stopped = self.searched = None
        if not self.is_windowed:  # windows that were read to their end stay read
            self.token, self.lost, self._shifted_before, self.drift = None, "", "", ""
            self.anew = True
        self.shifted = self._shifted_before

    def take(self, taken: Taken, values: Progress) -> End | None:
        """Note that a page is staged, and its cursor *values*; return how its list ended, if it did."""
        page, following = taken.fetched.page, taken.fetched.next
        self._detected = taken.fetched.detected or self._detected
        self.lost = self.lost or taken.fetched.lost
        self._look_for_drift(taken)
        self._look_at(taken.fetched, values)
        self.taken = True
        if self._token_of is not None:
            token = self._token_of(page.body)
            self.token = token if token not in (None, "") else self.token
        if taken.closing:
            return self._close(taken)
        self._part = taken.part
        self._received = len(page.records) + (self._received if page.state.number else 0)
        if taken.again:  # from the first page on, so that nothing is passed over
            self._part, self._page, self.job = taken.again[0], None, None
            self._second, self.shifted = taken.again == (taken.part,), self._shifted_before
            return None
        if isinstance(following, PageState):
            self._page = following
            return None
        self._page = self._part = self.job = None
        self._second = False
        self.capped = taken.capped
        if self.capped:
            return None
        if following.complete and self.lost:
            return End(complete=False, reason=self.lost)
        if following.complete:
            self.passed = taken.part.end if taken.part else None  # this window is done
        return following

    def search_on(self, position: Position) -> None:
        """Note that another search follows, from *position* on."""
        self.searched, self.capped, self._received = position, False, 0

    @property
    def _counts(self) -> bool:
        """Whether the API gives only so many records at a time."""
        return self._part is not None or (self._incremental is not None and self._incremental.cap is not None)

    def _close(self, taken: Taken) -> End | None:
        """Note a page of a window that ends a complete read; the next run would make that window anew."""
        self.unseen, following = taken.doubt, taken.fetched.next
        self._page = self._part = self.job = None
        if isinstance(following, PageState):
            return None
        return End(complete=False, reason=self.lost) if following.complete and self.lost else following

    def began_at(self, fetched: Fetched | None, asked: datetime) -> datetime:
        """Return from when on, in the API's clock, everything has changed that did so since it began.

        With a page *fetched* it is since that one was *asked* for.
        """
        return self.seen.began_at(self.started) if fetched is None else self.seen.asked_at(fetched, asked)

    def _look_at(self, fetched: Fetched, values: Progress) -> None:
        pagination, following = self._detected or self._pagination, fetched.next
        numbered = pagination is not None and isinstance(following, PageState) and pagination.slips(following)
        first = not self.taken and self.stopped is None
        self.seen = self.seen.with_page(fetched, values, began=self.started, first=first, numbered=numbered)

    def _look_for_drift(self, taken: Taken) -> None:
        """Note whether records may slip from a page to one that was read before (R32)."""
        self.drift = self.drift or taken.fetched.drift
        following, pagination = taken.fetched.next, self._detected or self._pagination
        if isinstance(following, PageState) and pagination is not None and self.job is None:
            self.counted = self.counted or pagination.slips(following)

    def take_list(self, fetched: Fetched) -> None:
        """Note that a page of the list of deletions was read, before any record was."""
        self.seen = self.seen.begun(fetched, self.started)

    def resume(self, mode: str, definition: str, window: str | None, *, told: str) -> Resume:
        """Return where the next run goes on; *told* names the list of deletions that was read before."""
        return replace(
            self.export(mode, definition, window),
            page=self._page or PageState(),
            seen=self.seen,
            passed=self.passed,
            token=self.token,
            lost=self.lost,
            pagination=self._detected,
            told=told,
            shifted=self.shifted,
            received=self._received if self._counts and self._page is not None else None,
            searched=self.searched,
            second=self._second,
            counted=self.counted,
            drift=self.drift,
        )

    def export(self, mode: str, definition: str, window: str | None) -> Resume:
        """Return the export that is being read, for the next run to read from its first page on.

        A snapshot that has seen its pages may end with this run; the next one then has to see them all.
        """
        return Resume(
            mode,
            PageState(),
            definition,
            started=iso(self.started),
            part=self._part.bounds if self._part is not None else None,
            window=window,
            job=self.job,
        )
