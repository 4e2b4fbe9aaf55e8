"""The end of a complete read of time windows: what changed meanwhile moved behind the last one.

Before what was not seen may be taken for deleted, everything since the read began is read up to now, until
one answer, which is one moment, has all of it, or it is twice the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from syncrun.engine.cursors import Slice, written
from syncrun.engine.walk import Begun, Fetch, Taken
from syncrun.errors import RequestError
from syncrun.extract.fetch import Fetched
from syncrun.paginators.base import End, Page, PageState

_ROUNDS = 5
_AHEAD = timedelta(minutes=1)  # what changes while this is read is in it, too
_LONGER = [timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=31), timedelta(days=366)]
_REFUSED = frozenset({400, 416, 422})
UNSETTLED = "records kept changing during the read, so some that moved may be missing"
REFUSED = "the API refuses a window up to now, so records that changed during the read may be missing"


class Closing(Struct, frozen=True):
    """How the windows that end a complete read are made; *form* is how requests show times.

    *began* returns, in the API's clock, from when on everything has changed that did so since the read began,
    or since the page that it is given was asked for, at a time of ours. *now* is our time, and *cap* the most
    records that the API gives.
    """

    began: Callable[[Fetched | None, datetime], datetime]
    now: Callable[[], datetime]
    form: str
    cap: int | None = None

    def part(self, since: datetime, ahead: timedelta) -> Slice:
        """Return the window from *since* to now, or to a time *ahead* that is later than now as shown."""
        now = max(self.now(), since)
        if not ahead:
            return Slice(written(since), written(now), self.form)
        shown = self._shown(now)
        ends = (now + ahead + longer for longer in _LONGER)
        end = next((end for end in ends if self._shown(end) != shown), now + ahead)
        return Slice(written(since), written(end), self.form)

    @property
    def tells_seconds(self) -> bool:
        """Whether requests show times so exactly that a window up to now has what changed just before."""
        now = self.now()
        return bool(self._shown(now) != self._shown(now - timedelta(seconds=1)))

    def _shown(self, moment: datetime) -> Any:
        return Slice(written(moment), written(moment), self.form).shown["start"]


def up_to_now(
    fetch: Fetch, context: Mapping[str, Any], closing: Closing
) -> Generator[Taken | Begun, None, None]:
    """Yield what changed since the read began, again and again until nothing can have been missed.

    The last page tells what doubt is left, where there is some.
    """
    since, ahead, before = closing.began(None, closing.now()), _AHEAD, b""
    for left in reversed(range(_ROUNDS)):
        part, asked = closing.part(since, ahead), closing.now()
        try:
            seen = yield from _round(fetch, context, part, closing.cap, before, last=not left)
        except RequestError as error:
            if error.status not in _REFUSED:
                raise
            if not ahead or not closing.tells_seconds:
                yield _over(part)
                return
            ahead = timedelta(0)  # it gives nothing of the future
            continue
        if seen is None:
            return
        first, before = seen
        since = closing.began(first, asked)
    yield _over(part)


def _round(
    fetch: Fetch, context: Mapping[str, Any], part: Slice, cap: int | None, before: bytes, *, last: bool
) -> Generator[Taken | Begun, None, tuple[Fetched, bytes] | None]:
    """Yield the pages of *part*; return None at the end, else the first page and a digest of all.

    It is the end when one page has all, or all are as they were *before*; and when there is no other round.
    """
    received, pages, digest = 0, list[Fetched](), blake2b(digest_size=16)
    for found in fetch({**context, "window": part.shown}, None):
        if not isinstance(found, Fetched):
            yield Begun(found.job, part)
            continue
        pages.append(found)
        received += len(found.page.records)
        digest.update(json.dumps(list(found.page.records), default=str).encode())
        capped = cap is not None and received >= cap
        page = replace(found, next=End(complete=True, reason=UNSETTLED)) if capped else found
        settled = not capped and (len(pages) == 1 or digest.digest() == before)
        over = isinstance(page.next, End) and (settled or last or capped or not page.next.complete)
        doubt = UNSETTLED if over and not settled else ""
        yield Taken(page, part, last_part=over, closing=True, doubt=doubt)
        if over:
            return None
    return pages[0], digest.digest()


def _over(part: Slice) -> Taken:
    """Return an empty page that ends the read."""
    page = Page(PageState(), "", 0, {}, None, [])
    return Taken(Fetched(page, End(complete=True, reason=REFUSED), 0), part, closing=True, doubt=REFUSED)
