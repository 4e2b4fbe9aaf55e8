"""The enumeration of one partition: which pages to fetch, and what is known after each of them.

`pages` runs in a worker thread and only fetches; `take` runs in the run's own thread, page by page in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncrun.config.sync import Incremental
from syncrun.engine.checkpoints import Progress, Resume, latest
from syncrun.engine.cursors import Slice, looked_back
from syncrun.engine.plan import Mode, Partition
from syncrun.expressions.compile import compile_expression
from syncrun.extract.fetch import Fetched
from syncrun.paginators.base import End, PageState

Fetch = Callable[[Mapping[str, Any], PageState | None], Iterator[Fetched]]
"""From a template context and the page to begin at (None: the first) to the pages."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One fetched page, its time window (None: the sync has none), and whether it lists deletions."""

    fetched: Fetched
    part: Slice | None = None
    last_part: bool = True
    feed: bool = False


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
        parts: Sequence[Slice] = (),
        feed: Fetch | None = None,
    ) -> None:
        self.partition, self.saved, self.mode, self.definition = partition, saved, mode, definition
        self.context = context
        self.end: End | None = None
        self.skipped = False
        self._incremental, self._fetch, self._parts, self._feed = incremental, fetch, parts, feed
        self._read_to: End | None = None
        self._lost = ""
        self._watermark: Any = None
        self._position: PageState | None = None
        self._part: Slice | None = None
        self._passed: str | None = None
        self._token: Any = None
        self._taken = 0
        resume = saved.resume
        if resume is not None and resume.mode == mode and resume.definition == definition:
            self._watermark, self._passed = resume.watermark, resume.passed
            self._parts = [part for part in parts if resume.passed is None or part.end > resume.passed]
            first = self._parts[0].bounds if self._parts else None
            if resume.part == first:  # a page of another time window would be a page of another list
                self._position = resume.page
        self._token_of = compile_expression(incremental.token) if incremental and incremental.token else None

    @property
    def since(self) -> Any:
        """The cursor below which records have not moved, for an API that cannot filter (`filter: client`)."""
        if self._incremental is None or self._incremental.filter != "client" or self.mode != "incremental":
            return None
        return looked_back(self.saved.cursor, self._incremental.lookback)

    @property
    def complete(self) -> bool:
        """Whether every page was answered and the enumeration ended for a proper reason (R7)."""
        return self.end is not None and self.end.complete

    @property
    def done(self) -> bool:
        """Whether nothing is missing: read completely, or rightly left out."""
        return self.complete or self.skipped

    def pages(self) -> Iterator[Taken]:
        """Yield the partition's pages, from where an interrupted enumeration stopped, then its deletions.

        Deletions come last: what is deleted while the records are read is then not behind the new cursor.
        """
        yield from (
            self._windows()
            if self._parts or self._is_windowed
            else map(Taken, self._fetch(self.context, self._position))
        )
        if self._feed is not None:
            for fetched in self._feed(self.context, None):
                yield Taken(fetched, feed=True)

    @property
    def _is_windowed(self) -> bool:
        return self._incremental is not None and self._incremental.window is not None

    def _windows(self) -> Iterator[Taken]:
        begin = self._position
        for number, part in enumerate(self._parts, start=1):
            for fetched in self._fetch({**self.context, "window": part.shown}, begin):
                yield Taken(fetched, part, last_part=number == len(self._parts))
            begin = None

    def take(self, taken: Taken, watermark: Any) -> None:
        """Note that a page is staged, and the greatest cursor value in it (R14)."""
        self._taken += 1
        following = taken.fetched.next
        self._lost = self._lost or taken.fetched.lost
        if taken.feed:
            if isinstance(following, End):
                self.end = self._read_to if following.complete else following
            return
        self._watermark = latest(self._watermark, watermark)
        if self._token_of is not None:
            token = self._token_of(taken.fetched.page.body)
            self._token = token if token not in (None, "") else self._token
        self._part = taken.part
        if not isinstance(following, End):
            self._position = following
            return
        self._position = self._part = None
        if following.complete and self._lost:
            following = End(complete=False, reason=self._lost)
        if not following.complete:
            self.end = following
            return
        self._passed = taken.part.end if taken.part else None  # this window is done
        if taken.last_part:
            self._read_to = following
            self.end = following if self._feed is None else None

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
        saved = replace(self.saved, cursor=self._cursor(), resume=None)
        if self.end is not None:
            if not self.end.complete:
                return saved
            return replace(saved, window=window, parents_seq=self.partition.seq or None)
        if self._taken == 0 or (self._position is None and self._passed is None):
            # nothing was read since the last try: start over next time rather than fail at one page for ever
            return saved
        place, part = self._position or PageState(), self._part
        bounds = part.bounds if part is not None else None
        resume = Resume(self.mode, place, self.definition, self._watermark, self._passed, bounds)
        return replace(saved, resume=resume)

    def _cursor(self) -> Any:
        """Return the mark that is safe to start from: the maximum only when nothing can be behind it."""
        incremental, before = self._incremental, self.saved.cursor
        if incremental is None:
            return None
        whole = self.end is not None and self.end.complete
        if not whole and (self._lost or self._feed is not None):
            return before  # what was lost, or is not yet known to be deleted, has to come again
        if incremental.token is not None:
            return self._token if whole and self._token is not None else before
        if incremental.window is not None:
            return latest(before, self._windowed_cursor(whole=whole))
        if whole or incremental.order == "ascending":
            return latest(before, self._watermark)
        return before

    def _windowed_cursor(self, *, whole: bool) -> Any:
        """Return the end of the last window that is in the past, or the newest record of the one that is not.

        The last window ends at our present, where the server's clock and late writers may still be before it.
        """
        if not whole:
            return self._passed
        before_last = self._parts[-1].start if self._parts else None
        return latest(before_last, self._watermark)
